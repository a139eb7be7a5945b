#!/usr/bin/env bats
# find_package(qualiclip), as an application uses it.  Run by .ci/run: needs CMake.
load ../cli/common

@test "a program builds with CMake's find_package, shared and static; other versions are refused" {
    LIBDIR=lib/x86 install_into "$BATS_TEST_TMPDIR"
    cd "$BATS_TEST_TMPDIR"
    write_smallest_program
    cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.12)
project(example C)
find_package(qualiclip ${WANTED} REQUIRED)
foreach(kind qualiclip qualiclip-static)
  add_executable(with-${kind} example.c)
  target_link_libraries(with-${kind} PRIVATE qualiclip::${kind})
endforeach()
END
    where="-DCMAKE_PREFIX_PATH=$PWD/usr -Dqualiclip_DIR=$PWD/usr/lib/x86/cmake/qualiclip"
    cmake -S . -B made -DWANTED=0.1 -DCMAKE_C_COMPILER="${CC:-cc}" $where >log 2>&1 || { cat log; false; }
    cmake --build made >log 2>&1 || { cat log; false; }
    [ "$(made/with-qualiclip)" = 0.1.0 ]
    [ "$(made/with-qualiclip-static)" = 0.1.0 ]
    readelf -d made/with-qualiclip | grep -F '[libqualiclip.so.0]'
    ! readelf -d made/with-qualiclip-static | grep -F libqualiclip || false
    for wanted in 0.2 1.0; do
        run cmake -S . -B refused -DWANTED=$wanted $where
        [ "$status" -ne 0 ]
        contains "$output" "version: 0.1.0"
        rm -rf refused
    done
}
