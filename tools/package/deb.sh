#!/bin/sh
# deb.sh VERSION FOLDER - builds Debian's packages from what is checked out, in FOLDER: the archive of
# a release, a tree with debian/ at its top, what dpkg-buildpackage makes of it.
#
# Needs debhelper, dpkg-dev, fakeroot.  DEB_BUILD_OPTIONS is dpkg-buildpackage's.
set -eu
version=$1 folder=$2
tree=$folder/libqualiclip-$version
rm -rf "$folder"
mkdir -p "$tree"
# Of a release's archive, which is no repository, all but what was built in it.
sources() {
    if [ -e .git ]; then
        git ls-files -z --cached --others --exclude-standard
    else
        find . -path "./${folder%%/*}" -prune -o -type f -printf '%P\0'
    fi
}
# Tests and benchmarks stay: it is the archive that anybody gets.
sources | grep -zv '^tools/package/debian/' |
    xargs -0 cp --parents -t "$tree"
tar -C "$folder" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf - \
    "libqualiclip-$version" | xz -T0 -1 >"$folder/libqualiclip_$version.orig.tar.xz"
cp -r tools/package/debian "$tree/debian"
cd "$tree"
unset MAKEFLAGS MAKELEVEL MFLAGS
dpkg-buildpackage -us -uc -j"$(nproc)" >../build.log 2>&1 || { tail -50 ../build.log >&2; exit 1; }
cd ..
ls ./*.deb
