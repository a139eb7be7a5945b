#!/bin/sh
# make_films.sh - the films in this folder, as ffmpeg writes them (5.1.9, Debian 12): one still photo
# that loses more of its sharpness with each of four frames.
set -eu
cd "$(dirname "$0")"
film() { # NAME PIXEL-FORMAT RANGE FRAMES OPTION...
    name=$1 format=$2 range=$3 frames=$4
    shift 4
    worse="gblur=sigma=0.3:enable='eq(n,1)',gblur=1.5:enable='eq(n,2)',gblur=4:enable='eq(n,3)'"
    ffmpeg -v error -y -loop 1 -i ../../photos/bikes-224x224.png -frames:v "$frames" \
        -vf "crop=64:48:80:80,$worse,scale=out_range=$range" -pix_fmt "$format" "$@" "$name"
}
film 420.y4m yuv420p limited 4
film full.y4m yuv420p full 4 -color_range pc
film 422.y4m yuv422p limited 4
film 444.y4m yuv444p limited 4
film mono.y4m gray full 4
film deep.y4m yuv420p10le limited 1 -strict -1
