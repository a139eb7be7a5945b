#!/usr/bin/env bats
# docs/examples, compiled against the header and the static library alone, and run.
load common

BUILD=${BUILD:-$root/build}
LIBRARY_LIBS=${LIBRARY_LIBS:-$(pkg-config --libs openblas libpng libjpeg) -lm}
strict="-Wall -Wextra -Wpedantic -Werror"

setup_file() { provide_model; }

setup() {
    [ -z "$MODEL" ] || skip "the examples use the built-in model"
    cd "$BATS_TEST_TMPDIR"
}

example() { # NAME.c or NAME.cpp
    local compiler="${CC:-cc} -std=c11"
    [[ $1 == *.c ]] || compiler="$(cpp_compiler) -std=c++11"
    $compiler $strict -O1 ${SANITIZE:+-fsanitize=$SANITIZE} -I "$root/include" \
        "$root/docs/examples/$1" "$BUILD/libqualiclip.a" $LIBRARY_LIBS -pthread -o "${1%.*}"
}

@test "score.c: pixels of one's own" {
    example score.c
    run -0 built ./score
    [[ "$output" =~ ^0\.[0-9]{4}$ ]]
}

@test "score.cpp: threads that share a model" {
    need_jpeg
    example score.cpp
    photos=("$root"/test/golden/grepq/pristine/*.jpg)
    run -0 "$QUALICLIP" score "${photos[0]}"
    expected=${output%%  *}
    run -0 built ./score "${photos[@]}" missing.jpg
    [ ${#lines[@]} = $((${#photos[@]} + 1)) ]
    [ "$(printf '%.4f' "${lines[0]%% *}")" = "$expected" ]
    contains "${lines[-1]}" "-  missing.jpg: "
}

@test "best_shot.c: the sharpest of several shots" {
    need_png
    example best_shot.c
    photo=$root/test/photos/bikes-224x224.png
    "$QUALICLIP" degrade "$photo" -o worse --type=gaussian-blur,white-noise --level=4
    run -0 built ./best_shot worse/*gaussian-blur* "$photo" worse/*white-noise*
    contains "${lines[0]}" /bikes-224x224.png
    [ ${#lines[@]} = 3 ]
    run -1 --separate-stderr built ./best_shot missing.png "$photo"
    [ ${#lines[@]} = 1 ]
    contains "$stderr" "missing.png: "
}

@test "pool.c: the application's own threads give the same score" {
    need_png
    example pool.c
    run -0 "$QUALICLIP" score "$root/test/photos/bikes-224x224.png"
    expected=$output
    run -0 built ./pool "$root/test/photos/bikes-224x224.png"
    [ "$output" = "$expected" ]
}

@test "camera.c: NV12 frames, in a block that is there beforehand" {
    example camera.c
    # A film that gets worse: what is kept are the frames that the program itself finds good.
    film=$root/test/golden/films/420.y4m
    for frame in 0 1 2 3; do # of 64 x 48; five by five of them fill 320 x 240
        tail -c +$((76 + 4614 * frame + 7)) "$film" | head -c 3072 >luma
        for row in $(seq 0 47); do
            tail -c +$((row * 64 + 1)) luma | head -c 64 >line
            cat line line line line line
        done >rows
        cat rows rows rows rows rows
        head -c 38400 /dev/zero | tr '\0' '\200'
    done >frames
    run -0 "$QUALICLIP" score --format=json --raw=nv12:320x240 --matrix=bt709 frames
    expected=$(jq -r 'select(.frame != null and .score >= 0.5) | .frame' <<<"$output")
    run -0 built ./camera <frames
    [ "$(sed 's/^frame \([0-9]*\): .*/\1/' <<<"$output")" = "$expected" ]
    [ -n "$expected" ]
}
