#!/bin/sh
# make.sh FOLDER - trains the built-in model, as `make model` does, into FOLDER/qualiclip-nano.gguf.
#
# Photos are fetched into FOLDER/photos.  A run that was interrupted goes on where it was saved.  This is
# the whole recipe, 65 minutes of two cores; the same program on the same kind of machine gives the same
# bits.
set -eu
folder=$1 qualiclip=${QUALICLIP:-build/qualiclip}
mkdir -p "$folder"
[ -e "$folder/photos/complete" ] || weights/photos/fetch.sh "$folder/photos"

# phase NAME BEGINNING ARGUMENT... - trains FOLDER/NAME.gguf, unless that is done.
phase() {
    model=$folder/$1 beginning=$2
    shift 2
    [ -e "$model.done" ] && return
    if [ -e "$model.gguf.state" ]; then
        set -- --resume="$model.gguf.state"
    else
        set -- --init="$beginning" "$@"
    fi
    "$qualiclip" train --photos="$folder/photos/train" --hold-out="$folder/photos/held-out" \
        --output="$model.gguf" --log="$model.csv" --threads=2 --judge-every=3500 --cache-memory=4G \
        --name="QualiCLIP nano" --license=MIT "$@"
    touch "$model.done"
}

# The provisional model goes on learning: the score itself, spoilt and stored photos, what is no photo.
phase small weights/provisional.pth --recipe=scratch --logit-scale=4 --seed=4 --steps=7000 \
    --learning-rate=0.001 --calibration=1 --auxiliary=0

# Scores that are in order within each photo and comparable between photos: larger crops, more of them of
# nearly whole photos.  BatchNorm is frozen, as the model is used.
phase large "$folder/small.gguf" --crop=160 --photos-a-step=3 --strange=1 --warm-up=50 --between=1 --detail=1 \
    --without-regard=0.3 --whole=0.5 --stored=0.2 --consistency-margin=0.02 --rank-margin=0.1 \
    --margin-grows=1 --pristine-margin=0.5 --across-from=1 --pristine-score=0.96 --worst-score=0.04 \
    --strange-score=0.03 --gradient-limit=5 --average=0.998 --auxiliary=0 --weight-decay=0.01 --seed=5 \
    --steps=13000 --learning-rate=0.0005 --compound=0.12 --across=0.8 --calibration=1.2 --positive=2 \
    --negative=2 --type-weights="linear-contrast=4,darken=3,mean-shift=3,brighten=2,saturation-hsv=2,\
color-shift=2,color-diffusion=2,motion-blur=1.7,jpeg2000=1.7,gaussian-blur=1.2,\
non-eccentricity-patch=1.5,white-noise=0.6,white-noise-ycbcr=0.7,impulse-noise=0.6,\
multiplicative-noise=0.6,pixelate=0.6,quantization=0.6,jitter=0.7,non-linear-contrast=0.7,color-block=0.8"

# Between the new model and the one that it began with lie models that rank nearly as well as the new one,
# and have not lost what the other knows: that a photo may be out of focus where it is meant to be.
"$qualiclip" convert weights/provisional.pth --output="$folder/provisional.gguf" --type=f32
weights/blend.py "$folder/nano.gguf" 0.62 "$folder/large.gguf" 0.38 "$folder/provisional.gguf"

# The order is as it shall be; the scale spreads the scores over 0 to 1.  (It ends before its first step,
# which `train` reports as a run that was stopped.)
output=$folder/qualiclip-nano.gguf
rm -f "$output"
"$qualiclip" train --photos="$folder/photos/train" --init="$folder/nano.gguf" --until=0 --logit-scale=6 \
    --output="$output" --name="QualiCLIP nano" --license=MIT || [ -e "$output" ]
"$qualiclip" eval --degradations --photos="$folder/photos/held-out" -m builtin -m "$output"
echo "To build it in: copy $output to weights/, and bring weights/README.md up to date."
