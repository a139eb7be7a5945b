#!/usr/bin/env bats
# qualiclip convert --profile: what a model then scores by, and what its file says of it.
load common

setup_file() {
    provide_model
    cd "$BATS_FILE_TMPDIR"
    profiles=$root/test/golden/profiles
    "$QUALICLIP" convert "$profiles/clip.pth" -o clip.gguf
}

setup() {
    cd "$BATS_FILE_TMPDIR"
    profiles=$root/test/golden/profiles
}

@test "a model of a profile scores as the profile at scoring, with the text tower kept" {
    need_png
    compared=0
    for profile in qualiclip qualiclip-pyiqa clip-iqa clip-iqa-pyiqa liqe liqe-mix; do
        "$QUALICLIP" convert "$profiles/clip.pth" -o own.gguf --profile $profile
        for image in "$towers/130x70.png" "$root/test/photos/bikes-224x224.png"; do
            "$QUALICLIP" score -m own.gguf --format json "$image" >own 2>own.error || true
            "$QUALICLIP" score -m clip.gguf --profile $profile --format json "$image" >other \
                2>other.error || true
            jq 'del(.model, .recipe)' own >own.fields
            jq 'del(.model, .recipe)' other >other.fields
            diff own.fields other.fields
            jq -e .score own >/dev/null && compared=$((compared + 1))
        done
    done
    [ $compared -ge 10 ]
}

@test "the settings of a file are shown by info and used" {
    need_png
    run -0 "$QUALICLIP" convert "$profiles/clip.pth" -o set.gguf --profile liqe --size crop64 \
        --positions none --temperature 3 --license 'CC BY 4.0'
    contains "$output" "5 levels, profile liqe, f32"
    run -0 "$QUALICLIP" info --format json set.gguf
    jq -e '.profile == "liqe" and .readout == "levels" and .size == "crop64" and
           .positions == "none" and .temperature == 3 and .score_range == [1, 5] and
           .license == "CC BY 4.0" and .has_text_tower == false and
           .pair_names == ["bad", "poor", "fair", "good", "perfect"]' <<<"$output"
    run -0 "$QUALICLIP" info set.gguf
    contains "$output" "CC BY 4.0"
    contains "$output" "1 (bad) to 5 (good)"
    contains "$output" "crop64"
    run -0 "$QUALICLIP" score -m set.gguf --format json "$root/test/photos/bikes-224x224.png"
    jq -e '.size == "crop64" and .positions == "none" and .temperature == 3 and .width == 64' \
        <<<"$output"
}

@test "an image tower alone takes its prompts from another checkpoint's text tower" {
    run -1 --separate-stderr "$QUALICLIP" convert "$profiles/image.pth" -o lone.gguf \
        --profile clip-iqa
    contains "$stderr" "--text=CHECKPOINT"
    "$QUALICLIP" convert "$profiles/image.pth" -o lone.gguf --profile clip-iqa \
        --text "$profiles/clip.pth"
    run -0 "$QUALICLIP" info --format json lone.gguf
    jq -e '.source == "image.pth" and .text_source == "clip.pth" and .context_source == ""' \
        <<<"$output"
    run -0 "$QUALICLIP" info lone.gguf
    contains "$output" "clip.pth"
    [ -z "$(ls | grep 'lone.*text')" ]
}

@test "learned contexts are found in a file, and said to be needed" {
    run -0 --separate-stderr "$QUALICLIP" convert "$profiles/clip.pth" -o plus.gguf -v \
        --profile qualiclip+ --context "$profiles/qualiclip+.pth"
    contains "$stderr" 'encoded "Good picture." in a learned context of 16 vectors'
    run -0 "$QUALICLIP" info --format json plus.gguf
    jq -e '.profile == "qualiclip+" and .temperature == 2 and .context_source == "qualiclip+.pth"' \
        <<<"$output"
    run -1 --separate-stderr "$QUALICLIP" convert "$profiles/clip.pth" -o none.gguf \
        --profile qualiclip+
    contains "$stderr" "--context=FILE"
    [ ! -e none.gguf ]
}

@test "the user's prompts under a profile keep its settings and its name" {
    need_png
    golden=$root/test/golden
    printf 'Good photo.\tBad photo.\n' >pairs.txt
    "$QUALICLIP" convert "$golden/text/text.pth" -o own.gguf --profile qualiclip-pyiqa \
        --vocab "$golden/tokenizer/merges.txt" --prompts pairs.txt
    run -0 "$QUALICLIP" info --format json own.gguf
    jq -e '.profile == "qualiclip-pyiqa" and .temperature == 2 and .has_text and
           .pair_names == ["Good photo./Bad photo."]' <<<"$output"
    printf 'Good photo.\nBad photo.\tbad\n' >texts.txt
    "$QUALICLIP" convert "$golden/text/text.pth" -o texts.gguf --profile clip --no-text \
        --vocab "$golden/tokenizer/merges.txt" --prompts texts.txt
    run -0 "$QUALICLIP" score -m texts.gguf --format json "${images[0]}"
    jq -e '.pair_names == ["Good photo.", "bad"] and .profile == "clip" and
           ((.pairs | add) - 1 | fabs < 1e-6)' <<<"$output"
    run -0 "$QUALICLIP" info --format json texts.gguf
    jq -e '.has_text == false and .readout == "texts"' <<<"$output"
}

@test "settings that make no sense" {
    check() {
        run -2 --separate-stderr "$QUALICLIP" convert "$profiles/clip.pth" -o x.gguf "$@"
        [ -z "$output" ]
        contains "$stderr" "${1%%=*}"
    }
    check --size=half
    check --size=crop0
    check --positions=all
    check --temperature=0
    check --temperature=nan
    check --no-text --vocab=x
    [ ! -e x.gguf ]
}

@test "a disk that is full while prompts are encoded leaves nothing behind" {
    mkdir -p full
    for limit in 100 12000; do # within the text tower's file, and within the model that keeps it
        run -1 --separate-stderr bash -c \
            'ulimit -f $3; trap "" XFSZ; "$1" convert "$2" -o full/model.gguf --profile liqe --keep-text' \
            bash "$QUALICLIP" "$profiles/clip.pth" $limit
        contains "$stderr" "full/model.gguf"
        [ -z "$(ls -A full)" ]
    done
}
