#!/usr/bin/env bats
# Where images come from: files, standard input, pipes, directories, odd names.
load common

setup_file() {
    provide_model
}

setup() {
    need_png
    cd "$BATS_TEST_TMPDIR"
}

paths() {
    jq -r .path <<<"$output"
}

@test "- is an image on standard input, and scores as the file does" {
    run -0 q score "${images[1]}"
    score=${output%% *}
    run -0 q score - <"${images[1]}"
    [ "$output" = "$score  -" ]
    run -0 bash -c 'cat "$3" | "$1" score ${2:+-m "$2"} -' bash "$QUALICLIP" "$MODEL" "${images[1]}"
    [ "$output" = "$score  -" ]
}

@test "empty, foreign, missing and twice-read standard input" {
    run -1 --separate-stderr q score - </dev/null
    contains "$stderr" "qualiclip: -: "
    run -1 --separate-stderr q score - <<<"no image"
    contains "$stderr" "qualiclip: -: "
    run -1 --separate-stderr bash -c '"$1" score ${2:+-m "$2"} - <&-' bash "$QUALICLIP" "$MODEL"
    contains "$stderr" "qualiclip: -: "
    run -1 --separate-stderr q score - - <"${images[0]}"
    [ ${#lines[@]} = 1 ]
    [ ${#stderr_lines[@]} = 1 ]
}

@test "a pipe by its name" {
    mkfifo photo.pipe
    cat "${images[0]}" >photo.pipe &
    run -0 q score photo.pipe
    contains "$output" "  photo.pipe"
}

@test "a directory without -r fails alone" {
    mkdir album
    run -1 --separate-stderr q score album "${images[0]}"
    contains "$stderr" "qualiclip: album: is a directory"
    contains "$stderr" "-r"
    [ ${#lines[@]} = 1 ]
}

@test "-r: images of any case, sorted, all levels, nothing else" {
    mkdir -p album/b/c album/empty album/d.png
    for name in album/z.png album/B.PNG album/b/c/1.Png album/d.png/x.png; do
        cp "${images[0]}" $name
    done
    echo text >album/notes.txt
    echo text >album/png
    mkfifo album/pipe.png
    run -0 q score --format json -r album
    [ "$(paths)" = "album/B.PNG
album/b/c/1.Png
album/d.png/x.png
album/z.png" ]
    run -0 q score --format json --recursive album/b/ "${images[1]}"
    [ "$(paths)" = "album/b/c/1.Png
${images[1]}" ]
}

@test "-r: links to files are taken, loops end, dangling links are reported" {
    mkdir -p album/inner
    cp "${images[0]}" album/inner/one.png
    ln -s .. album/inner/up
    ln -s . album/self
    ln -s self.png album/self.png
    ln -s nowhere album/gone.png
    ln -s inner/one.png album/link.png
    ln -s album shortcut
    run -1 --separate-stderr timeout 20 "$QUALICLIP" score ${MODEL:+-m "$MODEL"} --format json -r album
    [ "$(jq -r 'select(.score).path' <<<"$output")" = "album/inner/one.png
album/link.png" ]
    [ "$(jq -r 'select(.error).path' <<<"$output")" = "album/gone.png
album/self.png" ]
    run -1 q score -r shortcut
    contains "$output" "  shortcut/link.png"
}

@test "-r: a directory without images fails, one that cannot be read too" {
    mkdir album
    run -1 --separate-stderr q score -r album "${images[0]}"
    contains "$stderr" "qualiclip: album: no .png, .jpg or .jpeg file"
    [ ${#lines[@]} = 1 ]
    [ "$(id -u)" != 0 ] || return 0
    chmod 0 album
    run -1 --separate-stderr q score -r album
    contains "$stderr" "qualiclip: album: "
    chmod 755 album
}

@test "blanks, quotes, newlines and bytes that are no UTF-8 in a name" {
    names=('two words.png' $'new\nline.png' 'quo"te.png' $'\xff\xc3.png' $'tab\t.png' 'äöü.png')
    for name in "${names[@]}"; do cp "${images[0]}" "$name"; done
    q score --format json "${names[@]}" >all
    iconv -f UTF-8 -t UTF-8 all >/dev/null
    [ "$(wc -l <all)" = ${#names[@]} ]
    [ "$(jq -rs '.[0].path' all)" = 'two words.png' ]
    [ "$(jq -rs '.[1].path' all)" = $'new\nline.png' ]
    [ "$(jq -rs '.[2].path' all)" = 'quo"te.png' ]
    [ "$(jq -rs '.[3].path' all)" = '��.png' ]
    [ "$(jq -rs '.[4].path' all)" = $'tab\t.png' ]
    [ "$(jq -rs '.[5].path' all)" = 'äöü.png' ]
}

@test "every kind of invalid UTF-8 is replaced in JSON" {
    # overlong, surrogate, beyond U+10FFFF, cut, lone continuation
    for bytes in $'\xc0\xaf' $'\xe0\x80\xaf' $'\xed\xa0\x80' $'\xf4\x90\x80\x80' $'\xe2\x82' $'\x80'; do
        run -1 --separate-stderr q score --format json "missing-$bytes"
        iconv -f UTF-8 -t UTF-8 <<<"$output" >/dev/null
        [[ $(paths) =~ ^missing-�+$ ]]
    done
    run -1 --separate-stderr q score --format json "missing-€𝄞"
    [ "$(paths)" = "missing-€𝄞" ]
}

@test "a name cannot drive the terminal through a message" {
    run -1 --separate-stderr q score $'missing-\e[31m\n.png'
    [ ${#stderr_lines[@]} = 1 ]
    [[ $stderr != *$'\e'* ]]
}
