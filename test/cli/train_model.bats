#!/usr/bin/env bats
# qualiclip train --init=MODEL.gguf: a converted model is fine-tuned, and stays what it is otherwise.
load common

# A step of two photos takes less than a second; the paper's rate changes next to nothing.
step=(--photos "$root/test/photos/dandelions.jpg" --photos "$root/test/photos/bikes-224x224.png"
    --crop 64 --steps 1 --photos-a-step 1 --threads 1 --workers 1 --type f32)

setup_file() {
    provide_model
    cd "$BATS_FILE_TMPDIR"
    "$QUALICLIP" convert "$towers/vit.pth" -o vit.gguf --type f32
    "$QUALICLIP" convert "$towers/vit.pth" -o gelu.gguf --type f32 --activation gelu --positions grid
    "$QUALICLIP" convert "$towers/resnet.pth" -o resnet.gguf --type f32
}

setup() {
    cd "$BATS_FILE_TMPDIR"
    need_png
    need_jpeg
}

scores() {
    "$QUALICLIP" score -m "$1" --format json "${images[@]}" | jq -s 'map(.score)'
}

# The largest difference between two models' scores is within the bounds: differ A B LEAST MOST
differ() {
    jq -ne --argjson a "$(scores "$1")" --argjson b "$(scores "$2")" --argjson least "$3" \
        --argjson most "$4" '[$a, $b] | transpose | map(.[0] - .[1] | fabs) | max |
                             . >= $least and . <= $most'
}

@test "after a step at the paper's rate a model scores as before: ViT, exact GELU, ResNet" {
    for model in vit gelu resnet; do
        "$QUALICLIP" train --init $model.gguf -o tuned-$model.gguf "${step[@]}"
        differ $model.gguf tuned-$model.gguf 0 1e-4
    done
    run -0 "$QUALICLIP" info tuned-gelu.gguf
    contains "$output" "positions: grid"
    contains "$output" "Sharp edges./Blurry edges."
}

@test "a larger rate changes the scores, and the prompts stay" {
    "$QUALICLIP" train --init vit.gguf -o far.gguf "${step[@]}" --learning-rate 1e-3
    differ vit.gguf far.gguf 1e-3 1
    "$QUALICLIP" train --init vit.gguf -o near.gguf "${step[@]}" --learning-rate 1e-12 --type f16
    differ vit.gguf near.gguf 0 0.02
}

@test "what cannot be trained is refused, with what to do" {
    "$QUALICLIP" convert vit.gguf -o whole.gguf --type q8
    "$QUALICLIP" convert vit.gguf -o packed.gguf --packed
    run -1 --separate-stderr "$QUALICLIP" train --init whole.gguf -o no.gguf "${step[@]}"
    contains "$stderr" "not of f32, f16 or bf16"
    run -1 --separate-stderr "$QUALICLIP" train --init packed.gguf -o no.gguf "${step[@]}"
    contains "$stderr" "without --packed"
    run -1 --separate-stderr "$QUALICLIP" train --init gelu.gguf -o no.gguf "${step[@]}" --crop 96
    contains "$stderr" "the positions are for 4x4"
    head -c 20000 vit.gguf >cut.gguf
    run -1 --separate-stderr "$QUALICLIP" train --init cut.gguf -o no.gguf "${step[@]}"
    contains "$stderr" "cut.gguf"
    [ ! -e no.gguf ]
}
