#!/usr/bin/env bats
# What the documents say: every command in a block marked `sh` runs, and the demo prints what the
# README shows.  `make deps ...` is left to .ci/run, which calls the same lines.
load common

BUILD=${BUILD:-$root/build}

setup_file() {
    provide_model
}

setup() {
    [ "${BUILTIN:-yes}" = yes ] || skip "the documents' commands use the built-in model"
    need_png
    need_jpeg
    cd "$root"
}

# The commands of all documents, with the program that is being tested in place of build/qualiclip.
commands() {
    sed -n '/^```sh$/,/^```$/p' README.md docs/*.md weights/README.md | grep -v '^```' |
        grep -v '^make deps' | sed "s|build/\([^q]\)|$BATS_TEST_TMPDIR/\1|g; s|build/qualiclip|$QUALICLIP|g"
}

@test "every command in the documents runs" {
    [ "$(commands | grep -c .)" -ge 8 ]
    commands | while IFS= read -r line; do
        [ -z "$line" ] && continue
        echo "\$ $line"
        bash -c "$line" 2>&1 || { echo "failed: $line"; exit 1; }
    done
}

# Published checkpoints are not here: their commands must fail for want of the file, and no sooner.
@test "the commands for published checkpoints are right but for the file" {
    cd "$BATS_TEST_TMPDIR"
    lines=$(sed -n 's/^    qualiclip convert //p' "$root/docs/weights.md")
    [ "$(wc -l <<<"$lines")" -ge 6 ]
    while IFS= read -r line; do
        run -1 --separate-stderr bash -c "\"$QUALICLIP\" convert $line"
        contains "$stderr" "${line%% *}: No such file or directory"
    done <<<"$lines"
}

@test "the demo prints what the README shows" {
    shown=$(sed -n '/^```text$/,/^```$/p' README.md | grep 'test/photos')
    [ "$(wc -l <<<"$shown")" = 5 ]
    photos=$(sed 's/^[0-9.]*  //' <<<"$shown" | sort)
    [ "$("$QUALICLIP" score --sort $photos)" = "$shown" ]
}

@test "the README's C example gives the program's score" {
    run built "$BUILD/test/readme-example" test/photos/dandelions.jpg
    [ "$status" = 0 ]
    [ "${lines[0]}  test/photos/dandelions.jpg" = "$("$QUALICLIP" score test/photos/dandelions.jpg)" ]
    run built "$BUILD/test/readme-example" README.md
    [ "$status" = 1 ]
    [[ ${lines[0]} == *"neither PNG nor JPEG"* ]]
}
