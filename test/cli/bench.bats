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
         "first_ms","rss_mb","p50_ms","p99_ms","calls","gflop_per_image","gflop_executed","gflops",
         "peak_gflops","percent_of_peak"] - keys == []
        and .calls >= 5 and .gflop_per_image > 0 and .gflop_executed > 0 and .p50_ms == .ms_per_image
        and (.gflops / .gflop_per_image / .images_per_second - 1 | fabs < 1e-4)
        and (has("profile") | not)
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

@test "the work is counted as the model is defined; the last block computes less" {
    # A ViT of width 128, 2 blocks, patches of 16, feature 32, on 64 x 64 pixels: 16 patches, 17 tokens.
    "$QUALICLIP" convert "$towers/vit.pth" -o "$BATS_TEST_TMPDIR/vit.gguf"
    run -0 "$QUALICLIP" bench -m "$BATS_TEST_TMPDIR/vit.gguf" "${fast[@]}" --batch 1 --threads 1 \
        --format json
    jq -e 'def gflop(multiply_adds): 2 * multiply_adds / 1e9;
        def near(wanted): . / wanted - 1 | fabs < 1e-4;
        (.gflop_per_image | near(gflop(16 * 768 * 128 + 2 * 12 * 17 * 128 * 128 + 128 * 32)))
        and .gflop_executed < .gflop_per_image' <<<"$output"
}

@test "precisions: each measured, in the order asked for, beside the peak of its instructions" {
    run -0 q bench "${fast[@]}" --batch 1 --threads 1 --precision f32,bf16,int8 --format json
    [ "$(jq -r .precision <<<"$output" | paste -sd,)" = f32,bf16,int8 ]
    jq -es 'all(.peak_gflops == 0 or .percent_of_peak > 0)' <<<"$output"
}

@test "--profile: layers, whose times and calls are of one image" {
    run -0 q bench "${fast[@]}" --batch 1 --threads 1 --profile --format json
    jq -e '.profile | length > 10 and all(.calls >= 1 and .ms >= 0)
        and any(.layer | startswith("stage 4, 3x3")) and any(.layer == "attention pool")' <<<"$output"
    jq -e '(.profile | map(select(.layer != "attention") | .gflop) | add) / .gflop_executed - 1
        | fabs < 1e-3' <<<"$output"
    run -0 q bench "${fast[@]}" --batch 1 --threads 1 --profile
    contains "$output" "of peak"
    contains "$output" "stage 1, 3x3"
    contains "$output" "pixels, pointers, readout"
}

@test "--photos: what score does, from start to end, and decoding's share" {
    need_png
    mkdir "$BATS_TEST_TMPDIR/photos"
    cp "${images[@]}" "$BATS_TEST_TMPDIR/photos"
    run -0 --separate-stderr q bench --photos "$BATS_TEST_TMPDIR/photos" --threads 1 --seconds 0.01 \
        --format json
    [ -z "$stderr" ]
    jq -e '.images == 3 and .threads == 1 and .images_per_second > 0 and .decode_ms > 0
        and .decode_share > 0 and .decode_share < 1 and .kernels != ""
        and (.images_per_second * .ms_per_image / 1000 - 1 | fabs < 1e-4)' <<<"$output"
    run -0 q bench --photos "$BATS_TEST_TMPDIR/photos" --threads 1 --seconds 0.01
    contains "${lines[0]}" "3 photos"
    contains "${lines[1]}" "decoding"
    [ ${#lines[@]} = 3 ]
}

@test "--photos: none, or one that cannot be scored: status 1" {
    mkdir "$BATS_TEST_TMPDIR/none"
    run -1 --separate-stderr q bench --photos "$BATS_TEST_TMPDIR/none"
    contains "$stderr" "no .png"
    run -1 --separate-stderr q bench --photos "$BATS_TEST_TMPDIR/nowhere"
    contains "$stderr" "nowhere: "
    echo text > "$BATS_TEST_TMPDIR/none/broken.png"
    run -1 --separate-stderr q bench --photos "$BATS_TEST_TMPDIR/none" --threads 1 --seconds 0.01
    contains "$stderr" "not all of its photos"
    [ -z "$output" ]
}

@test "text: the model, a heading, a row for each combination" {
    run -0 --separate-stderr q bench "${fast[@]}" --batch 1,3 --threads 1
    contains "${lines[0]}" "64 x 64"
    contains "${lines[1]}" "ms/image"
    contains "${lines[3]}" " 3 "
    contains "${lines[4]}" "are computed"
    [ ${#lines[@]} = 5 ]
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
