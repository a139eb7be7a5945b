#!/bin/sh
# cpus.sh - on emulated CPUs that lack this or that: the default kernel set is the one expected and
# computes the same score as everywhere; on AArch64 its products are checked too.  (On x86 they
# cannot be: masked loads of QEMU 7.2 touch what is masked, and forbidden pages lie there.)
#
# usage: cpus.sh BUILD EMULATOR CPU=SET ...    e.g. cpus.sh build qemu-x86_64 Nehalem=reference
#
# A set that dispatch.c took for present and that the CPU lacks would die of an illegal instruction.
set -eu
cd "$(dirname "$0")/.."
build=$1 emulator=$2
shift 2

fail() {
    echo "$cpu: $*" >&2
    exit 1
}

for pair in "$@"; do
    cpu=${pair%%=*} expected=${pair#*=}
    run() { "$emulator" -cpu "$cpu" "$@" 2>&1 | grep -v "TCG doesn't support requested feature"; }

    # Sets on OpenBLAS depend on the build, not on the CPU.
    found=$(run "$build/qualiclip" --version | sed -n 's/^kernels: //p' | tr -d ' ' | tr , '\n' |
        grep -v openblas | head -1)
    [ "$found" = "$expected" ] || fail "the default kernel set is $found, not $expected"
    score=$(run "$build/qualiclip" score test/photos/bikes-161x300.png | cut -d' ' -f1)
    [ "$score" = 0.9673 ] || fail "score $score"
    case $emulator in *x86*) continue ;; esac
    log=$(run "$build/test/test_kernels" --set "$expected" --kernel "I8") || true
    echo "$log" | grep -q 'PASSED.* 2 test' || fail "$log"
done
echo "$# emulated CPUs: the kernel sets expected, and the same score"
