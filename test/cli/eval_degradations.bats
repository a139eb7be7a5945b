#!/usr/bin/env bats
# qualiclip eval --degradations: what it prints, draws and writes, on small photos and few types.
load common

setup_file() {
    provide_model
    "$QUALICLIP" convert "$towers/resnet.pth" -o "$BATS_FILE_TMPDIR/small.gguf"
}

setup() {
    need_png
    cd "$BATS_TEST_TMPDIR"
    types=darken,white-noise,mean-shift
}

judge() { # with a model that takes little time
    "$QUALICLIP" eval --degradations -m "$BATS_FILE_TMPDIR/small.gguf" --photos "${images[0]}" --size 48 --type $types "$@"
}

@test "a table of the types, their mean, and the spread of the scores" {
    run -0 --separate-stderr judge "${images[1]}"
    [ -z "$stderr" ]
    contains "${lines[0]}" "2 photos of 48 x 48, 3 types of degradation, seed 1: 32 images a model"
    for row in "  Darken " "  White noise " "  Mean shift " "mean of the types " \
        "all photos, types and levels " "    share below 0.3 " \
        "Mean score at intensity" "  Brightness " "  Noise "; do
        contains "$output" "$row"
    done
    mean=$(awk '/^  (Darken|White noise|Mean shift)  /{sum += $NF} END {printf "%.3f", sum / 3}' <<<"$output")
    awk -v mean="$mean" '/^mean of the types/ {exit !($NF - mean < 0.0011 && mean - $NF < 0.0011)}' <<<"$output"
}

@test "JSON and CSV tell the same, whatever the number of threads" {
    judge --format json "${images[1]}" >one.json
    for threads in $(thread_counts); do
        judge --format json --threads $threads "${images[1]}" | cmp - one.json
    done
    [ "$(jq -r '.by_type | keys | join(" ")' one.json)" = "darken mean-shift white-noise" ]
    [ "$(jq '.photos, .size, .types, .level_5.count' one.json | paste -sd' ')" = "2 48 3 6" ]
    jq -r '.by_type | to_entries[] | "\(.key) \(.value.within_image)"' one.json |
        awk '{printf "%s %.5f\n", $1, $2}' | sort >json
    judge --format csv "${images[1]}" | awk -F, 'NR > 1 {printf "%s %.5f\n", $2, $4}' | sort >csv
    cmp json csv
}

@test "every score is dumped; the photo itself is level 0, and mean shift by nothing is the same" {
    judge --dump scores.csv >/dev/null
    [ "$(head -1 scores.csv)" = photo,type,level,score ]
    [ "$(wc -l <scores.csv)" = 17 ]
    [ "$(grep -c ",pristine,0," scores.csv)" = 1 ]
    [ "$(awk -F, '/pristine,0/ {print $4}' scores.csv)" = "$(awk -F, '/mean-shift,1/ {print $4}' scores.csv)" ]
    judge --dump again.csv --seed 2 >/dev/null
    [ "$(grep -c darken scores.csv)" = 5 ]
    cmp <(grep darken scores.csv) <(grep darken again.csv)
    ! cmp -s <(grep white-noise scores.csv) <(grep white-noise again.csv)
}

@test "the photo at its own size is scored as qualiclip score does" {
    q eval --degradations --photos "${images[0]}" --size 64 --type darken --dump scores.csv >/dev/null
    score=$(q score --format csv "${images[0]}" | awk -F, 'NR == 2 {print $2}')
    dumped=$(awk -F, '/pristine/ {print $4}' scores.csv)
    awk -v a="$score" -v b="$dumped" 'BEGIN {exit !(a - b < 1e-6 && b - a < 1e-6)}'
}

@test "two models side by side; a model and itself differ nowhere" {
    model=${MODEL:-builtin}
    "$QUALICLIP" convert "$towers/resnet.pth" -o other.gguf
    run -0 "$QUALICLIP" eval --degradations --photos "${images[0]}" --size 48 --type $types \
        -m "$model" -m other.gguf
    contains "$output" "other"
    contains "$output" "difference"
    run -0 "$QUALICLIP" eval --degradations --photos "${images[0]}" --size 48 --type $types \
        -m other.gguf -m other.gguf
    contains "$output" "other (A)"
    [ "$(grep -c '+0.000$' <<<"$output")" = 17 ]
}

@test "a figure and a page, complete in themselves" {
    judge --svg figure.svg --html page.html >/dev/null
    contains "$(cat figure.svg)" "<svg "
    contains "$(cat figure.svg)" "Brightness"
    contains "$(cat figure.svg)" "prefers-color-scheme:dark"
    [ "$(grep -c '<polyline' figure.svg)" = 2 ] # of the groups brightness and noise
    contains "$(cat page.html)" "</html>"
    contains "$(cat page.html)" "data:image/"
    [ "$(grep -c 'src="http\|<script\|<link' page.html)" = 0 ]
    [ "$(echo *.partial)" = '*.partial' ]
}

@test "what is appended to a page stands behind what was there" {
    judge --html page.html --append >/dev/null # there is none yet
    "$QUALICLIP" gmad --scores <(printf 'a,1\nb,1\nc,2') <(printf 'a,1\nb,5\nc,2') --levels 1 \
        --html page.html --append >/dev/null
    [ "$(grep -c '<h1>' page.html)" = 2 ]
    [ "$(grep -c '</html>' page.html)" = 1 ]
    [ "$(grep -n '<h1>Where two models' page.html | cut -d: -f1)" -gt "$(grep -n 'id="photos"' page.html | cut -d: -f1)" ]
    echo '<html>' >mine.html
    run -1 --separate-stderr judge --html mine.html --append
    contains "$stderr" "mine.html: is no page that --html has written"
    [ "$(cat mine.html)" = '<html>' ]
}

@test "names of files are text in the page" {
    cp "${images[0]}" '<img src=x onerror=alert(1)>&".png'
    q eval --degradations --photos '<img src=x onerror=alert(1)>&".png' --size 48 --type darken \
        --html page.html --dump scores.csv >/dev/null
    contains "$(cat page.html)" '&lt;img src=x onerror=alert(1)&gt;&amp;&quot;.png'
    [ "$(grep -c '<img src=x' page.html)" = 0 ]
    contains "$(sed -n 2p scores.csv)" '"<img src=x onerror=alert(1)>&"".png",pristine,0,'
}

@test "a photo that cannot be judged is reported, the others are" {
    echo no image >bad.png
    run -1 --separate-stderr judge bad.png
    contains "$stderr" "bad.png: "
    contains "${lines[0]}" "1 photo of 48 x 48"
    contains "$output" "mean of the types"
    run -1 --separate-stderr judge --size 100
    contains "$stderr" "smaller than the 100 a side"
    contains "$stderr" "no photo could be scored"
    [ -z "$output" ]
}

@test "mistakes on the command line are explained" {
    run -2 --separate-stderr "$QUALICLIP" eval --degradations
    contains "$stderr" "give --photos=DIR"
    run -2 --separate-stderr judge --type darken,nothing
    contains "$stderr" "--type: expected names"
    run -2 --separate-stderr judge -m a -m b -m c
    contains "$stderr" "two are compared at most"
    run -1 --separate-stderr "$QUALICLIP" eval --degradations --photos "${images[0]}" -m missing.gguf
    contains "$stderr" "missing.gguf: "
    run -1 --separate-stderr judge --size 8
    contains "$stderr" "give --size"
    run -1 --separate-stderr judge --svg missing/figure.svg
    contains "$stderr" "missing/figure.svg: "
    run -0 "$QUALICLIP" eval --degradations --help
    contains "$output" "Usage: qualiclip eval --degradations"
}
