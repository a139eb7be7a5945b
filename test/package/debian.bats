#!/usr/bin/env bats
# Debian's packages: built by dpkg-buildpackage, looked at by lintian, installed into a root of their
# own and used.  Run by .ci/run: needs debhelper and lintian.
load ../cli/common

setup_file() {
    export packages=$root/build/deb
    # Not optimised: what is tested here is what is packed, and where.
    DEB_BUILD_OPTIONS="noopt noautodbgsym" make -s -C "$root" deb
}

@test "lintian finds no error" {
    lintian --no-cfg --allow-root --fail-on error "$packages"/*.changes
}

@test "a release's archive, which is no repository, packs the same sources" {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    ln -s /bin/true "$BATS_TEST_TMPDIR/bin/dpkg-buildpackage"
    archive=$(cd "$packages" && echo libqualiclip_*.orig.tar.xz)
    cd "$BATS_TEST_TMPDIR"
    tar xf "$packages/$archive"
    cd libqualiclip-*
    cp -r "$root/tools/package/debian" tools/package/
    mkdir build && touch build/of-the-build
    PATH=$BATS_TEST_TMPDIR/bin:$PATH tools/package/deb.sh "$(sed 's/.*_\(.*\)\.orig.*/\1/' <<<"$archive")" \
        build/deb || true # there are no packages to list
    diff <(tar tf "$packages/$archive" | sort) <(tar tf "build/deb/$archive" | sort)
}

@test "installed in a root of their own, the packages hold what their names say, and run" {
    scratch=$BATS_TEST_TMPDIR/root
    mkdir -p "$scratch"/var/lib/dpkg/{info,updates}
    touch "$scratch"/var/lib/dpkg/status
    dpkg --root="$scratch" --force-depends --force-script-chrootless --log=/dev/null \
        -i "$packages"/*.deb
    # Whether a name has its architecture behind it depends on the machine.
    installed() {
        dpkg-query --admindir="$scratch/var/lib/dpkg" -W -f '${Package} ${db:Status-Status}\n' |
            sed 's/:[^ ]*//'
    }
    [ "$(installed)" = "libqualiclip-dev installed
libqualiclip0 installed
qualiclip installed" ]

    "$scratch/usr/bin/qualiclip" score "$root/test/photos/bikes-224x224.png"
    cd "$BATS_TEST_TMPDIR"
    write_smallest_program
    libraries=$scratch/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
    export PKG_CONFIG_PATH=$libraries/pkgconfig PKG_CONFIG_SYSROOT_DIR=$scratch
    cc example.c $(pkg-config --cflags --libs qualiclip) -o example
    [ "$(LD_LIBRARY_PATH=$libraries ./example)" = 0.1.0 ]
    # The program needs no library of ours; the library needs libpng, libjpeg and libc alone.
    needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' '; }
    [[ "$(needed "$scratch/usr/bin/qualiclip")" != *qualiclip* ]]
    [ "$(needed "$libraries/libqualiclip.so")" = "libc.so.6 libjpeg.so.62 libm.so.6 libpng16.so.16 " ]
}
