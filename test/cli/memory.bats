#!/usr/bin/env bats
# qualiclip info --memory: the blocks of a program without a heap.
load common

setup_file() {
    provide_model
}

info() {
    run -0 "$QUALICLIP" info --memory --format=json "$@" $MODEL
}

@test "a scorer's memory grows with the image, and is told to the byte" {
    info --max-size=64x64
    small=$(jq .scorer_bytes <<<"$output")
    [ "$(jq '.max_width == 64 and .max_height == 64 and .batch == 1 and .threads == 1' <<<"$output")" = true ]
    info --max-size=640x480
    large=$(jq .scorer_bytes <<<"$output")
    [ "$((small % 64))" = 0 ] && [ "$((large % 64))" = 0 ] && [ "$small" -lt "$large" ]
    [ "$(jq '.model_bytes % 64 == 0 and .model_bytes > 1000 and .multiply_adds > 1000000' <<<"$output")" = true ]
    run -0 "$QUALICLIP" info --memory --max-size=640x480 $MODEL
    contains "$output" "scorer           $large bytes: images up to 640x480, batch 1, threads 1"
}

@test "batches and threads take more" {
    info --max-size=64x64 --batch=2
    [ "$(jq .batch <<<"$output")" = 2 ]
    [ "${THREADS:-yes}" = yes ] || return 0
    one=$(jq .scorer_bytes <<<"$output")
    info --max-size=64x64 --batch=2 --threads=2
    [ "$(jq .scorer_bytes <<<"$output")" -gt "$one" ]
}

@test "what cannot be is refused by name" {
    run -2 "$QUALICLIP" info --memory --batch=0 $MODEL
    contains "$output" "--batch=0: expected a number"
    run -2 "$QUALICLIP" info --memory --max-size=wide $MODEL
    contains "$output" "--max-size=wide: expected a size such as 640x480"
    run -1 "$QUALICLIP" info --memory --max-size=8x8 $MODEL
    contains "$output" "max_width x max_height is 8 x 8, expected sides from 32"
    run -1 "$QUALICLIP" info --kernels=none $MODEL
    contains "$output" 'there are no kernels named "none" here'
}
