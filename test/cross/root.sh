#!/bin/sh
# root.sh ARCH FOLDER [SUITE] - the libraries that the tests need, of another architecture, unpacked
# into a folder: nothing is installed, and apt and dpkg of this machine know nothing of it.
#
# Debian's packages (ARCH is Debian's name), fetched by apt with an index of its own from where this
# machine has its packages from, of its suite or the one that is named.
set -eu
arch=$1 folder=$2
here=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' 'Origin: Debian' \
    'Label: Debian' | head -1)
suite=${3:-${here#* }}
packages="libc6 libgcc-s1 libc6-dev linux-libc-dev libcmocka-dev libzip-dev libcjson-dev libpng-dev libjpeg-dev"
[ -f "$folder/complete" ] && exit
rm -rf "$folder"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial"
cd "$folder"
: >apt/status
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
    "${here% *} $suite main" >apt/sources.list
apt() {
    apt-get -qq -o APT::Architecture="$arch" -o APT::Architectures="$arch" \
        -o Dir::State="$PWD/apt" -o Dir::State::status="$PWD/apt/status" -o Dir::Cache="$PWD/apt" \
        -o Dir::Etc::sourcelist="$PWD/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Acquire::Languages=none -o APT::Sandbox::User=root -o Debug::NoLocking=true "$@"
}
apt update
# shellcheck disable=SC2086 # a list
apt install --no-install-recommends --download-only -y $packages >/dev/null
for package in apt/archives/*.deb; do
    dpkg -x "$package" .
done
rm -rf apt
[ -e lib ] || ln -s usr/lib lib
# What is linked by its absolute path lies below here.
find . -lname '/*' | while read -r link; do
    ln -sfn "$PWD$(readlink "$link")" "$link"
done
touch complete
