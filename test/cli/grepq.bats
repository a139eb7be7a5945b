#!/usr/bin/env bats
# The profile grepq from end to end: two checkpoints and a directory of photos in, scores out.
load common

setup_file() {
    provide_model
    export grepq=$root/test/golden/grepq profiles=$root/test/golden/profiles
    [ "$READS_JPEG" = no ] || "$QUALICLIP" convert "$profiles/image.pth" --profile grepq \
        --text "$profiles/clip.pth" --low-level "$grepq/low_level.tar" \
        --pristine "$grepq/pristine" -v \
        -o "$BATS_FILE_TMPDIR/grepq.gguf" 2>"$BATS_FILE_TMPDIR/notes"
}

convert_grepq() {
    "$QUALICLIP" convert "$profiles/image.pth" --text "$profiles/clip.pth" --profile grepq \
        -o no.gguf "$@"
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
        sed 's/.*"score":\([0-9.e-]*\).*"pairs":\[\([0-9.e-]*\)\].*/\1 \2/' json |
            paste -d' ' - low |
            awk '{ d = $1 - $2 - $3; exit !(NF == 3 && d <= 1e-6 && -d <= 1e-6) }'
        compared=$((compared + 1))
    done <"$grepq/expected.txt"
    [ $compared -eq 2 ]
}

@test "every number of threads and each batch gives the same line" {
    photos=("$grepq"/pristine/*.jpg)
    "$QUALICLIP" score -m grepq.gguf --format json --threads 1 "${photos[@]}" >one
    for threads in $(thread_counts); do
        "$QUALICLIP" score -m grepq.gguf --format json --threads $threads --batch 3 "${photos[@]}" >two
        cmp one two
    done
}

@test "what was taken and dropped is listed" {
    grep -q "^l.stem.weight <- encoder.resnet18.0.weight" notes
    grep -q "^dropped.*: encoder.base_model.conv1.weight" notes
    "$QUALICLIP" info --format json grepq.gguf >info
    grep -q '"profile":"grepq"' info
    grep -q '"low_level_source":"low_level.tar","pristine_photos":3,"pristine_patches":6' info
    "$QUALICLIP" info grepq.gguf | grep -q '^low level from *low_level.tar$'
}

@test "an image with less than two patches is an error that says so" {
    need_png
    run "$QUALICLIP" score -m grepq.gguf "$towers/130x70.png" "$root/test/photos/bikes-161x300.png"
    [ "$status" -eq 1 ]
    [[ $output == *"130x70.png: the image has 130 x 70 pixels"*"at least 144 x 96"* ]]
    [[ $output == *bikes-161x300.png* ]]
}

@test "checkpoint and photos go together, and each is refused by name" {
    run convert_grepq --low-level "$grepq/low_level.tar"
    [ "$status" -eq 2 ] && [[ $output == *"go together"* ]]
    run convert_grepq --pristine "$grepq/pristine"
    [ "$status" -eq 2 ]
    run convert_grepq
    [ "$status" -eq 1 ] && [[ $output == *"--low-level=FILE --pristine=DIRECTORY"* ]]
    run convert_grepq --low-level "$towers/vit.pth" --pristine "$grepq/pristine"
    [ "$status" -eq 1 ] && [[ $output == *"encoder.resnet18.0.weight is missing"* ]]
    run convert_grepq --low-level "$grepq/low_level.tar" --pristine "$grepq/pristine" \
        --profile clip-iqa
    [ "$status" -eq 1 ] && [[ $output == *"no use for a low-level part"* ]]
    mkdir -p empty
    run convert_grepq --low-level "$grepq/low_level.tar" --pristine empty
    [ "$status" -eq 1 ] && [[ $output == *"no .png, .jpg or .jpeg file is in it"* ]]
    [ ! -e no.gguf ]
}

@test "the checkpoint is not overwritten" {
    cp "$grepq/low_level.tar" copy.tar
    run "$QUALICLIP" convert "$profiles/image.pth" --profile grepq --text "$profiles/clip.pth" \
        --low-level copy.tar --pristine "$grepq/pristine" -o copy.tar
    [ "$status" -eq 1 ] && [[ $output == *"overwrite"* ]]
    cmp "$grepq/low_level.tar" copy.tar
}
