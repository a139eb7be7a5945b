#!/usr/bin/env bats
# The pages that --html writes, in headless Chromium: they render, on a desk, on a phone and in the
# dark, without a word on the console, whatever the files are called.  .ci/run runs this once.
load ../cli/common

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    QUALICLIP=${QUALICLIP:-$root/build/qualiclip}
    mkdir photos worse
    cp "$root"/test/photos/*.png photos/
    cp photos/bikes-224x224.png "photos/<img src=x onerror=document.title=1>&'.png"
    "$QUALICLIP" eval --degradations --photos photos --size 96 --type darken,jpeg,white-noise \
        --svg figure.svg --html degradations.html >/dev/null
    "$QUALICLIP" degrade -r photos -o worse --type gaussian-blur,white-noise >/dev/null
    "$QUALICLIP" score -r --format=csv worse >a.csv
    "$QUALICLIP" score -r --format=csv --size long=128 worse >b.csv
    "$QUALICLIP" gmad --scores a.csv b.csv --images worse --html gmad.html --tolerance 0.05 >/dev/null
    awk -F, 'NR == 1 {print "name,mos"; next} {split($0, part, "."); print $1 "," 6 - part[3] + NR % 3}' \
        a.csv >mos.csv
    "$QUALICLIP" eval --scores a.csv --scores b.csv --mos mos.csv --html opinions.html >/dev/null
    cp degradations.html all.html
    "$QUALICLIP" eval --scores a.csv --mos mos.csv --html all.html --append >/dev/null
    "$QUALICLIP" gmad --scores a.csv b.csv --images worse --html all.html --append >/dev/null
}

setup() {
    cd "$BATS_FILE_TMPDIR"
}

chromium() {
    timeout 100 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run \
        --user-data-dir="$BATS_FILE_TMPDIR/profile" "$@"
}

# What the browser says of a page that it shows in a frame of that width.
examine() {
    cat >frame.html <<END
<!DOCTYPE html><body><iframe id="frame" src="$1" width="$2" height="800"></iframe><script>
addEventListener("load", () => {
    const page = document.getElementById("frame").contentDocument;
    const images = [...page.images];
    document.body.textContent = "FOUND" + JSON.stringify({
        title: page.title, images: images.length,
        shown: images.filter(i => i.complete && i.naturalWidth > 8).length,
        width: page.documentElement.scrollWidth, sections: page.querySelectorAll("section").length,
        drawings: [...page.querySelectorAll("svg")].filter(s => s.getBoundingClientRect().height > 100).length,
        rows: page.querySelectorAll("tbody tr").length, scripts: page.scripts.length,
        lines: page.querySelectorAll("svg polyline").length,
        points: page.querySelectorAll("svg circle").length });
});
</script>
END
    chromium --disable-web-security --allow-file-access-from-files --dump-dom \
        --virtual-time-budget=5000 "file://$PWD/frame.html" 2>/dev/null |
        sed -n 's/.*FOUND\({.*}\).*/\1/p'
}

# Fails unless the browser has nothing to complain about and draws something; shot.png is the picture.
render() {
    local page=$1
    shift
    chromium --enable-logging=stderr --screenshot=shot.png "$@" "file://$PWD/$page" 2>log
    if grep -F CONSOLE log; then return 1; fi
}

# How bright a picture is, from 0 to 255, and how many colours are in it.
brightness() {
    /usr/bin/python3 -c 'import sys; from PIL import Image
image = Image.open(sys.argv[1]).convert("RGB").resize((256, 256))
print(sum(image.convert("L").getdata()) // 65536, len(set(image.getdata())))' "$1"
}

@test "every page shows its parts, and its pictures, on a desk and on a phone" {
    for width in 1100 390; do
        # Title, sections, pictures, at least so many drawings, rows, lines and points.
        while read -r page sections images drawings rows lines points; do
            found=$(examine "$page" "$width" </dev/null)
            echo "$page $width: $found"
            jq -e ".sections == $sections and .images == $images and .shown == $images and
                   .width <= $width and .scripts == 0 and .drawings == $drawings and
                   .rows >= $rows and .lines >= $lines and .points >= $points" <<<"$found"
        done <<END
degradations.html 5 $(ls photos | wc -l) 2 17 3 0
gmad.html 3 $(grep -o '<img ' gmad.html | wc -l) 1 0 0 20
opinions.html 3 $(grep -o '<img ' opinions.html | wc -l) 4 2 2 40
all.html 10 $(grep -o '<img ' all.html | wc -l) 5 19 4 60
END
        [ "$(grep -c '<img ' gmad.html)" -ge 4 ]
        [ "$(grep -o '<img ' opinions.html | wc -l)" -ge 16 ]
    done
}

@test "nothing is said on the console, and the picture is not blank, by day and by night" {
    while read -r page size; do
        render $page --window-size=$size </dev/null
        read -r bright colours < <(brightness shot.png)
        echo "$page: $bright, $colours colours"
        [ "$bright" -gt 180 ]
        [ "$bright" -lt 253 ]
        [ "$colours" -gt 40 ]
        render $page --window-size=$size --blink-settings=preferredColorScheme=0 </dev/null
        read -r bright colours < <(brightness shot.png)
        echo "$page in the dark: $bright, $colours colours"
        [ "$bright" -lt 90 ]
        [ "$colours" -gt 40 ]
    done <<END
degradations.html 1100,1600
gmad.html 1100,1600
opinions.html 1100,1600
figure.svg 480,500
END
}

@test "a file's name is only ever text" {
    for page in degradations.html gmad.html opinions.html; do
        jq -e '.title | test("^1") | not' <<<"$(examine $page 1100)"
    done
    contains "$(cat degradations.html)" "&lt;img src=x onerror=document.title=1&gt;&amp;&#39;.png"
}
