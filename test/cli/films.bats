#!/usr/bin/env bats
# Films: YUV4MPEG2 as ffmpeg writes it (test/golden/films), raw frames, what is said of a whole film,
# and streams that are not what they claim to be.
load common

films=$root/test/golden/films

setup_file() {
    provide_model
}

setup() {
    cd "$BATS_TEST_TMPDIR"
}

scores() {
    jq -c 'select(.frame != null) | .score' <<<"$output"
}

# The frames of a .y4m file without the lines between them: all of 64 x 48, `bytes` each.
raw_frames() { # FILE BYTES
    local at=$(($(head -1 "$1" | wc -c) + 6)) size
    size=$(wc -c <"$1")
    for (( ; at < size; at += $2 + 6)); do
        tail -c +$((at + 1)) "$1" | head -c "$2"
    done
}

@test "each frame has a score, and the film a mean, a percentile and its worst frames" {
    run -0 q score --format=json --worst=2 --percentile=50 "$films/420.y4m"
    [ ${#lines[@]} = 5 ]
    jq -se '.[:4] | map(.frame) == [0, 1, 2, 3] and
            all(.width == 64 and .height == 48 and .score >= 0 and .score <= 1)' <<<"$output"
    jq -se '(.[:4] | map(.score) | sort) as $sorted | .[4] |
            .frames == 4 and .percent == 50 and .percentile == $sorted[1] and
            (.mean - ($sorted | add) / 4 | fabs) < 1e-6 and (.worst | map(.score)) == $sorted[:2] and
            .model != null and .recipe != null' <<<"$output"
    # As text and as CSV the same numbers.
    mean=$(jq -r 'select(.frames) | .mean * 10000 | round / 10000' <<<"$output")
    run -0 q score --worst=1 "$films/420.y4m"
    [ ${#lines[@]} = 7 ]
    [[ "${lines[0]}" == *"  $films/420.y4m#0" ]]
    [[ "$(printf '%.4f' "$mean")  $films/420.y4m  mean of 4 frames" == "${lines[4]}" ]]
    [[ "${lines[5]}" == *"  $films/420.y4m  percentile 5" ]]
    [[ "${lines[6]}" == *"  $films/420.y4m  worst: frame "[0-3] ]]
    run -0 q score --format=csv --worst=0 "$films/420.y4m"
    [ "${lines[0]}" = path,score,width,height,error,model,recipe,frame ]
    [ "$(cut -d, -f8 <<<"$output" | tr '\n' ' ')" = "frame 0 1 2 3 mean percentile 5 " ]
}

@test "a film has the same scores from a pipe, as raw frames, in any batch, with any threads" {
    run -0 q score --format=json "$films/420.y4m"
    expected=$(scores)
    for batch in 1 3 9; do
        run -0 q score --format=json --batch=$batch --threads=1 - <"$films/420.y4m"
        [ "$(scores)" = "$expected" ]
    done
    for threads in $(thread_counts); do
        run -0 q score --format=json --threads="$threads" --raw=i420:64x48 - \
            < <(raw_frames "$films/420.y4m" 4608)
        [ "$(scores)" = "$expected" ]
    done
    run -0 q score --format=json --every=2 "$films/420.y4m"
    [ "$(scores)" = "$(sed -n '1p;3p' <<<"$expected")" ]
}

@test "formats: mono is grey, ranges and matrices are heeded, all of YUV4MPEG2's are read" {
    run -0 q score --format=json "$films/mono.y4m"
    expected=$(scores)
    raw_frames "$films/mono.y4m" 3072 >grey
    run -0 q score --format=json --raw grey:64x48 grey
    [ "$(scores)" = "$expected" ]
    # Without colour the matrix is nothing; luma of full range is grey.
    for frame in 0 1 2 3; do
        tail -c +$((3072 * frame + 1)) grey | head -c 3072
        head -c 1536 /dev/zero | tr '\0' '\200'
    done >nv12
    for matrix in bt601 bt709 bt2020; do
        run -0 q score --format=json --range=full --matrix=$matrix --raw nv12:64x48 nv12
        [ "$(scores)" = "$expected" ]
    done
    run -0 q score --format=json --range=limited --raw nv12:64x48 nv12
    [ "$(scores)" != "$expected" ]
    # The option goes before the file.
    run -0 q score --format=json "$films/full.y4m"
    expected=$(scores)
    run -0 q score --format=json --range=full "$films/420.y4m"
    limited=$(scores)
    run -0 q score --format=json --range=limited "$films/full.y4m"
    [ "$(scores)" != "$expected" ]
    run -0 q score --format=json "$films/420.y4m"
    [ "$(scores)" != "$limited" ]
    run -0 q score --format=json --matrix=bt709 "$films/420.y4m"
    [ "$(scores)" != "$expected" ]
    for film in 422 444; do
        run -0 q score "$films/$film.y4m"
        contains "$output" "mean of 4 frames"
    done
}

@test "frames that a stream lays out otherwise than the library: 411, alpha, ten bits in planes" {
    raw_frames "$films/mono.y4m" 3072 >grey
    # Chroma for four pixels is that for two, twice; the last of a row is for what is left.
    chroma() { # WIDTH TIMES: two planes
        awk -v width="$1" -v times="$2" 'BEGIN {
            for (row = 0; row < 2 * 48; row++)
                for (x = 0; x < width; x++)
                    printf "%c", 60 + (5 * row + 11 * int(x / times)) % 64 }'
    }
    { printf 'YUV4MPEG2 W61 H48 C411\nFRAME\n'; head -c $((61 * 48)) grey; chroma 16 1; } >411.y4m
    { printf 'YUV4MPEG2 W61 H48 C422\nFRAME\n'; head -c $((61 * 48)) grey; chroma 31 2; } >422.y4m
    run -0 q score --format=json 422.y4m
    expected=$(scores)
    run -0 q score --format=json 411.y4m
    [ "$(scores)" = "$expected" ]
    run -1 q score - < <(head -c -1 411.y4m)
    contains "$output" "the frame is cut short: 4463 bytes of 4464"
    # Alpha is dropped.
    run -0 q score --format=json "$films/444.y4m"
    expected=$(scores)
    raw_frames "$films/444.y4m" 9216 >colours
    { echo 'YUV4MPEG2 W64 H48 C444alpha'
      for frame in 0 1 2 3; do
          echo FRAME
          tail -c +$((9216 * frame + 1)) colours | head -c 9216
          head -c 3072 grey
      done; } >alpha.y4m
    run -0 q score --format=json alpha.y4m
    [ "$(scores)" = "$expected" ]
    # Ten bits, of which the lowest two are 0, are the eight; words are low byte first.
    deepen() { od -An -v -tu1 -w1 | awk '{ printf "\\%03o\\%03o", $1 % 64 * 4, int($1 / 64) }'; }
    { printf 'YUV4MPEG2 W64 H48 C420p10\nFRAME\n'
      printf "$(raw_frames "$films/420.y4m" 4608 | head -c 4608 | deepen)"; } >deep.y4m
    run -0 q score --format=json "$films/420.y4m"
    expected=$(scores | head -1)
    run -0 q score --format=json deep.y4m
    [ "$(printf '%.4f' "$(scores)")" = "$(printf '%.4f' "$expected")" ]
    for depth in 10 12; do
        { printf "YUV4MPEG2 W48 H32 Cmono$depth\nFRAME\n"; head -c 3072 grey; } >mono.y4m
        run -0 q score --format=json mono.y4m
        expected=$(scores)
        run -0 q score --format=json --raw grey$depth:48x32 <(head -c 3072 grey)
        [ "$(scores)" = "$expected" ]
    done
    # As ffmpeg writes it.
    run -0 q score "$films/deep.y4m"
    contains "$output" "mean of 1 frames"
}

@test "headers that cannot be right, or cannot be used, are refused by their field" {
    refused() { # HEADER EXPECTED
        run -1 --separate-stderr q score - < <(printf '%b\nFRAME\n' "$1"; head -c 4608 /dev/zero)
        [ -z "$output" ]
        contains "$stderr" "qualiclip: -: "
        contains "$stderr" "$2"
    }
    refused 'YUV4MPEG2' "no width"
    refused 'YUV4MPEG2 W64' "no height"
    refused 'YUV4MPEG2 H48' "no width"
    refused 'YUV4MPEG2 W0 H48' 'W of the header is "0"'
    refused 'YUV4MPEG2 W-1 H48' 'W of the header is "-1"'
    refused 'YUV4MPEG2 W64 H4x' 'H of the header is "4x"'
    refused 'YUV4MPEG2 W H48' 'W of the header is ""'
    refused 'YUV4MPEG2 W99999999999999999999 H48' "expected a number from 1 to 65535"
    refused 'YUV4MPEG2 W65535 H65535' "65535 x 65535 pixels"
    refused 'YUV4MPEG2 W64 W64 H48' "W of the header is there twice"
    refused 'YUV4MPEG2 W64 H48 C420jpeg C420jpeg' "C of the header is there twice"
    refused 'YUV4MPEG2 W64 H48 C422p10' "C422p10 cannot be scored"
    refused 'YUV4MPEG2 W64 H48 C410' "-pix_fmt yuv420p"
    refused 'YUV4MPEG2 W64 H48 F25' 'F of the header is "25"'
    refused 'YUV4MPEG2 W64 H48 A1:x' 'A of the header is "1:x"'
    refused 'YUV4MPEG2 W64 H48 Ix' 'I of the header is "x"'
    refused 'YUV4MPEG2 W64 H48 XCOLORRANGE=SOME' 'XCOLORRANGE is "SOME"'
    refused 'YUV4MPEG2 W64 H48 Zebra' '"Zebra", which is not known'
    refused 'YUV4MPEG2 W64 H48 X\033[2J' "byte of value 27"
    refused 'YUV4MPEG2\tW64 H48' "byte of value 9"
    refused 'YUV4MPEG2 W64\0 H48' "byte of value 0"
    refused 'YUV4MPEG W64 H48' "does not begin with YUV4MPEG2"
    refused "YUV4MPEG2 W64 H48 X$(head -c 2000 /dev/zero | tr '\0' x)" "the header has no end"
}

@test "a film that breaks off is scored as far as it goes, and is a failure" {
    frame=4614 header=76
    [ "$(head -1 "$films/420.y4m" | wc -c)" = $header ]
    broken() { # BYTES EXPECTED
        run -1 --separate-stderr q score --worst=0 - < <(head -c "$1" "$films/420.y4m")
        contains "$stderr" "$2"
    }
    broken 40 "the header is cut short"
    broken $header "has no frame"
    broken $((header + 3)) "after 0 frames: the line before a frame is cut short"
    broken $((header + 100)) "after 0 frames: the frame is cut short: 94 bytes of 4608"
    broken $((header + frame + 6)) "after 1 frames: the frame is cut short: 0 bytes of 4608"
    [ ${#lines[@]} = 3 ]
    contains "${lines[1]}" "mean of 1 frames"
    run -1 --separate-stderr q score - < <(head -c $((header + frame)) "$films/420.y4m"; echo FRAMES)
    contains "$stderr" "does not begin with FRAME"
    run -1 --separate-stderr q score --raw=i420:64x48 - < <(head -c 5000 /dev/zero)
    contains "$stderr" "after 1 frames: the frame is cut short: 392 bytes of 4608"
    run -1 --separate-stderr q score --raw=i420:64x48 - </dev/null
    contains "$stderr" "has no frame"
    # The others are scored; a frame that is too small for the model is told by its number.
    run -1 --separate-stderr q score "$films/420.y4m" missing.y4m "$films/mono.y4m"
    contains "$stderr" "missing.y4m: "
    [ "$(grep -c '  mean of 4 frames' <<<"$output")" = 2 ]
    run -1 --separate-stderr q score --format=json --raw=grey:4x4 - < <(head -c 32 /dev/zero)
    contains "$stderr" "-: frame 1: "
    [ "$(jq -s 'map(.error != null and .frame != null) | all' <<<"$output")" = true ]
}

@test "options about films that make no sense" {
    for wrong in --raw=nv12 --raw=nv12:0x48 --raw=nv:64x48 --raw=:64x48 --raw=nv12:64x48x2 \
        --matrix=bt470 --range=none --every=0 --percentile=101 --worst=-1; do
        run -2 q score "$wrong" "$films/420.y4m"
        contains "$output" "${wrong%%=*}: expected"
    done
    run -2 q score --sort "$films/420.y4m"
    contains "$output" "--sort is for photos"
    run -2 q embed --raw=nv12:64x48 "$films/420.y4m"
    contains "$output" "--raw"
}
