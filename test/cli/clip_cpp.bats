#!/usr/bin/env bats
# Files that clip.cpp wrote, used as they are.
load common

setup_file() {
    provide_model
}

setup() {
    cd "$BATS_FILE_TMPDIR"
    golden=$root/test/golden/clip_cpp
    photo=$root/test/golden/towers/64x64.png
}

@test "a file of clip.cpp is described and embeds" {
    run -0 "$QUALICLIP" info --format json "$golden/gelu-f16.gguf"
    jq -e '.tower == "vit" and .weight_type == "f16" and .has_text and (.pair_names == [])' \
        <<<"$output"
    need_png
    run -0 --separate-stderr "$QUALICLIP" embed -m "$golden/vision-f32.gguf" --format json "$photo"
    [ -z "$stderr" ]
    jq -e '.feature | length == 16' <<<"$output"
}

@test "a file of clip.cpp scores by one's own prompts, and says that it needs them" {
    need_png
    run -1 --separate-stderr "$QUALICLIP" score -m "$golden/gelu-f16.gguf" "$photo"
    contains "$stderr" "gelu-f16.gguf"
    contains "$stderr" "--prompts"
    [ -z "$output" ]
    run -1 --separate-stderr "$QUALICLIP" score -m "$golden/vision-f32.gguf" "$photo"
    contains "$stderr" "it can embed, but not score"
    printf 'Good photo.\tBad photo.\tquality\n' >prompts.txt
    run -0 "$QUALICLIP" score -m "$golden/gelu-f16.gguf" --prompts prompts.txt --format json "$photo"
    jq -e '.score > 0 and .score < 1 and .pair_names == ["quality"] and .positions == "grid"' \
        <<<"$output"
    run -1 --separate-stderr "$QUALICLIP" score -m "$golden/vision-f32.gguf" --prompts prompts.txt \
        "$photo"
    contains "$stderr" "no text tower"
}
