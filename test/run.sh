#!/bin/sh
# run.sh - runs the tests given, programs (on EMULATOR where that is set) and .bats files, and adds
# up what they say.
#
# Every test is run, whatever fails; the log of a program that failed is shown whole.
set -u
cd "$(dirname "$0")/.." || exit 1
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0

# add NAME STATUS OK NOT-OK SKIPPED
add() {
    bad=$4
    [ "$2" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1 # it died before it could say what failed
    printf '%-28s %4d passed %3d failed %3d skipped\n' "$1" "$3" "$bad" "$5"
    [ "$bad" -ne 0 ] && cat "$log"
    passed=$((passed + $3)) failed=$((failed + bad)) skipped=$((skipped + $5))
}

run_program() {
    ${EMULATOR:-} "$1" >"$log" 2>&1
    status=$?
    add "$(basename "$1")" $status "$(grep -c '^\[       OK \]' "$log")" \
        "$(grep '^\[  FAILED  \]' "$log" | grep -vc 'test(s)')" "$(grep -c '^\[  SKIPPED \] [a-z]' "$log")"
}

run_bats() {
    bats --tap "$1" >"$log" 2>&1
    status=$?
    add "$(basename "$1")" $status "$(grep '^ok ' "$log" | grep -vc '# skip')" \
        "$(grep -c '^not ok ' "$log")" "$(grep -c '^ok .*# skip' "$log")"
}

for test in "$@"; do
    case $test in
    *.bats) run_bats "$test" ;;
    *) run_program "$test" ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
