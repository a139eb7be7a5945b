#!/usr/bin/env bats
# qualiclip convert and info; what a converted checkpoint computes is what PyTorch computed.
load common

setup_file() {
    provide_model
    cd "$BATS_FILE_TMPDIR"
    "$QUALICLIP" convert "$towers/vit.pth" -o vit.gguf
    "$QUALICLIP" convert "$towers/resnet.pth" -o resnet-f32.gguf
    "$QUALICLIP" convert "$towers/vit.pth" -o vit-f16.gguf --type f16
}

setup() {
    cd "$BATS_FILE_TMPDIR"
}

@test "features and scores are PyTorch's: both towers, all sizes, all positions" {
    need_png
    compared=0
    while read -r kind checkpoint image positions numbers; do
        [ "$kind" = right ] || continue
        model=${checkpoint%.pth}.gguf
        [ "$model" = resnet.gguf ] && model=resnet-f32.gguf
        for command in embed score; do
            "$QUALICLIP" $command -m $model --positions "$positions" --format csv "$towers/$image.png" |
                sed -n 2p >$command.csv
        done
        awk -F, -v expected="$numbers" '
            function far(a, b, most) { return !(a - b <= most && b - a <= most) }
            BEGIN { n = split(expected, e, " ") }
            NR == 1 { for (i = 1; i < n; i++) bad += far($(i + 1), e[i], 2e-5); seen = NF - 2 }
            NR == 2 { bad += far($2, e[n], 1e-4) }
            END { exit bad || NR != 2 || seen != n - 1 }' embed.csv score.csv ||
            { echo "$checkpoint $image $positions"; cat embed.csv score.csv; return 1; }
        compared=$((compared + 1))
    done <"$towers/towers.txt"
    [ $compared -ge 8 ]
}

@test "f16 and bf16 are about half as large and score nearly the same" {
    need_png
    run -0 "$QUALICLIP" convert "$towers/vit.pth" -o vit-bf16.gguf --type bf16
    contains "$output" ", bf16, "
    run -0 "$QUALICLIP" info vit-bf16.gguf
    contains "$output" "bf16"
    for type in f16 bf16; do
        [ $(($(stat -c %s vit-$type.gguf) * 10)) -lt $(($(stat -c %s vit.gguf) * 6)) ]
        for model in vit vit-$type; do
            "$QUALICLIP" score -m $model.gguf --format json "${images[1]}"
        done >both
        jq -es '.[0].score - .[1].score | fabs < 0.05' both
        jq -es '.[0].model != .[1].model' both
    done
    run -2 --separate-stderr "$QUALICLIP" convert "$towers/vit.pth" -o other.gguf --type q4
    contains "$stderr" "expected f32, f16, bf16 or q8"
}

@test "q8, packed or not, out of a checkpoint or a model file: int8's bits" {
    need_png
    run -0 "$QUALICLIP" convert "$towers/vit.pth" -o q8.gguf --type q8
    contains "$output" ", q8, "
    run -0 "$QUALICLIP" convert vit.gguf -o q8-packed.gguf --type q8 --packed
    contains "$output" "q8, packed"
    run -0 "$QUALICLIP" convert "$towers/resnet.pth" -o resnet-q8.gguf --type q8 --packed
    for model in q8 q8-packed; do
        "$QUALICLIP" info --format json $model.gguf |
            jq -e '.weight_type == "q8" and .precision == "int8"' >&2
        "$QUALICLIP" score -m $model.gguf --format json "${images[1]}"
    done >both
    "$QUALICLIP" score -m vit.gguf --precision int8 --format json "${images[1]}" >>both
    jq -es '(map([.score, .precision]) | unique | length) == 1' both
    run -1 --separate-stderr "$QUALICLIP" convert q8.gguf -o again.gguf --packed
    contains "$stderr" "already"
    run -2 --separate-stderr "$QUALICLIP" convert vit.gguf -o again.gguf --type f16
    contains "$stderr" "is a model file"
    [ ! -e again.gguf ]
}

@test "info describes what was converted, in text and JSON" {
    run -0 --separate-stderr "$QUALICLIP" info vit.gguf
    contains "$output" "ViT"
    contains "$output" "vit.pth"
    contains "$output" "xxh64:"
    [ -z "$stderr" ]
    run -0 "$QUALICLIP" info resnet-f32.gguf
    contains "$output" "ModifiedResNet"
    run -0 "$QUALICLIP" info --format json vit-f16.gguf
    jq -e '.tower == "vit" and .weight_type == "f16" and (.pair_names | length) == 7' <<<"$output"
    hash=$(jq -r .hash <<<"$output")
    need_png
    [ "$("$QUALICLIP" score -m vit-f16.gguf --format json "${images[0]}" | jq -r .model)" = "$hash" ]
}

@test "converting twice gives the same bytes" {
    "$QUALICLIP" convert "$towers/vit.pth" -o again.gguf
    cmp vit.gguf again.gguf
}

@test "convert: missing, empty, foreign and cut checkpoints leave no file behind" {
    : >empty.pth
    echo "no checkpoint" >foreign.pth
    head -c 5000 "$towers/vit.pth" >cut.pth
    mkdir -p here
    for name in missing.pth empty.pth foreign.pth cut.pth; do
        run -1 --separate-stderr "$QUALICLIP" convert $name -o here/model.gguf
        [ -z "$output" ]
        contains "$stderr" "$name"
        [ -z "$(ls -A here)" ]
    done
}

@test "convert: a failure keeps the model that was there" {
    cp vit.gguf kept.gguf
    echo "no checkpoint" >foreign.pth
    run -1 "$QUALICLIP" convert foreign.pth -o kept.gguf
    cmp vit.gguf kept.gguf
}

@test "convert: a folder that does not exist, and a disk that is full" {
    run -1 --separate-stderr "$QUALICLIP" convert "$towers/vit.pth" -o nowhere/model.gguf
    contains "$stderr" "nowhere/model.gguf"
    run -1 --separate-stderr bash -c 'ulimit -f 100; trap "" XFSZ; "$1" convert "$2" -o limited.gguf' \
        bash "$QUALICLIP" "$towers/vit.pth"
    contains "$stderr" "limited.gguf"
    [ -z "$(ls -A | grep limited || true)" ]
}

@test "convert: usage errors" {
    check() {
        run -2 --separate-stderr "$QUALICLIP" convert "$@"
        [ -z "$output" ]
        contains "$stderr" "Try 'qualiclip convert --help'"
    }
    check
    check "$towers/vit.pth"
    check -o model.gguf
    check "$towers/vit.pth" "$towers/resnet.pth" -o model.gguf
    check "$towers/vit.pth" -o model.gguf --type f8
}

@test "info: a missing and a damaged model: named, status 1" {
    head -c 3000 vit.gguf >cut.gguf
    for name in missing.gguf cut.gguf; do
        run -1 --separate-stderr "$QUALICLIP" info $name
        [ -z "$output" ]
        contains "$stderr" "qualiclip: $name: "
    done
}

@test "convert: directories as transformers and OpenCLIP publish them are the same model" {
    published=$root/test/golden/published
    run -0 --separate-stderr "$QUALICLIP" convert "$published/transformers/" -o hf.gguf -v
    contains "$stderr" "names: transformers'"
    contains "$stderr" "activation: gelu, config.json"
    contains "$stderr" "vocabulary: vocab.json and merges.txt of"
    "$QUALICLIP" convert "$published/open_clip" -o oc.gguf --vocab "$published/transformers"
    run -0 "$QUALICLIP" info --format json hf.gguf
    jq -e '.has_text and .heads == 2 and .name == "transformers"' <<<"$output"
    need_png
    for model in hf oc; do
        "$QUALICLIP" embed -m $model.gguf --format json "${images[0]}" | jq -c .feature
    done >both
    [ "$(sort -u both | wc -l)" -eq 1 ]
}

@test "convert: a directory's own vocabulary encodes prompts" {
    published=$root/test/golden/published
    printf 'Good\tBad\n' >pair.txt
    "$QUALICLIP" convert "$published/transformers" -o pair.gguf --prompts pair.txt
    need_png
    expected=$(awk '$1 == "right" && $2 == "score" && $3 == "64x64" { print $5 }' \
        "$published/expected.txt")
    "$QUALICLIP" score -m pair.gguf --positions none --format json "${images[0]}" |
        jq -e --argjson expected "$expected" '.score - $expected | fabs < 1e-4'
}

@test "convert: an activation that nothing tells is asked for" {
    cp "$root/test/golden/published/open_clip/open_clip_model.safetensors" alone.safetensors
    run -1 --separate-stderr "$QUALICLIP" convert alone.safetensors -o alone.gguf
    contains "$stderr" "--activation=gelu"
    [ ! -e alone.gguf ]
    "$QUALICLIP" convert alone.safetensors -o alone.gguf --activation quick_gelu
    run -2 --separate-stderr "$QUALICLIP" convert alone.safetensors -o alone.gguf --activation relu
    contains "$stderr" "expected gelu or quick_gelu"
}
