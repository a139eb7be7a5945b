#!/usr/bin/env bats
# qualiclip train on several processes (a build with MPI=yes): the losses of one with the same batch.
load common

small=(--crop 32 --photos-a-step 3 --strange 1 --threads 1 --workers 1 --hold-out-side 64 --steps 3
    --seed 3)

setup_file() {
    provide_model
    cd "$BATS_FILE_TMPDIR"
    mkdir photos
    cp "$root"/test/photos/dandelions.jpg "$root"/test/photos/bikes-224x224.png photos
}

setup() {
    cd "$BATS_FILE_TMPDIR"
    need_png
    need_jpeg
}

ranks() { # NUMBER ARGUMENT...
    local number=$1
    shift
    mpirun -n "$number" --allow-run-as-root --oversubscribe "$QUALICLIP" train --photos photos "$@"
}

# Adam's first steps are as long for a gradient of nothing but rounding as for any other, so that
# losses agree less after them, and the norm of gradients is compared before.
same_losses() { # A.csv B.csv
    paste -d, "$1" "$2" | awk -F, '
        NR > 1 && $2 != "" {
            most = seen ? 1e-3 : 1e-5 # six digits are printed
            for (i = 2; i <= (seen ? 10 : 11); i++) {
                difference = $i - $(i + 17)
                if (!(difference * difference <= most * most * $i * $i)) exit bad = 1
            }
            seen++
        }
        END { exit bad || seen != 3 }' || { cat "$1" "$2"; return 1; }
}

@test "two processes compute the losses of one: a ResNet with its BatchNorm, a ViT and its patches" {
    for tower in pico "vit-tiny --teacher=$root/weights/qualiclip-nano.gguf"; do
        ranks 1 -o one.gguf --init $tower "${small[@]}" --log one.csv
        ranks 2 -o two.gguf --init $tower "${small[@]}" --log two.csv
        same_losses one.csv two.csv
        awk -F, -v vit=${tower%%-*} 'NR == 2 { exit !(($10 > 0) == (vit == "vit")) }' one.csv
        rm one.csv two.csv
    done
    "$QUALICLIP" score -m two.gguf photos/dandelions.jpg
}

@test "with a teacher, photos kept aside, and a run that goes on alone" {
    "$QUALICLIP" convert "$towers/resnet.pth" -o teacher.gguf
    aside="$root/test/photos/bikes-161x300.png"
    more=(--teacher teacher.gguf --hold-out "$aside")
    ranks 1 -o one.gguf --init pico "${small[@]}" "${more[@]}" --log one.csv
    run ranks 2 -o two.gguf --init pico "${small[@]}" "${more[@]}" --until 1 --log two.csv
    [ "$status" -eq 0 ]
    [ "$(grep -c "kept aside" <<<"$output")" -eq 1 ] # one of them speaks
    contains "$output" "stopped after 1 of 3 steps"
    "$QUALICLIP" train --photos photos -o two.gguf --resume two.gguf.state "${more[@]}" \
        --threads 1 --hold-out-side 64 --log two.csv
    same_losses <(grep -v ',,,,,' one.csv) <(grep -v ',,,,,' two.csv)
}

@test "more processes than photos is a mistake that all of them end with" {
    run ranks 2 -o m.gguf --init pico "${small[@]}" --photos-a-step 1
    [ "$status" -ne 0 ]
    contains "$output" "give --photos-a-step=2 or more"
}
