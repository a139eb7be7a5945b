#!/usr/bin/env bash
# run.sh - fuzzes: run.sh SECONDS [NAME]...
#
# Builds the targets and their seeds, then runs each target (or those named: gguf, png, ...) for
# that time, JOBS (default: one for each core) at a time.  What was learned is kept in
# build/fuzz/corpus and is where the next run begins.  Prints how often each was run; a finding is
# kept in build/fuzz/findings, the end of its log is shown, and the status is 1.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?Usage: test/fuzz/run.sh SECONDS [NAME]...}
shift
BUILD=${BUILD:-build}
fuzz=$BUILD/fuzz

make -s -j"$(nproc)" BUILD="$BUILD" fuzz >/dev/null
make -s -j"$(nproc)" BUILD="$BUILD" fuzz-seeds >/dev/null
if [ $# -eq 0 ]; then
    for source in test/fuzz/fuzz_*.c; do
        name=${source##*/fuzz_}
        set -- "$@" "${name%.c}"
    done
fi

export TMPDIR
TMPDIR=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)/fuzz-XXXXXX")
trap 'rm -rf "$TMPDIR"' EXIT
export ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1

# Bytes that an input may have: a little more than the largest seed.
length_of() {
    case $1 in
    gguf) echo 65536 ;;
    pickle | torchscript | archive | vocabulary | safetensors | config | labels) echo 16384 ;;
    tokenizer) echo 2048 ;;
    *) echo 8192 ;;
    esac
}

# fuzz_one NAME: one line on standard output
fuzz_one() {
    local name=$1 status=0 log=$fuzz/$1.log corpus=$fuzz/corpus/$1 findings=$fuzz/findings
    local options=(-max_total_time="$seconds" -max_len="$(length_of "$name")" -timeout=10
        -rss_limit_mb=1024 -print_funcs=0 -print_final_stats=1 -artifact_prefix="$findings/$name-")
    local inputs=("$corpus" "$BUILD/test/fuzz-seeds/$name")
    mkdir -p "$corpus" "$findings"
    [ -f "test/fuzz/$name.dict" ] && options+=(-dict="test/fuzz/$name.dict")
    [ -d "test/fuzz/regressions/$name" ] && inputs+=("test/fuzz/regressions/$name")
    "$fuzz/test/fuzz_$name" "${options[@]}" "${inputs[@]}" >"$log" 2>&1 || status=$?
    local runs coverage
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    coverage=$(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -1)
    printf '%-12s %10s runs in %s s, %s, corpus %s\n' "$name" "${runs:-?}" "$seconds" \
        "${coverage:-no coverage}" "$(ls "$corpus" | wc -l)"
    if [ "$status" -ne 0 ]; then
        echo "$name: finding (status $status); the end of $log:"
        tail -60 "$log"
        return 1
    fi
}
export -f fuzz_one length_of
export BUILD fuzz seconds

printf '%s\n' "$@" | xargs -P "${JOBS:-$(nproc)}" -I '{}' bash -c 'fuzz_one {}' ||
    { echo "There are findings: $fuzz/findings"; exit 1; }
