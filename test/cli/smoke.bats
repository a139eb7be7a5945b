#!/usr/bin/env bats
# What the program does on every processor that it is built for, in little time: where it has to be
# emulated, `make check-cross` runs these of the command line's tests and no others.
load common

setup_file() {
    BIG_ENDIAN=
    case ${EMULATOR:-} in *s390x*) BIG_ENDIAN=yes ;; *) provide_model ;; esac
    export BIG_ENDIAN
}

setup() {
    cd "$BATS_TEST_TMPDIR"
}

# What a big-endian machine answers to a command that needs a model.
refused() {
    run -1 --separate-stderr "$QUALICLIP" "$@"
    contains "$stderr" "model files are little-endian, this machine is not"
}

# PyTorch's for a checkpoint, an image and a mode of positions: the feature, then the score.
expected_numbers() {
    awk -v key="right $*" 'index($0, key " ") == 1 { print substr($0, length(key) + 2) }' \
        "$towers/towers.txt"
}

@test "--version names the kernel sets" {
    run -0 "$QUALICLIP" --version
    [[ $output == *"kernels: "*reference* ]]
}

@test "a photo has the score that it has on every machine" {
    local photo=$root/test/photos/bikes-161x300.png
    if [ -n "$BIG_ENDIAN" ]; then
        refused info
        refused score "$photo"
    else
        [ -z "$MODEL" ] || skip "this build has no built-in model"
        need_png
        run -0 "$QUALICLIP" score "$photo"
        [ "${output%% *}" = 0.9673 ]
    fi
}

@test "checkpoints are converted, described, and score as in PyTorch" {
    if [ -n "$BIG_ENDIAN" ]; then
        refused convert "$towers/vit.pth" -o vit.gguf
        [ ! -e vit.gguf ]
        return
    fi
    need_png
    for tower in vit resnet; do
        "$QUALICLIP" convert "$towers/$tower.pth" -o $tower.gguf
        run -0 "$QUALICLIP" info --format json $tower.gguf
        jq -e --arg tower $tower '.tower == $tower and .weight_type == "f32"' <<<"$output"
        numbers=$(expected_numbers $tower.pth 64x64 none)
        score=$("$QUALICLIP" score -m $tower.gguf --positions none --format json "${images[0]}" | jq .score)
        echo "$tower: $score, expected ${numbers##* }"
        jq -en "($score - ${numbers##* } | fabs) <= 1e-4"
    done
}
