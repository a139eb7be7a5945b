#!/bin/sh
# fetch.sh FOLDER - the photos of photos.tsv, in FOLDER/train and FOLDER/held-out.
#
# From Debian's packages, fetched by apt with an index of its own from where this machine has its packages
# from, and unpacked: nothing is installed, and apt and dpkg of this machine know nothing of it.
# A photo that is not the one that was listed is an error.
set -eu
[ $# -eq 1 ] || { echo "usage: weights/photos/fetch.sh FOLDER" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/packages"
cd "$1"
repository=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
    'Label: Debian' | head -1)

# suite_apt SUITE ARGUMENT...
suite_apt() {
    state=$PWD/packages/$1
    shift
    apt-get -qq -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state" \
        -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Acquire::Languages=none -o APT::Sandbox::User=root -o Debug::NoLocking=true "$@"
}

grep -v '^#' "$here/photos.tsv" | cut -f2,3 | sort -u | while read -r package suite; do
    [ -e "packages/$suite-$package" ] && continue
    if [ ! -e "packages/$suite/sources.list" ]; then
        mkdir -p "packages/$suite/lists/partial" "packages/$suite/archives/partial"
        : >"packages/$suite/status"
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $repository $suite main" \
            >"packages/$suite/sources.list"
        suite_apt "$suite" update
    fi
    echo "$package"
    (cd "packages/$suite/archives" && suite_apt "$suite" -o Dir::State="$PWD/.." \
        -o Dir::State::status="$PWD/../status" -o Dir::Cache="$PWD/.." \
        -o Dir::Etc::sourcelist="$PWD/../sources.list" download "$package")
    mkdir "packages/unpacked"
    dpkg -x "packages/$suite/archives/${package}"_*.deb packages/unpacked
    rm "packages/$suite/archives/${package}"_*.deb
    mv packages/unpacked "packages/$suite-$package"
done

rm -rf train held-out
mkdir train held-out
tab=$(printf '\t')
grep -v '^#' "$here/photos.tsv" | while IFS=$tab read -r use package suite path licence author sum; do
    photo=packages/$suite-$package$path
    echo "$sum  $photo" | sha256sum --check --quiet
    # Wallpapers are often named by their size: the folder tells them apart.
    name=$(echo "$path" | sed 's|/contents/images/.*\.|.|; s|.*/||')
    ln -s "../$photo" "$use/$name"
done
for photo in "$here"/kodak/*.png; do
    ln -s "$photo" "train/kodak-$(basename "$photo")"
done
echo "$(ls train | wc -l) to train on, $(ls held-out | wc -l) to judge by"
