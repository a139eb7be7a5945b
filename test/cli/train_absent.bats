#!/usr/bin/env bats
# qualiclip train in a build without it (TRAIN=no).
load common

@test "a build without training says so, and what to do" {
    run "$QUALICLIP" train --photos photos --init nano -o model.gguf
    [ "$status" -eq 1 ]
    contains "$output" "this build has no training"
    contains "$output" "TRAIN=yes"
}
