#!/usr/bin/env bats
# qualiclip score: scores, options, failures.
load common

setup_file() {
    provide_model
}

setup() {
    need_png
    cd "$BATS_TEST_TMPDIR"
}

@test "a score in [0, 1] with four digits, two blanks, the path" {
    run -0 --separate-stderr q score "${images[0]}"
    [[ $output =~ ^[01]\.[0-9]{4}"  ${images[0]}"$ ]]
    [ -z "$stderr" ]
}

@test "lines come in the order of the arguments, whatever the batch" {
    many=("${images[@]}" "${images[@]}" "${images[1]}")
    run -0 q score --batch 1 "${many[@]}"
    expected=$output
    for i in "${!many[@]}"; do contains "${lines[$i]}" "  ${many[$i]}"; done
    for batch in 0 2 3 7 100; do
        run -0 q score --batch $batch "${many[@]}"
        [ "$output" = "$expected" ]
    done
}

@test "the same bits alone, in a batch, and with one or two threads" {
    for image in "${images[@]}"; do q score --format json --threads 1 --batch 1 "$image"; done >alone
    for threads in $(thread_counts); do
        for batch in 0 1 3; do
            q score --format json --threads $threads --batch $batch "${images[@]}" >together
            cmp alone together
        done
    done
}

@test "a small image after a large one, and a large one after a small, score as alone" {
    q score --format json --batch 1 "${images[0]}" "${images[1]}" "${images[0]}" >together
    for i in 0 1 0; do q score --format json "${images[$i]}"; done >alone
    cmp alone together
}

@test "--sort puts the best first and the failed last" {
    echo no image >bad.png
    run -1 --separate-stderr q score --sort --format json bad.png "${images[@]}" "${images[0]}"
    echo "$output" >sorted
    [ "$(jq -s 'map(.score) | length' sorted)" = 5 ]
    [ "$(jq -s 'map(.score // -1) | . == (sort | reverse)' sorted)" = true ]
    [ "$(jq -rs '.[4].path' sorted)" = bad.png ]
}

@test "one bad file among good ones: reported once, the others are scored, status 1" {
    echo no image >bad.png
    : >empty.png
    head -c 300 "${images[0]}" >cut.png
    for batch in 1 0 8; do
        run -1 --separate-stderr q score --batch $batch "${images[0]}" bad.png "${images[1]}" \
            missing.png empty.png cut.png "${images[2]}"
        [ ${#lines[@]} = 3 ]
        for i in 0 1 2; do contains "${lines[$i]}" "  ${images[$i]}"; done
        [ ${#stderr_lines[@]} = 4 ]
        contains "${stderr_lines[0]}" "qualiclip: bad.png: "
        contains "${stderr_lines[1]}" "qualiclip: missing.png: "
        contains "${stderr_lines[2]}" "qualiclip: empty.png: "
        contains "${stderr_lines[3]}" "qualiclip: cut.png: "
    done
}

@test "a message names the file once" {
    run -1 --separate-stderr q score missing.png
    [ "$(grep -o missing.png <<<"$stderr" | wc -l)" = 1 ]
}

@test "an unreadable file" {
    [ "$(id -u)" != 0 ] || skip "root may read everything"
    cp "${images[0]}" locked.png
    chmod 0 locked.png
    run -1 --separate-stderr q score locked.png
    contains "$stderr" "qualiclip: locked.png: "
}

@test "a missing, an empty and a damaged model: its name and status 1, nothing on stdout" {
    : >empty.gguf
    head -c 64 /dev/zero >zeros.gguf
    for model in missing.gguf empty.gguf zeros.gguf .; do
        run -1 --separate-stderr "$QUALICLIP" score -m $model "${images[0]}"
        [ -z "$output" ]
        contains "$stderr" "qualiclip: $model: "
    done
}

@test "--kernels: every set of --version scores alike, an unknown one is an error" {
    reference=$(q score --format json --kernels reference "${images[0]}" | jq .score)
    for name in $("$QUALICLIP" --version | sed -n 's/^kernels: //p' | tr -d ,); do
        q score --format json --kernels "$name" "${images[0]}" >one
        [ "$(jq -r .kernels one)" = "$name" ]
        jq -e --argjson r "$reference" '(.score - $r) | fabs <= 1e-4' one
    done
    run -1 --separate-stderr q score --kernels xyzzy "${images[0]}"
    contains "$stderr" "xyzzy"
}

@test "--temperature divides the logits" {
    q score --format json "${images[0]}" >one
    q score --format json --temperature 4 "${images[0]}" >four
    [ "$(jq .temperature four)" = 4 ]
    # logit(p) / 4 is the logit of the new p
    jq -es 'def logit: log - ((1 - .) | log);
            .[0].temperature as $t | [.[0].pairs, .[1].pairs] | transpose
            | all((.[0] | logit) * $t / 4 - (.[1] | logit) | fabs < 1e-3)' one four
}

@test "--background: only what is transparent changes" {
    for colour in drop black white; do
        q score --format json --background $colour "${images[0]}" >$colour.json
        jq 'del(.recipe)' $colour.json >$colour
    done
    cmp drop black
    cmp drop white
    grep -q ' background=white"' white.json
    run ! grep -q background drop.json
}

@test "values that make no sense: status 2 and what was expected" {
    check() {
        run -2 --separate-stderr "$QUALICLIP" score "$@" photo.png
        [ -z "$output" ]
        contains "$stderr" "expected"
        contains "$stderr" "Try 'qualiclip score --help'"
    }
    check --format xml
    check --threads -1
    check --threads 1.5
    check --threads 99999
    check --threads ''
    check --batch two
    check --batch 4294967297
    check --positions round
    for size in crop crop0 crop-1 crop65536 long long= long=0 long=1.5 long=512x tiles15 512; do
        check --size $size
    done
    for size in 0 -1 1.5G 5T 1KB M '' 17179869184G; do check --max-memory "$size"; done
    check --precision int4
    check --temperature 0
    check --temperature -1
    check --temperature nan
    check --temperature inf
    check --temperature 1x
    check --background red
}

@test "no image: status 2" {
    run -2 --separate-stderr "$QUALICLIP" score
    contains "$stderr" "no image is named"
}

@test "options may follow images; after -- a name may look like an option" {
    cp "${images[0]}" ./--sort
    run -0 q score "${images[0]}" --format json
    contains "$output" '{"path":'
    run -0 q score --format text -- --sort
    contains "$output" "  --sort"
    run -0 q score ./--sort
    contains "$output" "  ./--sort"
}

@test "an image under the model's minimum is an error" {
    base64 -d >tiny.png <<<iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==
    run -1 --separate-stderr q score tiny.png "${images[0]}"
    contains "$stderr" "qualiclip: tiny.png: "
    contains "$output" "${images[0]}"
}
