#!/usr/bin/env bats
# qualiclip gmad: pairs out of two lists of scores, the contact sheet, the page.
load common

setup_file() {
    provide_model
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    # Ten images; a finds each two of them equal, b does not, least of all 5 and 6 ... and backwards.
    printf 'path,score\n' >a.csv
    printf 'name,score\n' >b.csv
    scores=(1 9 2 2 3 8 4 4 5 5)
    for i in 1 2 3 4 5 6 7 8 9 10; do
        echo "photos/$i.png,0.$(((i + 1) / 2))" >>a.csv
        echo "elsewhere/$i.jpg,0.${scores[i - 1]}" >>b.csv
    done
}

@test "the pairs of both roles, at both ends" {
    run -0 --separate-stderr "$QUALICLIP" gmad --scores a.csv b.csv
    [ -z "$stderr" ]
    [ "${lines[0]}" = "10 images in both lists" ]
    contains "$output" "a defends, b attacks: low quality
  better  a 0.1000  b 0.9000  photos/2.png
  worse   a 0.1000  b 0.1000  photos/1.png"
    # The upper fifth, 9 and 10, is equal for both.
    [ "$(grep -c 'a defends, b attacks' <<<"$output")" = 1 ]
    run -0 "$QUALICLIP" gmad --scores a.csv b.csv --levels 5 --format csv
    contains "$output" "a,b,3,1,photos/6.png,photos/5.png,0.3,0.3,0.8,0.3"
}

@test "whatever the order of the lines and of the options" {
    "$QUALICLIP" gmad --scores a.csv b.csv --levels 3 --pairs 2 --tolerance 0.5 >pairs
    for list in a b; do { head -1 $list.csv; tail -n +2 $list.csv | sort -r; } >$list.tmp && mv $list.tmp $list.csv; done
    "$QUALICLIP" gmad --tolerance=0.5 --pairs=2 --levels=3 --scores=a.csv --scores=b.csv | cmp - pairs
    [ "$(grep -c ' defends, ' pairs)" -ge 4 ]
}

@test "CSV and JSON tell the same" {
    "$QUALICLIP" gmad --scores a.csv b.csv --levels 2 --tolerance 0.3 --format json >json
    "$QUALICLIP" gmad --scores a.csv b.csv --levels 2 --tolerance 0.3 --format csv >csv
    [ "$(jq -r '.better.path + "," + .worse.path' json)" = "$(tail -n +2 csv | cut -d, -f5,6)" ]
    jq -se 'all(.better.attacker > .worse.attacker)' json
    jq -se 'all((.better.defender - .worse.defender | fabs) <= 0.3)' json
}

@test "images of one list alone, and without a score, are counted" {
    echo photos/alone.png,0.5 >>a.csv
    echo photos/11.png,0.5 >>a.csv
    echo 11.png,nan >>b.csv
    run -0 --separate-stderr "$QUALICLIP" gmad --scores a.csv b.csv
    [ "${lines[0]}" = "10 images in both lists, 1 in a alone, 1 without a score" ]
}

@test "a contact sheet and a page with the pictures" {
    need_png
    mkdir photos
    for i in 1 2 3 4 5 6 7 8 9 10; do cp "${images[i % 3]}" photos/$i.png; done
    run -0 --separate-stderr "$QUALICLIP" gmad --scores a.csv b.csv --images photos --tolerance 0.2 \
        -o sheet.png --html page.html
    # The second role has a pair at both ends: two rows.
    [ "$(od -An -tu1 -j16 -N8 sheet.png | tr -s ' ')" = " 0 0 5 112 0 0 2 236" ]
    [ "$(grep -o 'data:image/' page.html | wc -l)" = "$((2 * $(grep -c ' defends, ' <<<"$output")))" ]
    [ "$(grep -c 'src="http\|<script\|<link' page.html)" = 0 ]
    # Without any picture the page has the scores alone.
    "$QUALICLIP" gmad --scores a.csv b.csv --html page.html >/dev/null
    [ "$(grep -c 'data:image/' page.html)" = 0 ]
    contains "$(cat page.html)" "photos/2.png"
}

@test "names are text in the page" {
    sed -i 's|photos/2.png|"<b onclick=x>2"".png"|' a.csv
    sed -i 's|elsewhere/2.jpg|"<b onclick=x>2"".png"|' b.csv
    "$QUALICLIP" gmad --scores a.csv b.csv --html page.html >/dev/null
    contains "$(cat page.html)" '&lt;b onclick=x&gt;2&quot;.png'
    [ "$(grep -c '<b onclick' page.html)" = 0 ]
}

@test "mistakes are explained" {
    run -2 --separate-stderr "$QUALICLIP" gmad --scores a.csv
    contains "$stderr" "two lists of scores are needed"
    run -2 --separate-stderr "$QUALICLIP" gmad --scores a.csv b.csv c.csv
    contains "$stderr" "c.csv is one too many"
    run -2 --separate-stderr "$QUALICLIP" gmad --scores a.csv b.csv -o sheet.png
    contains "$stderr" "--images=DIR"
    run -2 --separate-stderr "$QUALICLIP" gmad --scores a.csv b.csv --levels high
    contains "$stderr" "--levels: expected"
    run -1 --separate-stderr "$QUALICLIP" gmad --scores a.csv missing.csv
    contains "$stderr" "missing.csv: "
    run -1 --separate-stderr "$QUALICLIP" gmad --scores a.csv a.csv
    contains "$stderr" "they agree, or the tolerance is too small for so few images"
    sed 's|/|/x|' b.csv >other.csv
    run -1 --separate-stderr "$QUALICLIP" gmad --scores a.csv other.csv
    contains "$stderr" "joined by name"
}
