#!/bin/sh
# make.sh FOLDER - trains the built-in model, as `make model` does, into FOLDER/qualiclip-nano.gguf.
#
# Photos are fetched into FOLDER/photos.  A run that was interrupted goes on where it was saved.  The
# two commands below are the whole recipe, with what `qualiclip train --help` has for --init=nano; the
# seed and the number of threads decide every bit.  About two hours of two cores.
set -eu
folder=$1 qualiclip=${QUALICLIP:-build/qualiclip}
mkdir -p "$folder"
[ -d "$folder/photos/train" ] || weights/photos/fetch.sh "$folder/photos"

# phase NAME ARGUMENT... - goes on with that phase, unless it is done.
phase() {
    name=$folder/$1
    shift
    [ -e "$name.done" ] && return
    if [ -e "$name.gguf.state" ]; then
        set -- --resume="$name.gguf.state"
    fi
    "$qualiclip" train --photos="$folder/photos/train" --hold-out="$folder/photos/held-out" \
        --output="$name.gguf" --log="$name.csv" --threads=2 --name="QualiCLIP nano" --license=MIT "$@"
    touch "$name.done"
}

# Small crops and many photos first; then larger ones, of which fewer fit a step.
phase small --init=nano --seed=1 --steps=12000 --calibration=1 --judge-every=1000
phase large --init="$folder/small.gguf.state" --seed=2 --crop=192 --photos-a-step=2 --strange=1 \
    --steps=2500 --learning-rate=0.0005 --auxiliary=0 --calibration=1 --judge-every=500
cp "$folder/large.gguf" "$folder/qualiclip-nano.gguf"
"$qualiclip" eval --degradations --photos="$folder/photos/held-out" -m builtin -m "$folder/qualiclip-nano.gguf"
echo "weights/qualiclip-nano.gguf is what is built in: copy $folder/qualiclip-nano.gguf there to replace it."
