#!/bin/sh
# make.sh FOLDER - trains the built-in model, as `make model` does, into FOLDER/qualiclip-nano.gguf.
#
# Photos are fetched into FOLDER/photos.  A run that was interrupted goes on where it was saved.  The
# commands below are the whole recipe; the same program on the same kind of machine gives the same bits.
# An hour of two cores.
set -eu
folder=$1 qualiclip=${QUALICLIP:-build/qualiclip}
mkdir -p "$folder"
[ -d "$folder/photos/train" ] || weights/photos/fetch.sh "$folder/photos"

# phase NAME BEGINNING ARGUMENT... - goes on with that phase, unless it is done.
phase() {
    name=$folder/$1
    [ -e "$name.done" ] && return
    set -- --init="$@"
    [ ! -e "$name.gguf.state" ] || set -- --resume="$name.gguf.state"
    "$qualiclip" train --photos="$folder/photos/train" --hold-out="$folder/photos/held-out" \
        --output="$name.gguf" --log="$name.csv" --threads=2 --judge-every=1000 \
        --name="QualiCLIP nano" --license=MIT "$@"
    touch "$name.done"
}
phase_from() { # NAME BEGINNING ARGUMENT...
    name=$1 beginning=$2
    shift 2
    phase "$name" "$beginning" "$@"
}

# The provisional model goes on learning: real BatchNorm, many photos, small crops.
phase_from small weights/provisional.pth --recipe=scratch --logit-scale=4 --seed=4 --steps=6500 \
    --learning-rate=0.001 --calibration=1 --auxiliary=0

# Larger crops, more of them of nearly whole photos; BatchNorm frozen, as the model is used.
larger() { # NAME BEGINNING ARGUMENT...
    phase_from "$@" --crop=160 --photos-a-step=3 --strange=1 --steps=3000 --warm-up=50 \
        --between=1 --detail=1 --without-regard=0.3 --whole=0.5 --stored=0.2 --compound=0.1 \
        --consistency-margin=0.02 --rank-margin=0.1 --margin-grows=1 --pristine-margin=0.5 \
        --across-from=1 --pristine-score=0.96 --worst-score=0.04 --strange-score=0.03 \
        --gradient-limit=5 --average=0.998 --auxiliary=0 --weight-decay=0.01
}
