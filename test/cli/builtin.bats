#!/usr/bin/env bats
# The built-in model on real photos: it is there without any file, and its order is the right one.
load common

setup_file() {
    provide_model
    # A format that this build does not read is not in the table.
    [ -n "$MODEL" ] ||
        q score --format csv "$root"/test/photos/dandelions*.* >"$BATS_FILE_TMPDIR/scores.csv" || true
}

setup() {
    [ -z "$MODEL" ] || skip "this build has no built-in model"
    photos=$root/test/photos
}

score_of() {
    sed -n "s|^$photos/$1,\([^,]*\),.*|\1|p" "$BATS_FILE_TMPDIR/scores.csv"
}

better() { # A B: photo A scores higher than photo B
    local a b
    a=$(score_of "$1")
    b=$(score_of "$2")
    [[ $a =~ ^[0-9.e-]+$ && $b =~ ^[0-9.e-]+$ ]] && awk -v a="$a" -v b="$b" 'BEGIN { exit !(a > b) }' ||
        { echo "$1: $a, $2: $b" >&2; return 1; }
}

@test "a photo scores higher than its worsened copies" {
    need_jpeg
    need_png
    worsened=0
    for copy in "$photos"/dandelions-*.*; do
        better dandelions.jpg "$(basename "$copy")"
        worsened=$((worsened + 1))
    done
    [ $worsened -ge 4 ]
}

@test "more blur scores lower" {
    need_png
    better dandelions-slight-blur.png dandelions-strong-blur.png
}

@test "--sort puts the photo before its worsened copies" {
    need_jpeg
    need_png
    run -0 q score --sort --size crop224 "$photos"/dandelions-*.* "$photos"/dandelions.jpg
    [ ${#lines[@]} -ge 5 ]
    contains "${lines[0]}" "/dandelions.jpg"
}

@test "no file but the photo is needed: an empty folder, an empty environment" {
    need_png
    cp "$photos/bikes-224x224.png" "$BATS_TEST_TMPDIR/photo.png"
    cd "$BATS_TEST_TMPDIR"
    run -0 env -i "$QUALICLIP" score photo.png
    [[ $output =~ ^0\.[0-9]{4}"  photo.png"$ ]]
}

@test "it has no positions: grid is refused with the reason" {
    need_png
    run -1 --separate-stderr q score --positions grid "$photos/bikes-224x224.png"
    [ -z "$output" ]
    contains "$stderr" "qualiclip: built-in model: "
    contains "$stderr" "position"
}
