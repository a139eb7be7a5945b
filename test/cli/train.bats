#!/usr/bin/env bats
# qualiclip train: a run of a few steps makes a model, and goes on where it was saved.
load common

# Small enough for a second: four images a crop would take, of 32 pixels.
small=(--init nano --crop 32 --photos-a-step 1 --strange 1 --threads 1 --workers 1
    --hold-out-side 64 --steps 4 --seed 3)

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

@test "a model is made, told of in a log, and scores photos" {
    run "$QUALICLIP" train --photos photos --hold-out "$root/test/photos/bikes-161x300.png" \
        -o first.gguf "${small[@]}" --log first.csv --judge-every 2 --license MIT --name first
    [ "$status" -eq 0 ]
    contains "$output" "2 photos"
    contains "$output" "1 kept aside"
    contains "$output" "step 2  loss"
    contains "$output" "first.gguf: 4 steps"
    [ "$(head -1 first.csv | cut -d, -f1-3)" = step,loss,consistency ]
    [ "$(cut -d, -f1 first.csv | tr '\n' ' ')" = "step 1 2 2 3 4 4 " ] # a judgement has its line
    [ "$(awk -F, '{ print NF }' first.csv | sort -u)" = 17 ]
    run "$QUALICLIP" eval --degradations --photos "$root/test/photos/bikes-161x300.png" \
        -m first.gguf --size 64 --format json # says the same of it
    [ "$(jq '"\(.within_image),\(.across)"' -r <<<"$output")" = "$(tail -1 first.csv | cut -d, -f15,16)" ]
    run "$QUALICLIP" score -m first.gguf photos/dandelions.jpg
    [ "$status" -eq 0 ]
    run "$QUALICLIP" info first.gguf
    contains "$output" MIT
    contains "$output" first
    [ "$(ls -A | grep -c first)" -eq 3 ] # model, state, log, and nothing left over
}

@test "the same seed gives the same model, another seed another" {
    mkdir -p once again other
    "$QUALICLIP" train --photos photos -o once/m.gguf "${small[@]}"
    "$QUALICLIP" train --photos photos -o again/m.gguf "${small[@]}" --workers 3
    "$QUALICLIP" train --photos photos -o other/m.gguf "${small[@]}" --seed 4
    cmp once/m.gguf again/m.gguf
    ! cmp -s once/m.gguf other/m.gguf
}

@test "decoded photos take no more memory than is given" {
    run "$QUALICLIP" train --photos photos -o bounded.gguf "${small[@]}" --until 1
    contains "$output" "2 photos (2 MB)"
    run "$QUALICLIP" train --photos photos -o bounded.gguf "${small[@]}" --until 1 \
        --cache-memory 1M
    contains "$output" "2 photos (1 MB)"
}

@test "a run that is stopped goes on to the same bits" {
    mkdir -p whole parts
    "$QUALICLIP" train --photos photos -o whole/m.gguf "${small[@]}" --log whole/m.csv
    run "$QUALICLIP" train --photos photos -o parts/m.gguf "${small[@]}" --until 2 --log parts/m.csv
    [ "$status" -eq 0 ]
    contains "$output" "stopped after 2 of 4 steps: --resume=parts/m.gguf.state goes on"
    ! cmp -s whole/m.gguf parts/m.gguf
    # As if the first one had gone on after it was saved, and been ended while it wrote.
    printf '3,0.5,,,,,,,,,,,\n4,0' >>parts/m.csv
    "$QUALICLIP" train --photos photos -o parts/m.gguf --resume parts/m.gguf.state \
        --threads 1 --workers 2 --log parts/m.csv
    cmp whole/m.gguf parts/m.gguf
    cmp whole/m.gguf.state parts/m.gguf.state
    diff <(cut -d, -f1-12 whole/m.csv) <(cut -d, -f1-12 parts/m.csv) # but for the times
}

@test "a signal ends a run, and what was learned is kept" {
    "$QUALICLIP" train --photos photos -o signal.gguf "${small[@]}" --steps 1000000 \
        --log signal.csv >signal.out 2>&1 &
    process=$!
    for _ in $(seq 200); do
        [ -s signal.csv ] && [ "$(wc -l <signal.csv)" -gt 2 ] && break
        sleep 0.05
    done
    for _ in 1 2 3; do
        kill -INT $process || break # as timeout does, to the process and to its group
    done
    status=0
    wait $process || status=$?
    [ "$status" -eq 1 ]
    contains "$(cat signal.out)" "interrupted after"
    "$QUALICLIP" score -m signal.gguf photos/dandelions.jpg
    run "$QUALICLIP" train --photos photos -o signal.gguf --resume signal.gguf.state --until 1
    [ "$status" -eq 0 ]
}

@test "weights of a run begin another one, with another recipe" {
    "$QUALICLIP" train --photos photos -o begin.gguf "${small[@]}"
    "$QUALICLIP" train --photos photos -o next.gguf "${small[@]}" --init begin.gguf.state \
        --crop 64 --learning-rate 0.0001
    ! cmp -s begin.gguf next.gguf
}

@test "a teacher is imitated" {
    "$QUALICLIP" convert "$towers/resnet.pth" -o teacher.gguf
    run "$QUALICLIP" train --photos photos --hold-out "$root/test/photos/bikes-161x300.png" \
        -o student.gguf "${small[@]}" --init pico --teacher teacher.gguf --log student.csv
    [ "$status" -eq 0 ]
    contains "$output" "like the teacher"
    contains "$output" "the teacher's features are of another size: its scores alone are imitated"
    [ "$(tail -1 student.csv | cut -d, -f17)" != "" ]
    awk -F, 'NR == 2 { exit !($9 > 0) }' student.csv # the loss of that name
    "$QUALICLIP" train --photos photos -o alone.gguf "${small[@]}" --init pico
    ! cmp -s student.gguf alone.gguf
    run "$QUALICLIP" train --photos photos --resume student.gguf.state -o student.gguf
    [ "$status" -eq 1 ]
    contains "$output" "give --teacher"
    run "$QUALICLIP" train --photos photos -o student.gguf "${small[@]}" --teacher no-model.gguf
    [ "$status" -eq 1 ]
    contains "$output" "no-model.gguf"
}

@test "a student begins with its teacher's layers, one block of each stage" {
    # Untrained, it is the teacher without what the other blocks add.
    run "$QUALICLIP" train --photos photos --hold-out "$root/test/photos/bikes-161x300.png" \
        --hold-out-side 96 -o shallow.gguf "${small[@]}" --init shallow \
        --teacher "$root/weights/qualiclip-nano.gguf" --until 0 --log shallow.csv
    [ "$status" -eq 0 ]
    tail -1 shallow.csv | awk -F, '{ exit !($17 > 0.5) }'
    run "$QUALICLIP" info shallow.gguf
    contains "$output" "4 bottleneck blocks"
    "$QUALICLIP" train --photos photos -o learned.gguf --resume shallow.gguf.state \
        --teacher "$root/weights/qualiclip-nano.gguf" --until 2
    ! cmp -s shallow.gguf learned.gguf
    run -1 "$QUALICLIP" train --photos photos -o no.gguf "${small[@]}" --init shallow
    contains "$output" "give --teacher"
    run -1 "$QUALICLIP" train --photos photos -o no.gguf "${small[@]}" --init shallow \
        --teacher shallow.gguf
    contains "$output" "no ResNet with several blocks a stage"
}

@test "a small ViT" {
    "$QUALICLIP" train --photos photos -o vit.gguf "${small[@]}" --init vit-tiny --steps 2
    run "$QUALICLIP" info vit.gguf
    contains "$output" "ViT"
    "$QUALICLIP" score -m vit.gguf photos/dandelions.jpg
}

@test "a damaged state is refused before memory is asked for or a step is done" {
    "$QUALICLIP" train --photos photos -o good.gguf "${small[@]}" --until 1
    refuse() { # PART: what is said of the file bad.state
        run -1 "$QUALICLIP" train --photos photos -o bad.gguf --resume bad.state --threads 1
        contains "$output" "bad.state: $1"
        [ ! -e bad.gguf ]
    }
    put() { # OFFSET BYTES: a copy with those bytes
        cp good.gguf.state bad.state
        printf "$2" | dd of=bad.state bs=1 seek="$1" conv=notrunc 2>/dev/null
    }
    local size first
    size=$(wc -c <good.gguf.state)
    first=$((8 + $(od -An -tu8 -N8 good.gguf.state)))
    put "$first" '\000\000\300\177' # NaN
    refuse "tensor visual."
    contains "$output" "element 0 is nan, expected a finite number"
    # The numbers of a run: after the kind of its tower comes the width.
    local words=$((size - 16 * $(grep -ao '"training.numbers":{"dtype":"F32","shape":\[[0-9]*' good.gguf.state |
        sed 's/.*\[//') / 4))
    put $((words + 16 + 4)) '\000\000\200\077' # ... with its second part 1: 65536 more
    refuse "not the state of a run: its width is 6555"
    put $((words + 16)) '\000\000\300\101' # 24
    refuse "tensor visual.layer1.1.bn1.bias"
    put $((words + 16 * 14)) '\000\000\100\100' # the prompts: 3
    refuse "not the state of a run: it has 3 prompts, expected an even number from 2 to 128"
    put $((words + 16 * 19 + 12)) '\000\377\177\107' # the highest part of the crop: 65535
    refuse "not the state of a run: crop is"
    head -c $((size - 5)) good.gguf.state >bad.state
    refuse ""
}

@test "a ViT's patches imitate the cells of a ResNet's map, and a run of it goes on to the same bits" {
    map=(--teacher "$root/weights/qualiclip-nano.gguf")
    mkdir -p map rest
    "$QUALICLIP" train --photos photos -o map/m.gguf "${small[@]}" --init vit-tiny "${map[@]}" \
        --log map/m.csv
    [ "$(head -1 map/m.csv | cut -d, -f10)" = tokens ]
    awk -F, 'NR > 1 && $2 && !($10 > 0 && $10 < 2) { exit 1 }' map/m.csv
    "$QUALICLIP" train --photos photos -o rest/m.gguf "${small[@]}" --init vit-tiny "${map[@]}" \
        --teacher-tokens 1 --workers 2 --until 2 --log rest/m.csv
    "$QUALICLIP" train --photos photos -o rest/m.gguf --resume rest/m.gguf.state "${map[@]}" \
        --threads 1 --workers 2 --log rest/m.csv
    cmp map/m.gguf rest/m.gguf
    cmp map/m.gguf.state rest/m.gguf.state
    diff <(cut -d, -f1-12 map/m.csv) <(cut -d, -f1-12 rest/m.csv)
    "$QUALICLIP" train --photos photos -o rest/m.gguf "${small[@]}" --init vit-tiny "${map[@]}" \
        --teacher-tokens 0 --log rest/m.csv
    ! cmp -s map/m.gguf rest/m.gguf
    run -1 "$QUALICLIP" train --photos photos -o no.gguf "${small[@]}" "${map[@]}" --teacher-tokens 1
    contains "$output" "the student is no ViT"
    run -1 "$QUALICLIP" train --photos photos -o no.gguf "${small[@]}" --teacher-tokens 1
    contains "$output" "give --teacher"
    run -1 "$QUALICLIP" train --photos photos -o no.gguf "${small[@]}" --init vit-tiny "${map[@]}" \
        --crop 40 --teacher-tokens 1
    contains "$output" "--crop=64"
    # Where nobody asks, a crop that does not fit is no mistake.
    "$QUALICLIP" train --photos photos -o rest/m.gguf "${small[@]}" --init vit-tiny "${map[@]}" \
        --crop 40 --until 1
}

@test "mistakes are explained" {
    expect() { # STATUS PART ARGUMENT...
        local wanted=$1 part=$2
        shift 2
        run "$QUALICLIP" train "$@"
        [ "$status" -eq "$wanted" ] || { echo "$* gave $status: $output"; return 1; }
        contains "$output" "$part"
    }
    expect 2 "no photos are given" --init nano -o m.gguf
    expect 2 "no output file" --photos photos --init nano
    expect 2 "nothing to begin with" --photos photos -o m.gguf
    expect 2 "expected a number from 0 to 1" --photos photos --init nano -o m.gguf --whole 2
    expect 2 "expected a whole number from" --photos photos --init nano -o m.gguf --crop 33.5
    expect 2 "expected NAME=WEIGHT" --photos photos --init nano -o m.gguf --type-weights rust=1
    expect 2 "photos are given as --photos=photos" photos --init nano -o m.gguf
    expect 2 "--workers=x: expected a whole number from 0" --photos photos --init nano -o m.gguf --workers x
    expect 1 "nowhere/m.gguf: No such file" --photos photos "${small[@]}" -o nowhere/m.gguf
    expect 1 "photos: is a directory" --photos photos "${small[@]}" -o photos
    mkfifo pipe
    expect 1 "pipe: exists and is not a regular file" --photos photos "${small[@]}" -o m.gguf --state pipe
    expect 1 "1 photos kept aside take 54 MB at 384 pixels a side, more than --cache-memory, 10 MB" \
        --photos photos --hold-out photos/dandelions.jpg "${small[@]}" -o m.gguf --cache-memory 10M \
        --hold-out-side 384
    expect 2 "--hold-out-side=5000: expected a whole number from 1 to 4096" --hold-out-side 5000
    expect 1 "nano, pico or vit-tiny" --photos photos --init nanno -o m.gguf
    expect 1 "--hold-out has them all" --photos photos --hold-out photos "${small[@]}" -o m.gguf
    expect 1 "nothing-here" --photos nothing-here --init nano -o m.gguf
    expect 1 "no-state" --photos photos --init no-state -o m.gguf
    expect 1 "crops need" --photos "$root/test/photos/bikes-161x300.png" --init nano -o m.gguf --crop 224
    "$QUALICLIP" train --photos photos -o good.gguf "${small[@]}" --until 1
    expect 2 "cannot be changed" --photos photos --resume good.gguf.state -o m.gguf --steps 9
    echo "precious" >notes.txt
    expect 1 "notes.txt: is there, and no log" --photos photos --hold-out-side 64 -o m.gguf \
        --resume good.gguf.state --log notes.txt
    [ "$(cat notes.txt)" = precious ]
    expect 1 "other photos" --photos photos/dandelions.jpg --resume good.gguf.state -o m.gguf
    echo "not a photo" >photos/broken.jpg
    expect 0 "broken.jpg" --photos photos "${small[@]}" -o m.gguf
    rm photos/broken.jpg
}
