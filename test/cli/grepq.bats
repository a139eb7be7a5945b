#!/usr/bin/env bats
# The profile grepq from end to end: two checkpoints and a directory of photos in, scores out.
load common

setup_file() {
    provide_model
    export grepq=$root/test/golden/grepq
    [ "$READS_JPEG" = no ] || "$QUALICLIP" convert "$towers/resnet.pth" --profile grepq \
        --low-level "$grepq/low_level.tar" --pristine "$grepq/pristine" -v \
        -o "$BATS_FILE_TMPDIR/grepq.gguf" 2>"$BATS_FILE_TMPDIR/notes"
}

setup() {
    need_jpeg
    cd "$BATS_FILE_TMPDIR"
}

@test "the low-level score is PyTorch's, and part of the score" {
    need_png
    compared=0
    while read -r word photo expected distance; do
        [ "$word" = low ] || continue
        "$QUALICLIP" score -m grepq.gguf --format json "$root/test/photos/$photo" >json
        sed 's/.*"low_level":\([0-9.e-]*\).*/\1/' json >low
        awk -v expected="$expected" '{ d = $1 - expected; exit !(d <= 1e-5 && -d <= 1e-5) }' low
        sed 's/.*"score":\([0-9.e-]*\).*"pairs":\[\([0-9.e-]*\),\([0-9.e-]*\)\].*/\1 \2 \3/' json |
            paste -d' ' - low |
            awk '{ d = $1 - ($2 + $3) / 2 - $4; exit !(NF == 4 && d <= 1e-6 && -d <= 1e-6) }'
        compared=$((compared + 1))
    done <"$grepq/expected.txt"
    [ $compared -eq 2 ]
}

@test "every number of threads and each batch gives the same line" {
    photos=("$root"/test/photos/dandelions*.jpg)
    "$QUALICLIP" score -m grepq.gguf --format json --threads 1 "${photos[@]}" >one
    "$QUALICLIP" score -m grepq.gguf --format json --threads 2 --batch 3 "${photos[@]}" >two
    cmp one two
}

@test "what was taken and dropped is listed" {
    grep -q "^l.stem.weight <- encoder.resnet18.0.weight" notes
    grep -q "^dropped encoder.base_model.conv1.weight" notes
    "$QUALICLIP" info --format json grepq.gguf | grep -q '"profile":"grepq"'
}

@test "an image with less than two patches is an error that says so" {
    run "$QUALICLIP" score -m grepq.gguf "$root/test/golden/images/420-9x33.jpg"
    [ "$status" -eq 1 ]
    run "$QUALICLIP" score -m grepq.gguf --format json "$grepq/pristine/a.jpg"
    [ "$status" -eq 0 ]
}

@test "checkpoint and photos go together, and each is refused by name" {
    run "$QUALICLIP" convert "$towers/resnet.pth" --low-level "$grepq/low_level.tar" -o no.gguf
    [ "$status" -eq 2 ] && [[ $output == *"go together"* ]]
    run "$QUALICLIP" convert "$towers/resnet.pth" --pristine "$grepq/pristine" -o no.gguf
    [ "$status" -eq 2 ]
    run "$QUALICLIP" convert "$towers/resnet.pth" --profile grepq --low-level "$towers/vit.pth" \
        --pristine "$grepq/pristine" -o no.gguf
    [ "$status" -eq 1 ] && [[ $output == *"encoder.resnet18.0.weight is missing"* ]]
    mkdir -p empty grey
    run "$QUALICLIP" convert "$towers/resnet.pth" --low-level "$grepq/low_level.tar" \
        --pristine empty -o no.gguf
    [ "$status" -eq 1 ] && [[ $output == *"no .png, .jpg or .jpeg file is in it"* ]]
    run "$QUALICLIP" convert "$towers/resnet.pth" --profile grepq -o no.gguf
    [ "$status" -eq 1 ] && [[ $output == *low_level* || $output == *low-level* ]]
    [ ! -e no.gguf ]
}
