#!/usr/bin/env bats
# qualiclip train --init=FILE: a converted model or a checkpoint is fine-tuned, and stays what it is
# otherwise.
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

@test "a checkpoint begins as convert would have it: its scores are the same before the first step" {
    for model in vit resnet; do
        "$QUALICLIP" train --init "$towers/$model.pth" -o begun-$model.gguf "${step[@]}" --until 0
        differ $model.gguf begun-$model.gguf 0 1e-6
    done
    run -0 "$QUALICLIP" info begun-vit.gguf
    contains "$output" "Sharp edges./Blurry edges."
    "$QUALICLIP" train --init "$towers/vit.pth" -o begun-grid.gguf "${step[@]}" --until 0 \
        --positions grid --activation gelu
    differ gelu.gguf begun-grid.gguf 0 1e-6
}

@test "BatchNorm's statistics of a checkpoint move with the photos, those of a model file do not" {
    "$QUALICLIP" train --init "$towers/resnet.pth" -o moved.gguf "${step[@]}" --learning-rate 0
    differ resnet.gguf moved.gguf 1e-4 1
    "$QUALICLIP" train --init resnet.gguf -o still.gguf "${step[@]}" --learning-rate 0
    differ resnet.gguf still.gguf 0 1e-6
}

# Prompts that learn have moments in the state.
prompts_learn() {
    grep -aq '"adam.first.prompts"' "$1.gguf.state"
}

@test "prompts are fixed where a checkpoint is fine-tuned, and learn from scratch or when told to" {
    "$QUALICLIP" train --init "$towers/resnet.pth" -o tuned.gguf "${step[@]}" --until 0
    run -1 prompts_learn tuned
    "$QUALICLIP" train --init "$towers/resnet.pth" -o told.gguf "${step[@]}" --steps 2 --until 1 \
        --prompts learn
    prompts_learn told
    "$QUALICLIP" train --resume told.gguf.state -o told.gguf "${step[@]:0:4}"
    prompts_learn told
    run -0 --separate-stderr "$QUALICLIP" train --init "$towers/resnet.pth" -o scratch.gguf \
        "${step[@]}" --until 0 --recipe scratch
    prompts_learn scratch
    contains "$output" "batches of 14 images" # two of them strange, as no fine-tuning has
    "$QUALICLIP" train --init tuned.gguf.state -o again.gguf "${step[@]}" --until 0
    run -1 prompts_learn again
    run -1 --separate-stderr "$QUALICLIP" train --init nano -o no.gguf "${step[@]}" --prompts fixed
    contains "$stderr" "no prompts that could be fixed"
    run -2 "$QUALICLIP" train --init nano -o no.gguf "${step[@]}" --recipe perfect
    contains "$output" "expected scratch or fine-tune"
}

@test "from scratch a checkpoint is as good a beginning as the state of a run" {
    "$QUALICLIP" train --init "$towers/resnet.pth" -o checkpoint.gguf "${step[@]}" --recipe scratch \
        --log checkpoint.csv
    "$QUALICLIP" train --init "$towers/resnet.pth" -o begun.gguf "${step[@]}" --recipe scratch --until 0
    "$QUALICLIP" train --init begun.gguf.state -o state.gguf "${step[@]}" --log state.csv
    [ "$(wc -l <state.csv)" -ge 2 ]
    diff <(cut -d, -f1-12 checkpoint.csv) <(cut -d, -f1-12 state.csv) # but for the times
}

@test "the scale is the checkpoint's, unless another one is given" {
    run -0 "$QUALICLIP" info begun-resnet.gguf
    contains "$output" "logit scale      100"
    "$QUALICLIP" train --init "$towers/resnet.pth" -o scaled.gguf "${step[@]}" --until 0 \
        --logit-scale 8
    run -0 "$QUALICLIP" info scaled.gguf
    contains "$output" "logit scale      8"
}

# A safetensors file out of its header, and some zeros.
write_safetensors() {
    printf '%b\0\0\0\0\0\0\0%s\0\0\0\0' "\\x$(printf %x ${#2})" "$2" >"$1"
}

@test "a checkpoint that is damaged or none is refused, and the tensor named" {
    head -c 20000 "$towers/resnet.pth" >cut.pth
    run -1 --separate-stderr "$QUALICLIP" train --init cut.pth -o no.gguf "${step[@]}"
    contains "$stderr" "cut.pth"
    write_safetensors less.safetensors \
        '{"visual.layer1.0.bn1.bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    run -1 --separate-stderr "$QUALICLIP" train --init less.safetensors -o no.gguf "${step[@]}"
    contains "$stderr" "less.safetensors: tensor visual.conv3.weight is missing"
    run -1 --separate-stderr "$QUALICLIP" train --init absent.pth -o no.gguf "${step[@]}"
    contains "$stderr" "absent.pth: No such file"
    cp "$towers/vit.pth" own.pth
    run -1 --separate-stderr "$QUALICLIP" train --init own.pth -o own.pth "${step[@]}"
    contains "$stderr" "would overwrite the checkpoint"
    cmp own.pth "$towers/vit.pth"
    run -1 --separate-stderr "$QUALICLIP" train --init vit.gguf -o no.gguf "${step[@]}" \
        --activation gelu
    contains "$stderr" "of checkpoints that were not converted"
    [ ! -e no.gguf ]
}
