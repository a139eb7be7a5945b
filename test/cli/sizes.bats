#!/usr/bin/env bats
# qualiclip score, embed: --size, --positions flat, --max-memory.
load common

setup_file() {
    provide_model
    "$QUALICLIP" convert "$towers/vit.pth" -o "$BATS_FILE_TMPDIR/vit.gguf"
    "$QUALICLIP" convert "$towers/resnet.pth" -o "$BATS_FILE_TMPDIR/small.gguf"
}

setup() {
    need_png
    cd "$BATS_TEST_TMPDIR"
    photo=$root/test/photos/dandelions-slight-blur.png
}

# near FILE NUMBERS TOLERANCE: numbers separated by blanks
near() {
    awk -v expected="$2" -v tolerance="$3" '
        { n = split(expected, e, " "); if (NF != n) exit 1
          for (i = 1; i <= n; i++) { d = $i - e[i]; if (!(d <= tolerance && -d <= tolerance)) exit 1 } }
        END { if (NR != 1) exit 1 }' "$1"
}

@test "every rule gives PyTorch's and Pillow's features and scores" {
    cases=0
    while read -r checkpoint name size positions width height numbers; do
        [ "$checkpoint" = vit.pth ] || continue
        set -- -m "$BATS_FILE_TMPDIR/vit.gguf" --size "$size" --positions "$positions"
        "$QUALICLIP" embed "$@" "$root/test/$name" | sed 's/  .*//' >feature
        near feature "${numbers% *}" 2e-5
        "$QUALICLIP" score "$@" --format json "$root/test/$name" >score
        jq .score score >number
        near number "${numbers##* }" 1e-4
        jq -e --arg s "$size" --argjson w "$width" --argjson h "$height" \
            '.size == $s and .width == $w and .height == $h
             and (.recipe | contains(" size=" + $s + " "))' score
        cases=$((cases + 1))
    done < <(grep -v '^#' "$towers/sizes.txt" | grep -e slight-blur -e 161x300)
    [ $cases = 17 ]
}

@test "positions flat gives PyTorch's feature" {
    grep '^right vit.pth 130x70 flat ' "$towers/towers.txt" | cut -d' ' -f5-36 >expected
    "$QUALICLIP" embed -m "$BATS_FILE_TMPDIR/vit.gguf" --positions flat "$towers/130x70.png" |
        sed 's/  .*//' >feature
    near feature "$(cat expected)" 2e-5
}

@test "the same bits in any batch, with images too small for tiles among them" {
    for size in crop224 long=60 tiles; do
        for image in "$photo" "${images[@]}" "$root/test/photos/bikes-224x224.png"; do
            q score --size $size --format json "$image" || true
        done >alone 2>/dev/null
        [ $size != tiles ] || [ "$(grep -c '"error"' alone)" = 3 ]
        for threads in $(thread_counts); do
            q score --size $size --format json --threads $threads --batch 4 "$photo" \
                "${images[@]}" "$root/test/photos/bikes-224x224.png" >together 2>/dev/null || true
            cmp alone together
        done
    done
}

@test "--max-memory: a photo that needs more fails alone, the others are scored" {
    run -1 --separate-stderr "$QUALICLIP" score -m "$BATS_FILE_TMPDIR/small.gguf" --max-memory 2M \
        "${images[0]}" "$photo" "${images[1]}"
    [ ${#lines[@]} = 2 ]
    contains "${lines[0]}" "  ${images[0]}"
    contains "${lines[1]}" "  ${images[1]}"
    contains "$stderr" "qualiclip: $photo: an image of 768 x 432 needs "
    contains "$stderr" "--max-memory allows 2.0 MiB"
    run -1 --separate-stderr "$QUALICLIP" score -m "$BATS_FILE_TMPDIR/small.gguf" --max-memory 9K \
        "${images[0]}"
    contains "$stderr" "--max-memory allows 0.0 MiB"
    run -0 q score --max-memory 1G "$photo"
}

@test "a crop of a large photo needs no more memory than that of a small one" {
    run -0 "$QUALICLIP" score -m "$BATS_FILE_TMPDIR/small.gguf" --max-memory 2M --size crop64 "$photo"
}

@test "a rule that is too small for the model: status 1" {
    run -1 --separate-stderr "$QUALICLIP" score -m "$BATS_FILE_TMPDIR/small.gguf" --size crop31 "$photo"
    contains "$stderr" "size_pixels is 31, expected 32"
}

@test "--fast-decode: for sizes that reduce, and the recipe tells" {
    need_jpeg
    photo=$root/test/photos/dandelions.jpg
    run -2 --separate-stderr q score --fast-decode "$photo"
    contains "$stderr" "--fast-decode is for --size=cropN or --size=long=N"
    run -0 q score --fast-decode --size crop64 --format json "$photo"
    contains "$(jq -r .recipe <<<"$output")" "size=crop64 "
    contains "$(jq -r .recipe <<<"$output")" " decoded=1/2"
    run -0 q score --fast-decode --size crop224 --format json "$photo" # not twice as large
    scaled=$output
    run -0 q score --size crop224 --format json "$photo"
    [ "$output" = "$scaled" ]
}
