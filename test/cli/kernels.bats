#!/usr/bin/env bats
# Every kernel set of this build and CPU tells the same, and so do different CPUs: `make
# check-aarch64` runs this on an emulated one, where the README's score came from another.
load common

setup_file() {
    provide_model
}

setup() {
    [ -z "$MODEL" ] || skip "this build has no built-in model"
    need_png
    photos=("$root/test/photos/bikes-161x300.png")
    [ -n "${EMULATOR:-}" ] || photos+=("$root/test/photos/bikes-224x224.png")
}

kernel_sets() {
    "$QUALICLIP" --version | sed -n 's/^kernels: //p' | tr -d ' ' | tr , '\n'
}

# The largest difference between the numbers of two files that hold equally many.
largest_difference() {
    jq -n --slurpfile a "$1" --slurpfile b "$2" '($a | flatten) as $a | ($b | flatten) as $b |
        if ($a | length) == ($b | length) and ($a | length) > 0
        then [range($a | length) | $a[.] - $b[.] | fabs] | max else 1 end'
}

@test "every kernel set gives the reference's scores within 1e-4 and features within 2e-5" {
    q score --kernels reference --format json "${photos[@]}" | jq .score >"$BATS_TEST_TMPDIR/scores"
    q embed --kernels reference --format json "${photos[@]}" |
        jq -c .feature >"$BATS_TEST_TMPDIR/features"
    for set in $(kernel_sets); do
        q score --kernels "$set" --format json "${photos[@]}" | jq .score >"$BATS_TEST_TMPDIR/own"
        score=$(largest_difference "$BATS_TEST_TMPDIR/own" "$BATS_TEST_TMPDIR/scores")
        q embed --kernels "$set" --format json "${photos[@]}" |
            jq -c .feature >"$BATS_TEST_TMPDIR/own"
        feature=$(largest_difference "$BATS_TEST_TMPDIR/own" "$BATS_TEST_TMPDIR/features")
        echo "$set: scores differ by $score, features by $feature"
        jq -en "$score <= 1e-4 and $feature <= 2e-5"
    done
}

@test "the default set gives the README's score of a photo within 1e-4" {
    need_jpeg
    photo=test/photos/dandelions.jpg
    shown=$(sed -n "s|^\(0\.[0-9]*\)  $photo\$|\1|p" "$root/README.md")
    score=$(q score --format json "$root/$photo" | jq .score)
    echo "README: $shown, here: $score"
    jq -en "($score - $shown | fabs) <= 1.5e-4" # and half of the last digit shown
}

@test "AArch64 has the NEON kernels, and they are the default" {
    [ -n "${EMULATOR:-}" ] || [ "$(uname -m)" = aarch64 ] || skip "another architecture"
    [[ $(kernel_sets | head -1) == neon* ]]
    kernel_sets | grep -x neon
}
