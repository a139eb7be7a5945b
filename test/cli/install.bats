#!/usr/bin/env bats
# What `make install` puts down, and what the libraries export.
load common

BUILD=${BUILD:-$root/build}

@test "install puts down program, libraries, headers, manual and package files, and nothing else" {
    install_into "$BATS_TEST_TMPDIR"
    [ "$(cd "$BATS_TEST_TMPDIR/usr" && find . ! -type d | sort | tr '\n' ' ')" = "\
./bin/qualiclip ./include/qualiclip.h ./include/qualiclip.hpp \
./lib/cmake/qualiclip/qualiclip-config-version.cmake ./lib/cmake/qualiclip/qualiclip-config.cmake \
./lib/libqualiclip.a ./lib/libqualiclip.so \
./lib/libqualiclip.so.0 ./lib/libqualiclip.so.0.1.0 ./lib/pkgconfig/qualiclip.pc \
./share/man/man1/qualiclip.1 " ]
    # ... and uninstall takes all of it away.
    make -s -C "$root" "${options[@]}" PREFIX=/usr DESTDIR="$BATS_TEST_TMPDIR" uninstall
    [ -z "$(find "$BATS_TEST_TMPDIR/usr" ! -type d)" ]
}

@test "a program builds with pkg-config alone, shared and static" {
    [ -z "${SANITIZE:-}" ] || skip "a sanitizer's runtime must be linked by the program"
    install_into "$BATS_TEST_TMPDIR"
    cd "$BATS_TEST_TMPDIR"
    write_smallest_program
    export PKG_CONFIG_PATH=$PWD/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$PWD
    ${CC:-cc} example.c $(pkg-config --cflags --libs qualiclip) -o shared
    ${CC:-cc} example.c -I usr/include usr/lib/libqualiclip.a \
        $(needed=$(pkg-config --print-requires-private qualiclip)
          [ -z "$needed" ] || pkg-config --libs $needed) -lm -pthread -o static
    [ "$(LD_LIBRARY_PATH=usr/lib built ./shared)" = 0.1.0 ]
    [ "$(built ./static)" = 0.1.0 ]
}

@test "a prefix with blanks, by GNU's name for it" {
    [ -z "${SANITIZE:-}" ] || skip "a sanitizer's runtime must be linked by the program"
    cd "$BATS_TEST_TMPDIR"
    local place="$PWD/of my own"
    install_into "" prefix="$place"
    write_smallest_program
    eval "${CC:-cc} example.c $(PKG_CONFIG_PATH=$place/lib/pkgconfig pkg-config --cflags --libs qualiclip) -o example"
    [ "$(LD_LIBRARY_PATH=$place/lib built ./example)" = 0.1.0 ]
    make -s -C "$root" "${options[@]}" prefix="$place" uninstall
    [ -z "$(find . -path './of my own/*' ! -type d)" ]
}

@test "the shared library has a soname, and every name the version of that soname" {
    readelf -d "$BUILD/libqualiclip.so" | grep -F 'soname: [libqualiclip.so.0]'
    versions=$(objdump -T "$BUILD/libqualiclip.so" | awk '$NF ~ /^qc_/ {print $(NF - 1)}' | sort | uniq -c)
    contains "$versions" " QUALICLIP_0"
    [ "$(wc -l <<<"$versions")" -eq 1 ]
}

@test "nothing but qc_ names is exported, by either library" {
    shared=$(nm -D --defined-only "$BUILD/libqualiclip.so" | awk '$2 != "A" {print $3}' | sed 's/@@.*//')
    grep -q '^qc_score$' <<<"$shared"
    static=$(nm -g --defined-only "$BUILD/libqualiclip.a" | awk 'NF == 3 {print $3}')
    grep -q '^qc_score$' <<<"$static"
    # A sanitizer adds names of its own.
    other=$(printf '%s\n' "$shared" "$static" | grep -v '^qc_' | grep -Ev '^_*(asan|odr_asan|tsan|ubsan)' || true)
    [ -z "$other" ] || { echo "exported: $other"; false; }
    [ "$(sort <<<"$shared")" = "$(grep '^qc_' <<<"$static" | sort)" ]
}

@test "the header compiles alone, as C11 and C99" { # C++: cpp.bats
    for language in "c -std=c99" "c -std=c11"; do
        ${CC:-cc} -x $language -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
            "$root/include/qualiclip.h"
    done
}

@test "the library calls no function that prints, exits or reads the environment" {
    undefined=$(nm -u "$BUILD/qualiclip-all.o" | awk '{print $2}')
    forbidden='^(printf|puts|putchar|fprintf|vfprintf|perror|exit|_exit|abort|getenv|secure_getenv|system|signal)$'
    found=$(grep -E "$forbidden" <<<"$undefined" || true)
    [ -z "$found" ] || { echo "calls: $found"; false; }
}

@test "an option that is neither yes nor no is refused, not taken for no" {
    for name in THREADS FILES TEXT HEAP BUILTIN JPEG2000 TRAIN MPI WERROR; do
        run -2 make -s -C "$root" BUILD="$BATS_TEST_TMPDIR" $name=maybe help
        contains "$output" "$name=maybe: expected yes or no"
    done
}
