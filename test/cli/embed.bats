#!/usr/bin/env bats
# qualiclip embed: unit features in three formats.
load common

setup_file() {
    provide_model
}

setup() {
    need_png
    cd "$BATS_TEST_TMPDIR"
}

@test "json: path and feature, of length 1" {
    q embed --format json "${images[@]}" >all
    [ "$(wc -l <all)" = 3 ]
    jq -e 'keys_unsorted == ["path", "feature"]
           and ((.feature | map(. * .) | add | sqrt) - 1 | fabs < 1e-5)' all
    [ "$(jq -rs '.[1].path' all)" = "${images[1]}" ]
}

@test "text and csv have the numbers of json, digit for digit" {
    digits=$(q embed --format json "${images[0]}" | sed 's/.*\[//; s/\].*//')
    [ "$(q embed "${images[0]}")" = "${digits//,/ }  ${images[0]}" ]
    [ "$(q embed --format csv "${images[0]}" | sed -n 2p)" = "${images[0]},$digits," ]
}

@test "csv: a column for each number, failed rows as wide as the others" {
    run -1 --separate-stderr q embed --format csv "${images[0]}" missing.png
    echo "$output" >table
    [ "$(wc -l <table)" = 3 ]
    head -1 table | grep -q '^path,f0,f1,.*,error$'
    [ "$(awk -F, '{print NF}' table | sort -u | wc -l)" = 1 ]
    grep -q '^missing.png,,.*,[^,]' table
}

@test "the same bits alone and with any number of threads" {
    for image in "${images[@]}"; do q embed --format json --threads 1 "$image"; done >alone
    for threads in $(thread_counts); do
        q embed --format json --threads $threads --batch 8 "${images[@]}" >together
        cmp alone together
    done
}

@test "a failed image: error, the rest goes on, status 1" {
    run -1 --separate-stderr q embed --format json missing.png "${images[0]}"
    [ "$(sed -n 1p <<<"$output" | jq -c keys_unsorted)" = '["path","error"]' ]
    [ "$(sed -n 2p <<<"$output" | jq -c keys_unsorted)" = '["path","feature"]' ]
    contains "$stderr" "qualiclip: missing.png: "
    run -1 --separate-stderr q embed missing.png
    [ -z "$output" ]
}

@test "--sort makes no sense here: status 2" {
    run -2 --separate-stderr "$QUALICLIP" embed --sort photo.png
    contains "$stderr" "--sort"
}
