#!/bin/sh
# run.sh - runs the test programs given, then test/cli/*.bats, and adds up what they say.
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

for program in "$@"; do
    "$program" >"$log" 2>&1
    status=$?
    add "$(basename "$program")" $status "$(grep -c '^\[       OK \]' "$log")" \
        "$(grep '^\[  FAILED  \]' "$log" | grep -vc 'test(s)')" "$(grep -c '^\[  SKIPPED \] [a-z]' "$log")"
done
for file in test/cli/*.bats; do
    bats --tap "$file" >"$log" 2>&1
    status=$?
    add "$(basename "$file")" $status "$(grep '^ok ' "$log" | grep -vc '# skip')" \
        "$(grep -c '^not ok ' "$log")" "$(grep -c '^ok .*# skip' "$log")"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
