#!/usr/bin/env bats
# qualiclip degrade: worsened copies as files, the table of types, the figure.
load common

setup_file() {
    provide_model
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    photo=${images[1]} # 130 x 70
}

# Types that this build has, as --list says.
types() {
    "$QUALICLIP" degrade --list --format=json | jq -r 'select(.available).type'
}

@test "--list: 24 types in 7 groups, as text, csv and json" {
    run -0 --separate-stderr "$QUALICLIP" degrade --list
    [ "${#lines[@]}" = 24 ]
    contains "${lines[0]}" "gaussian-blur"
    "$QUALICLIP" degrade --list --format=json >table
    jq -se 'length == 24 and (map(.group) | unique | length == 7)
            and all((.strengths | length) == 5 and (.badness | length) == 5)
            and (.[8] | .type == "jpeg" and .strengths == [43, 36, 24, 7, 4])
            and (.[15] | .type == "mean-shift" and .badness == [0, 2.5, 2.5, 4.5, 4.5])' table
    "$QUALICLIP" degrade --list --format=csv >table
    [ "$(wc -l <table)" = 25 ]
    grep -q '^high-sharpen,"Sharpness, contrast",1,2,3,6,12,1,2,3,4,5,yes$' table
}

@test "what a build lacks is said, with what to do" {
    if [[ " ${CODECS-png jpeg} " != *png* ]]; then
        run -1 --separate-stderr "$QUALICLIP" degrade "$photo" -o out
        contains "$stderr" "libpng-dev"
        [ ! -e out ]
        return
    fi
    for type in jpeg jpeg2000; do
        available=$("$QUALICLIP" degrade --list --format=json | jq "select(.type == \"$type\").available")
        if [ "$available" = true ]; then
            "$QUALICLIP" degrade "$photo" -o out --type=$type --level=1
            [ -s "out/130x70.$type.1.png" ]
        else
            run -1 --separate-stderr "$QUALICLIP" degrade "$photo" -o out --type=$type
            contains "$stderr" "$type: this build has no "
            contains "$stderr" "build again"
            run -1 --separate-stderr "$QUALICLIP" degrade "$photo" -o out --type=$type,darken --level=2
            [ "$output" = out/130x70.darken.2.png ]
        fi
    done
}

@test "all types, all levels: a PNG file for each, and their paths on standard output" {
    need_png
    names=$(types | paste -sd,)
    "$QUALICLIP" degrade "$photo" -o out --type="$names" >paths
    [ "$(wc -l <paths)" = $((5 * $(types | wc -l))) ]
    [ "$(ls out | wc -l)" = "$(wc -l <paths)" ]
    [ "$(head -1 paths)" = out/130x70.gaussian-blur.1.png ]
    # Each of the photo's own size, as the program itself reads it, with a model that takes little time.
    "$QUALICLIP" convert "$towers/vit.pth" -o vit.gguf
    xargs "$QUALICLIP" score -m vit.gguf --format=json <paths |
        jq -se "length == $(wc -l <paths) and all(.width == 130 and .height == 70)"
}

@test "the same copies again, with any number of threads; another seed, others" {
    need_png
    arguments=("$photo" --type=white-noise,color-block,jitter,motion-blur --level=2,5)
    "$QUALICLIP" degrade "${arguments[@]}" -o first
    for threads in $(thread_counts); do
        "$QUALICLIP" degrade "${arguments[@]}" -o again --threads=$threads
        diff -r first again
    done
    "$QUALICLIP" degrade "${arguments[@]}" -o other --seed=2
    for file in first/*; do
        run ! cmp -s "$file" "other/${file##*/}"
    done
}

@test "identity levels: the photo's own pixels" {
    need_png
    for type in gaussian-blur motion-blur saturation-lab mean-shift; do
        "$QUALICLIP" degrade "$photo" -o out --type=$type --level=1
        # Encoding the same pixels gives the same file.
        [ ! -e same.png ] || cmp same.png out/130x70.$type.1.png
        cp out/130x70.$type.1.png same.png
    done
    [ "$(q score --format=json same.png | jq .score)" = "$(q score --format=json "$photo" | jq .score)" ]
}

@test "--format: csv and json tell of each copy, and of what failed" {
    need_png
    run -1 --separate-stderr "$QUALICLIP" degrade missing.png "$photo" -o out --type=darken \
        --level=1,3 --seed=7 --format=json
    contains "$stderr" "missing.png: No such file"
    jq -e '.image == "missing.png" and .error and (has("path") | not)' <<<"${lines[0]}"
    jq -e '.path == "out/130x70.darken.3.png" and .type == "darken" and .level == 3
           and .strength == 0.2 and .seed == 7 and (has("error") | not)' <<<"${lines[2]}"
    run -1 --separate-stderr "$QUALICLIP" degrade missing.png "$photo" -o out --type=darken \
        --level=3 --format=csv
    [ "${lines[0]}" = path,image,type,level,strength,seed,error ]
    contains "${lines[1]}" ",missing.png,,,,1,No such file"
    [ "${lines[2]}" = "out/130x70.darken.3.png,$photo,darken,3,0.2,1," ]
}

@test "--grid: one figure, labelled, of the size that its rows and columns make" {
    need_png
    [ "$("$QUALICLIP" degrade "$photo" -o out --type=brighten,darken,pixelate --grid)" = \
        out/130x70.degradations.png ]
    read -r width height < <(od -An -tu4 --endian=big -j16 -N8 out/130x70.degradations.png)
    [ "$width" -gt 900 ] && [ "$height" -gt 280 ]
    cp out/130x70.degradations.png whole.png
    "$QUALICLIP" degrade "$photo" -o out --type=brighten,darken,pixelate --grid
    cmp whole.png out/130x70.degradations.png
    "$QUALICLIP" degrade "$photo" -o out --type=brighten --level=5 --grid=centre
    run ! cmp -s whole.png out/130x70.degradations.png
    [ "$(ls out)" = 130x70.degradations.png ]
}

@test "standard input, folders, several images" {
    need_png
    [ "$("$QUALICLIP" degrade - -o out --type=darken --level=1 <"$photo")" = out/stdin.darken.1.png ]
    mkdir -p photos/more
    cp "${images[0]}" photos/a.png
    cp "${images[1]}" photos/more/b.PNG
    [ "$("$QUALICLIP" degrade -r photos -o out/ --type=darken --level=1 | paste -sd' ')" = \
        "out/a.darken.1.png out/more/b.darken.1.png" ]
    run -1 --separate-stderr "$QUALICLIP" degrade photos -o out
    contains "$stderr" "-r takes what is in it"
}

@test "-r keeps folders: photos of one name do not meet; a folder that cannot be made is said" {
    need_png
    mkdir -p photos/one/two photos/three
    for folder in . one one/two three; do
        cp "${images[0]}" "photos/$folder/a.png"
    done
    for photos in photos photos/ photos/one/..; do
        rm -rf out
        [ "$("$QUALICLIP" degrade -r $photos -o out --type=darken --level=1 | paste -sd' ')" = \
            "out/a.darken.1.png out/one/a.darken.1.png out/one/two/a.darken.1.png out/three/a.darken.1.png" ]
        [ "$(find out -type f | wc -l)" = 4 ]
    done
    rm -rf out/one
    touch out/one
    run -1 --separate-stderr "$QUALICLIP" degrade -r photos -o out --type=darken --level=1
    [ "$(paste -sd' ' <<<"$output")" = "out/a.darken.1.png out/three/a.darken.1.png" ]
    contains "$stderr" "photos/one/a.png: the folder of its copies cannot be made: Not a directory"
}

@test "two images of one name: the second is refused, not written over the first" {
    need_png
    mkdir one two
    cp "${images[0]}" one/photo.png
    cp "${images[1]}" two/photo.png
    run -1 --separate-stderr "$QUALICLIP" degrade one/photo.png two/photo.png -o out --type=darken \
        --level=1
    [ "$output" = out/photo.darken.1.png ]
    contains "$stderr" "two/photo.png: its copies would replace those of one/photo.png"
}

@test "what cannot be written is said; nothing half-written stays" {
    need_png
    mkdir -p out/130x70.darken.1.png
    run -1 --separate-stderr "$QUALICLIP" degrade "$photo" -o out --type=darken --level=1,2
    [ "$output" = out/130x70.darken.2.png ]
    contains "$stderr" "130x70.darken.1.png"
    [ "$(ls out | wc -l)" = 2 ]
}

@test "a disk that is full is called that" {
    need_png
    full() { (trap '' XFSZ && ulimit -f 4 && "$QUALICLIP" degrade "$photo" -o out "$@"); }
    run -1 --separate-stderr full --type=white-noise --level=5
    contains "$stderr" "130x70.white-noise.5.png: cannot be written: File too large"
    run -1 --separate-stderr full --type=white-noise --grid
    contains "$stderr" "130x70.degradations.png: cannot be written: File too large"
    [ "$(ls out | wc -l)" = 0 ]
}

@test "the folder is made with those above it; a file in its place is said once" {
    need_png
    [ "$("$QUALICLIP" degrade "$photo" -o a/new/one --type=darken --level=1)" = \
        a/new/one/130x70.darken.1.png ]
    touch file
    for directory in file file/below; do
        run -1 --separate-stderr "$QUALICLIP" degrade "$photo" -o $directory --type=darken
        [ "$stderr" = "qualiclip: $directory: Not a directory" ]
    done
}

@test "usage errors: status 2, what was expected, nothing done" {
    run -2 --separate-stderr "$QUALICLIP" degrade "$photo"
    contains "$stderr" "-o DIR is missing"
    run -2 --separate-stderr "$QUALICLIP" degrade -o out
    contains "$stderr" "which images?"
    for option in --type=blur --type=jpeg, --level=0 --level=6 --level=1,x --seed=-1 --grid=all \
        --format=xml --threads=x; do
        run -2 --separate-stderr "$QUALICLIP" degrade "$photo" -o out $option
        contains "$stderr" "$option: expected "
    done
    run -2 --separate-stderr "$QUALICLIP" degrade --list "$photo"
    [ ! -e out ]
}
