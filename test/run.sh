#!/bin/sh
# run.sh - runs the tests given, programs (on EMULATOR where that is set) and .bats files, JOBS
# (default: 1) at a time, and adds up what they say.
#
# Every test is run, whatever fails; the log of a program that failed is shown whole.
set -u
cd "$(dirname "$0")/.." || exit 1

# add NAME STATUS OK NOT-OK SKIPPED: a line, and what it adds to the sums
add() {
    bad=$4
    [ "$2" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1 # it died before it could say what failed
    {
        printf '%-28s %4d passed %3d failed %3d skipped\n' "$1" "$3" "$bad" "$5"
        [ "$bad" -ne 0 ] && cat "$log"
    } >"$log.shown"
    cat "$log.shown"
    echo "$3 $bad $5" >>"$RUN_FOLDER/counts"
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

if [ "${1:-}" = --one ]; then
    log=$RUN_FOLDER/$(basename "$2").log
    case $2 in
    *.bats) run_bats "$2" ;;
    *) run_program "$2" ;;
    esac
    exit 0
fi

# A make that a test calls has no part in the jobs of the one that called this.
if [ -n "${MAKEFLAGS:-}" ]; then
    MAKEFLAGS=$(printf '%s' "$MAKEFLAGS" | sed -E 's/ ?--jobserver-[a-z]+=[^ ]+//g; s/ ?-j[0-9]*//')
    export MAKEFLAGS
fi

RUN_FOLDER=$(mktemp -d) || exit 1
export RUN_FOLDER
trap 'rm -rf "$RUN_FOLDER"' EXIT
printf '%s\n' "$@" | xargs -P "${JOBS:-1}" -I '{}' test/run.sh --one '{}'
awk -v expected=$# '{ passed += $1; failed += $2; skipped += $3 }
    END { if (NR != expected) { print expected - NR " tests were lost"; failed++ }
          print passed + 0 " passed, " failed + 0 " failed, " skipped + 0 " skipped"
          exit failed || !passed }' "$RUN_FOLDER/counts"
