#!/usr/bin/env bats
# qualiclip bench: what it prints; the numbers are the machine's affair.
load common

setup_file() {
    provide_model
}

fast=(--size 64x64 --seconds 0.01)

@test "json: an object for each combination, with the keys that are promised" {
    run -0 --separate-stderr q bench "${fast[@]}" --batch 1,2 --threads 1 --kernels reference --format json
    [ -z "$stderr" ]
    [ "$(jq -c '[.batch, .threads, .kernels]' <<<"$output" | tr '\n' ' ')" = \
        '[1,1,"reference"] [2,1,"reference"] ' ]
    jq -es 'all(
        ["batch","threads","precision","kernels","ms_per_image","images_per_second","open_ms",
         "first_ms","rss_mb"] - keys == []
        and .ms_per_image > 0 and .p99_ms >= .ms_per_image and .open_ms > 0 and .first_ms > 0
        and .rss_mb > 1 and .size == "64x64" and (.model | startswith("xxh64:"))
        and (.images_per_second * .ms_per_image / 1000 - 1 | fabs < 1e-4))' <<<"$output"
}

@test "every kernel set by name, in the order asked for" {
    run -0 q bench "${fast[@]}" --batch 1 --threads 1 --format json \
        --kernels "$("$QUALICLIP" --version | sed -n 's/^kernels: //p' | tr -d ' ')"
    [ "$(jq -r .kernels <<<"$output" | paste -sd, | sed 's/,/, /g')" = \
        "$("$QUALICLIP" --version | sed -n 's/^kernels: //p')" ]
}

@test "text: the model, a heading, a row for each combination" {
    run -0 --separate-stderr q bench "${fast[@]}" --batch 1,3 --threads 1
    contains "${lines[0]}" "64 x 64"
    contains "${lines[1]}" "ms/image"
    [ ${#lines[@]} = 4 ]
    contains "${lines[3]}" " 3 "
}

@test "defaults: batches 1, 8, 32; one thread and all processors" {
    run -0 q bench "${fast[@]}" --format json
    [ "$(jq -s 'map(.batch) | unique' -c <<<"$output")" = '[1,8,32]' ]
    [ "$(jq -s 'map(.threads) | unique | first' <<<"$output")" = 1 ]
}

@test "values that make no sense: status 2" {
    for value in --size=64 --size=0x64 --size=64x --batch=0 --batch=1,,2 --batch= --threads=x \
        --seconds=0 --seconds=-1 --format=csv --kernels=,; do
        run -2 --separate-stderr "$QUALICLIP" bench $value
        [ -z "$output" ]
        contains "$stderr" "expected"
        contains "$stderr" "Try 'qualiclip bench --help'"
    done
    run -2 --separate-stderr "$QUALICLIP" bench photo.png
    contains "$stderr" "photo.png"
}

@test "a missing model, unknown kernels, a size under the minimum: status 1" {
    run -1 --separate-stderr "$QUALICLIP" bench -m missing.gguf
    contains "$stderr" "missing.gguf: "
    run -1 --separate-stderr q bench "${fast[@]}" --batch 1 --threads 1 --kernels xyzzy,reference
    contains "$stderr" "xyzzy"
    contains "$output" "reference"
    run -1 --separate-stderr q bench --size 1x1 --seconds 0.01 --batch 1 --threads 1
    contains "$stderr" "qualiclip: batch 1"
}
