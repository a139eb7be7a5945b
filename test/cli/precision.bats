#!/usr/bin/env bats
# --precision: how far bf16 and int8 may be from f32.  bench/accuracy.py measures the same on large models.
load common

setup_file() {
    provide_model
    cd "$BATS_FILE_TMPDIR" || return
    "$QUALICLIP" convert "$towers/vit.pth" -o vit.gguf
    "$QUALICLIP" convert "$towers/resnet.pth" -o resnet.gguf
}

# check BOUNDS MODEL-OPTIONS... : features and scores of all images, in bf16 and int8 beside f32.  Bounds: the
# least cosine and the largest difference of scores, about three times what was measured.
check() {
    local bounds=$1
    shift
    for precision in f32 bf16 int8; do
        "$QUALICLIP" embed "$@" --precision $precision --format json "${images[@]}" >$precision.embed
        "$QUALICLIP" score "$@" --precision $precision --format json "${images[@]}" >$precision.score
        [ "$(jq -r .precision $precision.score | sort -u)" = $precision ]
    done
    local precision least most
    while read -r precision least most; do
        jq -es --argjson least "$least" '
            . as $all | (length / 2) as $half | [range($half)] | all(
                [$all[.].feature, $all[. + $half].feature] | transpose | map(.[0] * .[1]) | add
                >= $least)' f32.embed $precision.embed >/dev/null ||
            { echo "$* $precision: features"; return 1; }
        jq -es --argjson most "$most" '
            . as $all | (length / 2) as $half | [range($half)] | all(
                $all[.].score - $all[. + $half].score | fabs <= $most)' \
            f32.score $precision.score >/dev/null ||
            { echo "$* $precision: scores"; paste f32.score $precision.score; return 1; }
    done <<<"$bounds"
}

@test "a ViT with outlier channels" {
    need_png
    check $'bf16 0.9998 0.004\nint8 0.9993 0.005' -m "$BATS_FILE_TMPDIR/vit.gguf"
}

@test "a ModifiedResNet" {
    need_png
    check $'bf16 0.9985 0.01\nint8 0.99 0.04' -m "$BATS_FILE_TMPDIR/resnet.gguf"
}

@test "the built-in model, or in a build without one, that ModifiedResNet again" {
    need_png
    local bounds=$'bf16 0.9997 0.01\nint8 0.999 0.015'
    [ -z "$MODEL" ] || bounds=$'bf16 0.9985 0.01\nint8 0.99 0.04'
    check "$bounds" ${MODEL:+-m "$MODEL"}
}
