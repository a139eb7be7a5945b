#!/usr/bin/env bats
# What is printed: text, CSV, JSON, the progress line, and output that cannot be written.
load common

setup_file() {
    provide_model
}

setup() {
    need_png
    cd "$BATS_TEST_TMPDIR"
}

@test "json: exactly the keys that are promised" {
    q score --format json "${images[0]}" >one
    [ "$(jq -c keys_unsorted one)" = '["path","score","pairs","pair_names","width","height","model","profile","kernels","precision","positions","temperature","logit_scale","size","score_range","recipe"]' ]
    jq -e '.width == 64 and .height == 64 and (.model | test("^xxh64:[0-9a-f]{16}$"))
           and .size == "native" and .score_range == [0, 1]
           and (.recipe | test("^[^ ]+ size=native positions=(none|grid) scale=[0-9.]+ temperature=[0-9.]+ prompts=model$"))
           and .precision == "f32" and (.positions == "none" or .positions == "grid")
           and (.pairs | length) == (.pair_names | length) and (.pairs | length) > 0
           and ([.score, .pairs[]] | all(. >= 0 and . <= 1))
           and ((.pairs | add / length) - .score | fabs < 1e-6)' one
}

@test "json: width and height are those of the image" {
    [ "$(q score --format json "${images[@]}" | jq -c '[.width, .height]' | tr '\n' ' ')" = \
        '[64,64] [130,70] [97,51] ' ]
}

@test "json: a failed image has its path and the error" {
    run -1 --separate-stderr q score --format json missing.png
    [ "$(jq -c keys_unsorted <<<"$output")" = '["path","error"]' ]
    [ "$stderr" = "qualiclip: missing.png: $(jq -r .error <<<"$output")" ]
}

@test "csv: header, columns and quoting" {
    name='a, "b".png'
    cp "${images[0]}" "$name"
    cp "${images[0]}" $'new\nline.png'
    run -1 --separate-stderr q score --format csv "${images[1]}" "$name" missing.png $'new\nline.png'
    [ "${lines[0]}" = path,score,width,height,error,model,recipe ]
    [[ ${lines[1]} =~ ^"${images[1]}",[0-9.e-]+,130,70,,xxh64:[0-9a-f]{16},.*size=native.*prompts=model$ ]]
    [[ ${lines[2]} =~ ^'"a, ""b"".png",'[0-9.e-]+,64,64,,xxh64:[0-9a-f]{16},.+$ ]]
    [[ ${lines[3]} =~ ^'missing.png,,,,'.+,,$ ]]
    [ "${lines[4]}" = '"new' ]
    [[ ${lines[5]} =~ ^'line.png",'[0-9.e-]+,64,64,,xxh64:[0-9a-f]{16},.+$ ]]
}

@test "csv and json have the same digits" {
    csv=$(q score --format csv "${images[0]}" | sed -n 2p | cut -d, -f2)
    contains "$(q score --format json "${images[0]}")" "\"score\":$csv,"
}

@test "a full disk: reported, status 1" {
    [ -e /dev/full ] || skip "no /dev/full"
    for format in text csv json; do
        run -1 bash -c '"$1" score ${2:+-m "$2"} --format "$3" "$4" "$4" >/dev/full' bash \
            "$QUALICLIP" "$MODEL" $format "${images[0]}"
        contains "$output" "qualiclip: standard output: "
        [ ${#lines[@]} = 1 ]
    done
}

@test "a closed standard output: reported, status 1" {
    run -1 bash -c '"$1" score ${2:+-m "$2"} "$3" >&-' bash "$QUALICLIP" "$MODEL" "${images[0]}"
    contains "$output" "qualiclip: standard output: "
}

@test "a reader that has gone: reported, status 1" {
    # `true` has long ended when the first line is written.
    run -0 bash -c '{ sleep 0.3; "$1" score ${2:+-m "$2"} "$3" "$3"; echo "status $?" >&2; } | true' \
        bash "$QUALICLIP" "$MODEL" "${images[0]}"
    [ ${#lines[@]} = 2 ]
    contains "${lines[0]}" "qualiclip: standard output: "
    [ "${lines[1]}" = "status 1" ]
}

@test "a closed standard error does not end up in another file" {
    run -1 --separate-stderr bash -c '"$1" score ${2:+-m "$2"} --format json "$3" missing.png 2>&-' bash \
        "$QUALICLIP" "$MODEL" "${images[0]}"
    [ ${#lines[@]} = 2 ]
    jq -es 'length == 2' <<<"$output"
}

@test "a line is written as soon as its image is scored" {
    mkfifo photo.pipe
    q score --batch 1 "${images[0]}" photo.pipe >lines &
    for _ in $(seq 100); do [ -s lines ] && break; sleep 0.1; done
    contains "$(cat lines)" "${images[0]}"
    cat "${images[0]}" >photo.pipe
    wait $!
    [ "$(wc -l <lines)" = 2 ]
}

on_terminal() { # a command line of sh; what a terminal on standard error would show
    command -v script >/dev/null || skip "no script(1)"
    SHELL=/bin/sh script -qec "$1" /dev/null </dev/null
}

@test "progress on a terminal: count, percent, rate, time left; erased at the end" {
    run -0 on_terminal "'$QUALICLIP' score ${MODEL:+-m '$MODEL'} --batch 1 ${images[*]} >lines"
    contains "$output" "1 of 3  33 %"
    contains "$output" "images/s"
    contains "$output" " left"
    local erased=$'\r +\r$'
    [[ $output =~ $erased ]]
    [ "$(wc -l <lines)" = 3 ]
}

@test "progress and messages do not mix" {
    run -0 on_terminal "'$QUALICLIP' score ${MODEL:+-m '$MODEL'} --batch 1 ${images[0]} missing.png ${images[1]} >lines; true"
    [[ $output =~ (^|$'\r'|$'\n')"qualiclip: missing.png: " ]]
}

@test "no progress for one image, or where standard error is no terminal" {
    run -0 on_terminal "'$QUALICLIP' score ${MODEL:+-m '$MODEL'} ${images[0]} >lines"
    [ -z "$output" ]
    run -0 --separate-stderr q score "${images[@]}"
    [ -z "$stderr" ]
}

@test "--verbose: what was decided, on standard error, and the same lines on standard output" {
    q score "${images[@]}" >plain
    for command in score embed; do
        run -0 --separate-stderr q $command -v "${images[@]}"
        contains "$stderr" "qualiclip: kernels "
        contains "$stderr" "qualiclip: recipe "
        contains "$stderr" "weights"
        [ $command = embed ] || [ "$output" = "$(cat plain)" ]
    done
    run -0 --separate-stderr q score --verbose --kernels reference --precision bf16 "${images[0]}"
    contains "$stderr" "note: kernels reference do not multiply bf16"
}
