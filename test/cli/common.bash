# common.bash - what the tests of the command line share.
#
# QUALICLIP names the program (default: build/qualiclip), CODECS the formats it was built to read
# (default: "png jpeg").  `$images` holds three small PNG files of
# different sizes.  MODEL is empty where the built-in model is there, else a converted small one.

bats_require_minimum_version 1.5.0
export LC_ALL=C.UTF-8

root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
QUALICLIP=${QUALICLIP:-$root/build/qualiclip}
case $QUALICLIP in /*) ;; *) QUALICLIP=$PWD/$QUALICLIP ;; esac
towers=$root/test/golden/towers
images=("$towers/64x64.png" "$towers/130x70.png" "$towers/97x51.png")

# To be called from setup_file().
provide_model() {
    [ -x "$QUALICLIP" ] || { echo "$QUALICLIP is not there: make first" >&2; return 1; }
    export MODEL=
    if ! "$QUALICLIP" info >/dev/null 2>&1; then
        MODEL=$BATS_FILE_TMPDIR/resnet.gguf
        "$QUALICLIP" convert "$towers/resnet.pth" -o "$MODEL"
    fi
    export READS_PNG=yes READS_JPEG=yes
    "$QUALICLIP" score ${MODEL:+-m "$MODEL"} "${images[0]}" >/dev/null 2>&1 || READS_PNG=no
    "$QUALICLIP" score ${MODEL:+-m "$MODEL"} --size crop64 "$root/test/photos/dandelions.jpg" \
        >/dev/null 2>&1 || READS_JPEG=no
    # A build that should read images and does not is a failure, not a reason to skip.
    local codecs=" ${CODECS-png jpeg} "
    [ $READS_PNG = yes ] || [[ $codecs != *" png "* ]] || return 1
    [ $READS_JPEG = yes ] || [[ $codecs != *" jpeg "* ]] || return 1
}

need_png() {
    [ "$READS_PNG" = yes ] || skip "this build reads no PNG"
}

need_jpeg() {
    [ "$READS_JPEG" = yes ] || skip "this build reads no JPEG"
}

# What --threads may be given: a build without threads has the caller's alone.
thread_counts() {
    if [ "${THREADS:-yes}" = yes ]; then echo 0 1 2 3; else echo 0 1; fi
}

# qualiclip with the model that the tests use: q score photo.png
q() {
    local command=$1
    shift
    "$QUALICLIP" "$command" ${MODEL:+-m "$MODEL"} "$@"
}

# A program that a test has compiled, on what this build's programs run on.
built() {
    ${EMULATOR:-} "$@"
}

# Fails, and shows both, unless the text holds the part.
contains() {
    case $1 in
    *"$2"*) ;;
    *)
        printf 'expected: %s\nin: %s\n' "$2" "$1" >&2
        return 1
        ;;
    esac
}

# Installs the build that is being tested into a folder, with the options that it was made with.
install_into() { # DESTDIR [PREFIX=...]
    options=()
    for name in BUILD LIBDIR BLAS CODECS THREADS BUILTIN SANITIZE DEBUG CC; do
        [ -z "${!name:-}" ] || options+=("$name=${!name}")
    done
    make -s -C "$root" "${options[@]}" "${2:-PREFIX=/usr}" DESTDIR="$1" install
}

# example.c, which prints the library's version and fails where it finds no kernels.
write_smallest_program() {
    printf '%s\n' '#include <qualiclip.h>' '#include <stdio.h>' \
        'int main(void) { puts(qc_version()); return !qc_kernels_name(0); }' >example.c
}

# The C++ compiler beside the C compiler of this build: g++ for gcc, clang++ for clang.
cpp_compiler() {
    case ${CC:-cc} in
    *clang*) echo "${CC/clang/clang++}" ;;
    *gcc*) echo "${CC/gcc/g++}" ;;
    *) echo c++ ;;
    esac
}
