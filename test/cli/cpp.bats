#!/usr/bin/env bats
# The headers as C++ sees them, and the wrapper qualiclip.hpp.
load common

setup_file() {
    provide_model
}

BUILD=${BUILD:-$root/build}
LIBRARY_LIBS=${LIBRARY_LIBS:-$(pkg-config --libs openblas libpng libjpeg) -lm}
strict="-Wall -Wextra -Wpedantic -Werror -Wshadow -Wold-style-cast -Wzero-as-null-pointer-constant"

@test "both headers compile alone, as C++11, 14, 17 and 20" {
    for version in 11 14 17 20; do
        for header in qualiclip.h qualiclip.hpp; do
            $(cpp_compiler) -std=c++$version $strict -fsyntax-only -x c++ "$root/include/$header" ||
                { echo "$header as C++$version"; false; }
        done
    done
}

@test "the wrapper scores as C does, hands over what it holds, and throws explanations" {
    need_png
    cd "$BATS_TEST_TMPDIR"
    "$QUALICLIP" convert "$towers/resnet.pth" -o model.gguf
    $(cpp_compiler) -std=c++11 $strict -g ${SANITIZE:+-fsanitize=$SANITIZE} -I "$root/include" \
        "$root/test/cpp/wrapper.cpp" "$BUILD/libqualiclip.a" $LIBRARY_LIBS -pthread -o wrapper
    built ./wrapper "${images[0]}" model.gguf
}
