#!/usr/bin/env bash
# What firmware can have: the core archive needs nothing but what docs/embedding.md lists, the
# amalgamation compiles with one command, and both give the scores of the whole library.
#
#     make check-core            (BUILD: where the whole library is and where the others go)
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
model=weights/qualiclip-nano.gguf
work=$BUILD/core-tests
mkdir -p "$work"

fail() { echo "check-core: $*" >&2; exit 1; }

# The list in the document, between the line that names its command and the next empty line.
listed() { sed -n '/^```symbols$/,/^```$/p' docs/embedding.md | grep -v '^```' | tr -s ' ' '\n' | sort; }
# The linker makes the table of global offsets itself.
needed() { nm -u "$1" | sed -n 's/^ *U //p' | grep -v '^_GLOBAL_OFFSET_TABLE_$' | sort; }

# compile CC PROGRAM FILE...: core_test.c, as its reader would.
compile() { "$1" -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror "${@:3}" -lm -o "$2"; }

sed -n '/^```core$/,/^```$/p' docs/embedding.md | grep -v '^```' | sed "s|build/|$BUILD/|g" |
    while IFS= read -r line; do
        bash -c "$line" || fail "docs/embedding.md: $line"
    done
needed "$BUILD/core/libqualiclip.a" | diff <(listed) - >&2 ||
    fail "the core archive's symbols (>) are not those of docs/embedding.md (<)"
echo "core: $(needed "$BUILD/core/libqualiclip.a" | wc -l) undefined symbols, as listed"

make -s library
compile gcc "$work/whole" -Iinclude test/core/core_test.c "$BUILD/libqualiclip.a" \
    $(pkg-config --libs openblas libpng libjpeg)
compile gcc "$work/core" -Iinclude test/core/core_test.c "$BUILD/core/libqualiclip.a"
"$work/whole" $model > "$work/expected"
"$work/core" $model | diff "$work/expected" - >&2 || fail "the core's scores (>) are not the library's (<)"
echo "core: $(grep -c 0x "$work/expected") scores equal to the bit"

# The amalgamation: one command, both compilers; ISO C is without contraction, so the same bits.
make -s amalgamation
one() { # CC OPTION...
    "$1" -std=c11 -Wall -Wextra -Wpedantic -Werror "${@:2}" -c "$BUILD/amalgamation/qualiclip.c" \
        -o "$work/one.o"
}
one gcc -fsyntax-only -DQUALICLIP_CORE
one clang -fsyntax-only -DQUALICLIP_THREADS
for build in "gcc -DQUALICLIP_THREADS" "clang -DQUALICLIP_CORE"; do
    one $build -O1
    compile "${build%% *}" "$work/one" "-I$BUILD/amalgamation" test/core/core_test.c "$work/one.o"
    "$work/one" $model | diff "$work/expected" - >&2 || fail "scores of the amalgamation, $build (>)"
    echo "amalgamation: $build: scores equal to the bit"
done
