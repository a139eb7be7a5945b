#!/usr/bin/env bats
# The program itself: help, version, unknown commands and options.
load common

@test "no argument: help on standard error, status 2" {
    run -2 --separate-stderr "$QUALICLIP"
    [ -z "$output" ]
    contains "$stderr" "Usage: qualiclip COMMAND"
}

@test "--help, -h and help: help on standard output, status 0" {
    for word in --help -h help; do
        run -0 --separate-stderr "$QUALICLIP" $word
        contains "$output" "Usage: qualiclip COMMAND"
        contains "$output" "Exit status: 0"
        [ -z "$stderr" ]
    done
}

@test "--version names the version and the kernels" {
    run -0 --separate-stderr "$QUALICLIP" --version
    version=$(sed -n 's/^#define QC_VERSION_STRING "\(.*\)"/\1/p' "$root/include/qualiclip.h")
    [ "${lines[0]}" = "qualiclip $version" ]
    contains "${lines[1]}" "reference"
    [ -z "$stderr" ]
}

@test "every command explains itself with --help, -h and help COMMAND" {
    for command in score embed convert info degrade bench; do
        run -0 --separate-stderr "$QUALICLIP" $command --help
        contains "$output" "Usage: qualiclip $command"
        [ -z "$stderr" ]
        explained=$output
        run -0 --separate-stderr "$QUALICLIP" help $command
        [ "$output" = "$explained" ]
    done
}

@test "help fits a terminal of 100 columns" {
    for command in --help "score --help" "embed --help" "convert --help" "info --help" \
        "degrade --help" "bench --help"; do
        run -0 "$QUALICLIP" $command
        for line in "${lines[@]}"; do [ ${#line} -le 100 ]; done
    done
}

@test "an unknown command: status 2, the nearest one and the list" {
    run -2 --separate-stderr "$QUALICLIP" scoer
    [ -z "$output" ]
    contains "$stderr" "qualiclip: 'scoer' is not a command"
    contains "$stderr" "Did you mean 'score'?"
    contains "$stderr" "bench"
    run -2 --separate-stderr "$QUALICLIP" help xyzzy
    contains "$stderr" "'xyzzy' is not a command"
}

@test "a file where the command should be: the command is suggested" {
    run -2 --separate-stderr "$QUALICLIP" "${images[0]}"
    contains "$stderr" "qualiclip score"
}

@test "unknown options: status 2, named, with the hint" {
    for command in score embed convert info degrade bench; do
        run -2 --separate-stderr "$QUALICLIP" $command --xyzzy
        [ -z "$output" ]
        contains "$stderr" "--xyzzy"
        contains "$stderr" "Try 'qualiclip $command --help'"
    done
    run -2 --separate-stderr "$QUALICLIP" score -x photo.png
    contains "$stderr" "unknown option -x"
}

@test "an option without its value, and a value without an option that takes one" {
    run -2 --separate-stderr "$QUALICLIP" score photo.png -m
    contains "$stderr" "option -m needs a value"
    run -2 --separate-stderr "$QUALICLIP" score photo.png --format
    contains "$stderr" "option --format needs a value"
    run -2 --separate-stderr "$QUALICLIP" score --sort=yes photo.png
    contains "$stderr" "takes no value"
}

@test "help that cannot be written: status 1" {
    [ -e /dev/full ] || skip "no /dev/full"
    run -1 sh -c '"$1" --help >/dev/full' sh "$QUALICLIP"
    contains "$output" "standard output: "
}
