#!/usr/bin/env bats
# qualiclip eval against opinions: files of scores, models over folders, groups, splits, formats.
load common

labels=$root/test/golden/labels

setup_file() {
    provide_model
}

setup() {
    cd "$BATS_TEST_TMPDIR"
}

# Scores of the images of a label file that follow the opinions in column $3 but for every third.
scores_from() {
    awk -F, -v name="$2" -v mos="$3" 'NR == 1 { print "path,score"; next }
        { gsub(/"/, ""); print "photos/" $name "," $mos / 10 + (NR % 3 ? 0 : 0.13) }' "$1"
}

@test "text: counts, four measures and their intervals" {
    scores_from "$labels/kadid/dmos.csv" 1 3 | sed '/_25_05/d' >a.csv
    echo "stranger.png,0.5" >>a.csv
    run --separate-stderr "$QUALICLIP" eval --mos="$labels/kadid" --scores=a.csv
    [ "$status" = 0 ] && [ -z "$stderr" ]
    contains "${lines[0]}" "KADID-10k: 30 images of $labels/kadid/dmos.csv, opinion dmos, higher is better"
    [ "${lines[1]}" = "a.csv: 28 images have a score, 2 have no score; scores of other images: 1" ]
    [[ ${lines[3]} =~ ^\ *28\ +0\.[0-9]{4}\ \[0\.[0-9]{4},\ 0\.[0-9]{4}\].*a\.csv$ ]]
    run -0 --separate-stderr "$QUALICLIP" eval --mos="$labels/kadid" --scores=a.csv --verbose
    contains "$stderr" "a.csv: has no score of I01_25_05.png"
    contains "$stderr" "a.csv: there is no opinion of stranger.png"
}

@test "json: every measure by name, null for what there is none of" {
    scores_from "$labels/kadid/dmos.csv" 1 3 >a.csv
    run -0 "$QUALICLIP" eval --mos="$labels/kadid" --scores=a.csv --format=json --resamples=0
    jq -e '.dataset == "KADID-10k" and .lower_is_better == false and .images == 30 and
           .with_score == 30 and .srcc.value > 0.8 and .srcc.low == null and
           .krcc.value > 0.6 and .plcc.value > 0.8 and .rmse.value > 0 and
           (.logistic | length) == 5' <<<"$output"
}

@test "csv: a row a model and group, and the difference of two models" {
    scores_from "$labels/kadid/dmos.csv" 1 3 >a.csv
    awk -F, 'NR > 1 { $2 = NR * 7 % 11 } 1' OFS=, a.csv >b.csv
    run -0 "$QUALICLIP" eval --mos="$labels/kadid" --scores=a.csv --scores=b.csv \
        --group=distortion --format=csv --resamples=200 --seed=3
    [ "${#lines[@]}" = $((1 + 2 + 2 * 3 + 1)) ]
    fields=$(head -1 <<<"$output" | tr -cd , | wc -c)
    while read -r line; do [ "$(tr -cd , <<<"$line" | wc -c)" = "$fields" ]; done <<<"$output"
    contains "${lines[3]}" "a.csv,,distortion,Gaussian blur,10,"
    contains "${lines[9]}" "a.csv,b.csv,,,30,"
    again=$("$QUALICLIP" eval --mos="$labels/kadid" --scores=a.csv --scores=b.csv --threads=1 \
        --group=distortion --format=csv --resamples=200 --seed=3)
    [ "$again" = "$output" ]
    text=$("$QUALICLIP" eval --mos="$labels/kadid" --scores=a.csv --scores=b.csv)
    contains "$text" "SRCC of a.csv less that of b.csv, over 30 images: +"
    contains "$text" "which is more than chance gives"
}

@test "scores as one array of JSON, after a byte order mark, from standard input" {
    scores_from "$labels/kadid/dmos.csv" 1 3 >a.csv
    expected=$("$QUALICLIP" eval --mos="$labels/kadid" --scores=a.csv | tail -1)
    tail -n +2 a.csv | jq -nR '[inputs | split(",") | {path: .[0], score: (.[1] | tonumber)}]' >a.json
    { printf '\357\273\277'; jq -c '.[]' a.json; } >marked.json
    measure() { "$QUALICLIP" eval --mos="$labels/kadid" --scores="$1" | tail -1 | sed "s|$1\$|a.csv|"; }
    [ "$(measure a.json)" = "$expected" ]
    [ "$(measure marked.json)" = "$expected" ]
    [ "$(measure - <a.json)" = "$expected" ]
    echo '[{"path": "a.png", "score": 1}, {"path": 3}]' >wrong.json
    run -1 --separate-stderr "$QUALICLIP" eval --mos="$labels/kadid" --scores=wrong.json
    contains "$stderr" "element 1 of the array: expected an object with the members path and score"
    echo '[{"path": "a.png", "score": 1}' >wrong.json
    run -1 --separate-stderr "$QUALICLIP" eval --mos="$labels/kadid" --scores=wrong.json
    contains "$stderr" "begins like a JSON array, but is none"
}

@test "numbers too large for the curve are not called too few images" {
    scores_from "$labels/kadid/dmos.csv" 1 3 | sed '2,$s/$/e307/' >a.csv
    run -0 "$QUALICLIP" eval --mos="$labels/kadid" --scores=a.csv
    contains "$output" "numbers so large or so near each other leave no logistic curve"
}

@test "opinions of which lower is better are turned round" {
    printf 'path,score\n' >a.csv
    for level in 1 2 3 4; do
        for kind in AWGN BLUR contrast fnoise JPEG jpeg2000; do
            echo "1600.$kind.$level.png,0.$((9 - level))" >>a.csv
        done
    done
    run -0 "$QUALICLIP" eval --mos="$labels/csiq" --scores=a.csv --format=json
    jq -e '.dataset == "CSIQ" and .lower_is_better and .images == 24 and .srcc.value == 1' <<<"$output"
    run -0 "$QUALICLIP" eval --mos="$labels/csiq" --scores=a.csv --format=json --higher-is-better
    jq -e '.lower_is_better == false and .srcc.value == -1' <<<"$output"
    run -0 "$QUALICLIP" eval --mos="$labels/csiq" --scores=a.csv
    contains "${lines[0]}" "lower is better (its sign is turned before it is compared)"
}

@test "splits, and images that no one is judged by" {
    scores_from "$labels/koniq-sets/koniq10k_distributions_sets.csv" 1 8 >a.csv
    file=$labels/koniq-sets/koniq10k_distributions_sets.csv
    images() { "$QUALICLIP" eval --scores=a.csv --format=json --resamples=0 "$@" | jq .images; }
    [ "$(images --mos="$file")" = 10 ]
    [ "$(images --mos="$file" --split=test)" = 4 ]
    run -1 --separate-stderr "$QUALICLIP" eval --mos="$file" --scores=a.csv --split=exam
    contains "$stderr" "has no split exam"
    for i in t1 t7 1 2 3 12; do echo "$i.png,0.$RANDOM"; done >b.csv
    [ "$("$QUALICLIP" eval --mos="$labels/clive" --scores=b.csv --format=json | jq .images)" = 4 ]
    run -0 "$QUALICLIP" eval --mos="$labels/clive" --scores=b.csv --split=all
    contains "${lines[1]}" "6 images have a score"
}

@test "any table of names and numbers, by named columns" {
    printf 'file;vote\na.png;1,5\nb.png;2,5\nc.png;4\n' >labels.csv
    printf '0.1 x/a.jpg\n0.2 x/b.jpg\n0.3 x/c.jpg\n' >scores.txt
    run -0 "$QUALICLIP" eval --mos=labels.csv --scores=scores.txt --format=json
    jq -e '.images == 3 and .srcc.value == 1 and .dataset == null and .plcc.value == null and
           (.problem | test("six"))' <<<"$output"
    printf 'id,x,y\na,1,9\nb,2,8\nc,3,7\n' >table.csv
    run -0 "$QUALICLIP" eval --mos=table.csv --name-column=id --mos-column=y --scores=table.csv \
        --score-name-column=id --score-column=x --format=json
    jq -e '.srcc.value == -1' <<<"$output"
    run -1 --separate-stderr "$QUALICLIP" eval --mos=table.csv --scores=scores.txt
    contains "$stderr" "which column has the numbers?  Say --mos-column=NAME; there are: id, x, y"
}

@test "a model scores a folder, as score does" {
    need_png
    mkdir photos
    n=0
    for image in "${images[@]}"; do n=$((n + 1)); cp "$image" "photos/p$n.png"; done
    printf 'name,mos\np1.png,1\np2.png,2\np3.png,3\n' >labels.csv
    q score -r --format=csv photos >a.csv
    run -0 q eval --mos=labels.csv --images=photos --scores=a.csv --format=json --resamples=0
    [ "$(jq -r .images <<<"$output" | head -2 | paste -sd,)" = 3,3 ]
    [ "$(jq -r .srcc.value <<<"$output" | sed -n 1p)" = "$(jq -r .srcc.value <<<"$output" | sed -n 2p)" ]
    [ "$(tail -1 <<<"$output" | jq .srcc.value)" = 0 ]
    printf 'not a picture' >photos/p4.png
    printf 'p4.png,4\n' >>labels.csv
    run -1 --separate-stderr q eval --mos=labels.csv --images=photos --format=json
    contains "$stderr" "photos/p4.png"
    jq -e '.images == 3 and .failed == 1' <<<"$output"
}

@test "what makes no sense is said, with status 2; what cannot be done, with 1" {
    printf 'path,score\na.png,1\n' >a.csv
    refused() {
        local wanted=$1 text=$2
        shift 2
        run "-$wanted" --separate-stderr "$QUALICLIP" eval "$@"
        contains "$stderr" "$text"
    }
    refused 2 "Say --mos=FILE" --scores=a.csv
    refused 2 "Say --scores=FILE" --mos=a.csv
    refused 2 "--model is for --images=DIR" --mos=a.csv --scores=a.csv -m x.gguf
    refused 2 "--dataset: expected" --mos=a.csv --scores=a.csv --dataset=imagenet
    refused 2 "--resamples: expected" --mos=a.csv --scores=a.csv --resamples=-1
    refused 2 "that are no options" --mos=a.csv --scores=a.csv extra
    refused 2 "for --images=DIR" --mos=a.csv --scores=a.csv --size=crop224
    refused 1 "missing.csv: No such file" --mos=missing.csv --scores=a.csv
    refused 1 "missing.csv: No such file" --mos="$labels/kadid" --scores=missing.csv
    refused 1 "has no column nothing; there are dist_img" --mos="$labels/kadid" --scores=a.csv --group=nothing
    refused 1 "no image has both a score and an opinion" --mos="$labels/kadid" --scores=a.csv
}

@test "help tells of both ways to judge" {
    run -0 "$QUALICLIP" eval --help
    contains "$output" "--mos=FILE"
    contains "$output" "--degradations"
}
