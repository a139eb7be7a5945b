#!/usr/bin/env bats
# qualiclip score, embed: many images side by side; order, bits, failures and memory as with one.
load common

setup_file() {
    provide_model
}

setup() {
    need_png
    cd "$BATS_TEST_TMPDIR"
}

# Several, where the build has them.
threads() {
    if [ "${THREADS:-yes}" = yes ]; then echo 3; else echo 1; fi
}

# `many`: one large image, which takes longest, before small ones, damaged ones and a directory.
make_many() {
    echo no image >bad.png
    head -c 300 "${images[0]}" >cut.png
    many=("$root/test/photos/held-out-perched-osprey.png")
    for i in $(seq 5); do many+=("${images[@]}" bad.png); done
    many+=(cut.png missing.png . "${images[1]}")
}

@test "lines and complaints come in the order of the arguments, with the bits of one thread" {
    make_many
    for format in text csv json; do
        run -1 --separate-stderr q score --threads 1 --format $format "${many[@]}"
        expected=$output complaints=$stderr
        [ ${#stderr_lines[@]} = 8 ]
        run -1 --separate-stderr q score --threads $(threads) --format $format "${many[@]}"
        [ "$output" = "$expected" ]
        [ "$stderr" = "$complaints" ]
    done
}

@test "embed: the same" {
    make_many
    run -1 --separate-stderr q embed --threads 1 "${many[@]}"
    expected=$output complaints=$stderr
    [ ${#lines[@]} = 17 ]
    run -1 --separate-stderr q embed --threads $(threads) "${many[@]}"
    [ "$output" = "$expected" ]
    [ "$stderr" = "$complaints" ]
}

@test "--sort, and batches of any number, on several threads" {
    make_many
    run -1 --separate-stderr q score --threads 1 --batch 1 --sort "${many[@]}"
    expected=$output
    for batch in 0 2 100; do
        run -1 --separate-stderr q score --threads $(threads) --batch $batch --sort "${many[@]}"
        [ "$output" = "$expected" ]
    done
}

@test "more images than may wait behind a slow one" {
    many=("$root/test/photos/held-out-perched-osprey.png")
    for i in $(seq 110); do many+=("${images[0]}"); done
    run -0 q score --threads 1 "${many[@]}"
    expected=$output
    run -0 q score --threads $(threads) "${many[@]}"
    [ "$output" = "$expected" ]
}

@test "--max-memory: an image too large for a thread's share has all of it to itself" {
    photo=$root/test/photos/held-out-perched-osprey.png
    q score --threads 1 --format json "$photo" "${images[@]}" "$photo" >expected
    q embed --threads 1 "$photo" "${images[@]}" "$photo" >expected-features
    threads=$(threads)
    limit=8
    until q score --threads $threads --max-memory ${limit}M "$photo" >/dev/null 2>&1; do
        ((limit += 6))
        [ $limit -lt 200 ]
    done
    q score --threads $threads --max-memory ${limit}M --format json "$photo" "${images[@]}" \
        "$photo" >actual
    cmp actual expected
    q embed --threads $threads --max-memory ${limit}M "$photo" "${images[@]}" "$photo" >actual
    cmp actual expected-features
    run -1 --separate-stderr q score --threads $threads --max-memory 12M "${images[0]}" "$photo" \
        "${images[0]}" "$photo"
    [ ${#lines[@]} = 2 ]
    [ ${#stderr_lines[@]} = 2 ]
    contains "${stderr_lines[1]}" "--max-memory allows 12.0 MiB"
}

@test "an output that is closed early ends it" {
    many=()
    for i in $(seq 150); do many+=("${images[0]}"); done
    run -0 timeout 60 bash -c '"$@" | head -1' bash "$QUALICLIP" score ${MODEL:+-m "$MODEL"} \
        --threads $(threads) "${many[@]}"
    contains "${lines[0]}" "  ${images[0]}"
}
