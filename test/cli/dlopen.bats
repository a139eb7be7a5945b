#!/usr/bin/env bats
# The shared library in a program that knows nothing of it, and has an OpenBLAS of its own.
load common

BUILD=${BUILD:-$root/build}

setup_file() {
    provide_model
}

@test "loaded by dlopen beside the program's own OpenBLAS, both compute" {
    need_png
    cd "$BATS_TEST_TMPDIR"
    ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -D_GNU_SOURCE ${SANITIZE:+-fsanitize=$SANITIZE} \
        -rdynamic -I "$root/include" $(pkg-config --cflags openblas) "$root/test/dlopen/host.c" \
        $(pkg-config --libs openblas) -ldl -pthread -o host
    run -0 q score "${images[1]}"
    expected=${output%%  *}
    run -0 built ./host "$BUILD/libqualiclip.so" "${MODEL:--}" "${images[1]}" -
    [ "$output" = "$expected" ]
    if [ "${BLAS:-none}" = openblas ]; then
        run -0 q score --kernels=reference+openblas "${images[1]}"
        expected=${output%%  *}
        run -0 built ./host "$BUILD/libqualiclip.so" "${MODEL:--}" "${images[1]}" reference+openblas
        [ "$output" = "$expected" ]
    fi
}
