#!/usr/bin/env bats
# The user's own prompts: at scoring, at conversion, and what is wrong with a file of them.
load common

setup_file() {
    provide_model
    cd "$BATS_FILE_TMPDIR"
    golden=$root/test/golden
    "$QUALICLIP" convert "$golden/text/text.pth" -o text.gguf \
        --vocab "$golden/tokenizer/merges.txt"
    "$QUALICLIP" convert "$golden/text/text.pth" -o plain.gguf
    printf '\xEF\xBB\xBF# mine\r\n\r\nGood photo.\tBad photo.\r\n1 2 \t3\tnumbers\r\n' >prompts.txt
}

setup() {
    cd "$BATS_FILE_TMPDIR"
}

refuses() {
    printf "$1" >bad.txt
    run -1 --separate-stderr "$QUALICLIP" score -m text.gguf --prompts bad.txt "${images[0]}"
    contains "$stderr" "$2"
    [ -z "$output" ]
}

@test "score --prompts gives a probability for each named pair" {
    need_png
    run -0 --separate-stderr "$QUALICLIP" score -m text.gguf --prompts prompts.txt --format json \
        "${images[@]}"
    [ -z "$stderr" ]
    [ ${#lines[@]} -eq 3 ]
    jq -e '.pair_names == ["Good photo./Bad photo.", "numbers"] and (.pairs | length) == 2 and
           .profile == "custom" and (.score - (.pairs | add / 2) | fabs < 1e-6)' <<<"${lines[0]}"
    jq -e '.pairs[0] != .pairs[1]' <<<"${lines[1]}"
}

@test "convert --prompts stores what score --prompts computes" {
    need_png
    "$QUALICLIP" convert "$root/test/golden/text/text.pth" -o stored.gguf \
        --vocab "$root/test/golden/tokenizer/merges.txt" --prompts prompts.txt
    "$QUALICLIP" score -m stored.gguf --format json "${images[1]}" | jq 'del(.model, .recipe)' >stored
    "$QUALICLIP" score -m text.gguf --prompts prompts.txt --format json "${images[1]}" |
        tee given.json | jq 'del(.model, .recipe)' >given
    diff stored given
    jq -e '.recipe | test(" prompts=xxh64:[0-9a-f]{16}$")' given.json
    run -0 "$QUALICLIP" info --format json stored.gguf
    jq -e '.pair_names[1] == "numbers" and .profile == "custom" and .has_text' <<<"$output"
}

@test "a model without text tower says what it lacks" {
    run -1 --separate-stderr "$QUALICLIP" score -m plain.gguf --prompts prompts.txt "${images[0]}"
    contains "$stderr" "plain.gguf"
    contains "$stderr" "no text tower"
    run -0 "$QUALICLIP" info --format json plain.gguf
    jq -e '.has_text == false' <<<"$output"
}

@test "a wrong prompts file is an error that names the line" {
    refuses 'Good photo. Bad photo.\n' 'bad.txt: line 1: has no TAB'
    refuses '#\n\na\tb\tc\td\n' 'line 3: has more than three fields'
    refuses 'a\tb\na\t \n' 'line 2: has an empty field'
    refuses 'a\tb\n\tb\n' 'line 2: has an empty field'
    refuses '# nothing\n' 'bad.txt: holds no prompts'
    refuses 'a\tb\0\n' 'zero byte'
    refuses 'a\t\xff\n' 'UTF-8'
    refuses 'a\t1 2 3 4 5 6 7 8 9 0 1 2\n' '14 tokens'
    run -1 --separate-stderr "$QUALICLIP" score -m text.gguf --prompts absent.txt "${images[0]}"
    contains "$stderr" "absent.txt: No such file"
    for i in $(seq 65); do printf 'a\tb\n'; done >many.txt
    run -1 --separate-stderr "$QUALICLIP" score -m text.gguf --prompts many.txt "${images[0]}"
    contains "$stderr" "line 65"
}

@test "--truncate cuts a long prompt" {
    need_png
    printf 'a\t1 2 3 4 5 6 7 8 9 0 1 2\n' >long.txt
    "$QUALICLIP" score -m text.gguf --prompts long.txt --truncate "${images[0]}"
    "$QUALICLIP" convert "$root/test/golden/text/text.pth" -o long.gguf --truncate \
        --vocab "$root/test/golden/tokenizer/merges.txt" --prompts long.txt
}

@test "a conversion that fails leaves nothing behind" {
    vocabulary=$root/test/golden/tokenizer/merges.txt
    printf 'a\t1 2 3 4 5 6 7 8 9 0 1 2\n' >long.txt
    mkdir -p empty
    run -1 --separate-stderr "$QUALICLIP" convert "$root/test/golden/text/text.pth" \
        -o empty/model.gguf --vocab "$vocabulary" --prompts long.txt
    contains "$stderr" "14 tokens"
    run -1 --separate-stderr "$QUALICLIP" convert "$root/test/golden/text/text.pth" \
        -o empty/model.gguf --vocab long.txt
    contains "$stderr" "#version"
    run -1 --separate-stderr "$QUALICLIP" convert "$towers/vit.pth" -o empty/model.gguf \
        --vocab "$vocabulary"
    contains "$stderr" "has no text tower"
    [ -z "$(ls empty)" ]
}

@test "--prompts without --vocab at conversion is a usage error, and embed takes neither" {
    run -2 --separate-stderr "$QUALICLIP" convert "$root/test/golden/text/text.pth" -o x.gguf \
        --prompts prompts.txt
    contains "$stderr" "--vocab"
    run -2 "$QUALICLIP" embed -m text.gguf --prompts prompts.txt "${images[0]}"
    run -2 "$QUALICLIP" embed -m text.gguf --truncate "${images[0]}"
}
