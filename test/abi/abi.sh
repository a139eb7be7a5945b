#!/bin/sh
# abi.sh - compares what programs that are already linked rely on with test/abi/libqualiclip.abi:
# exported names with their versions, arguments, layouts of structs, values of enumerators.
# An enumerator that was added passes: abidiff finds it harmless, and so it is to programs that are
# linked already.  They pass no such value, and of a status they ask whether it is QC_OK.
#
#     abi.sh check|update LIBRARY.so        (made with debug information; x86-64)
#
# By way of `make abi-check`, `make abi-update`.  Needs abidw and abidiff (Debian: abigail-tools).
set -eu
committed=$(dirname "$0")/libqualiclip.abi
library=$2
command -v abidiff >/dev/null || { echo "abidiff is missing: make ci-deps" >&2; exit 1; }

describe() {
    abidw --headers-dir include --drop-private-types --exported-interfaces-only --no-show-locs \
        --no-corpus-path --no-comp-dir-path --no-elf-needed --no-parameter-names \
        --type-id-style hash --out-file "$1" "$library"
}

if [ "$1" = update ]; then
    describe "$committed"
    echo "$committed is that of this source: commit it with the change to the header"
    exit
fi

found=$(dirname "$library")/libqualiclip.abi
describe "$found"
status=0
abidiff "$committed" "$found" || status=$?
case $status in
0) echo "the binary interface is the committed one"; exit ;;
4) kind=changed ;;
12) kind="changed incompatibly" ;;
*) echo "abidiff failed with status $status" >&2; exit "$status" ;;
esac
cat >&2 <<END
The binary interface is not that of $committed any more, it is $kind (above).
 - Added a function, a member at the end of an options struct (they carry their size), or one in place
   of \`reserved' members of qc_result, qc_model_info or qc_image, all else staying where it was?
   Accept it with \`make abi-update\`, and commit the file beside the header.
 - Removed or changed anything else?  After a release
   that asks for another QC_VERSION_MAJOR, which is the soname, and QUALICLIP_n in lib/qualiclip.map;
   only then \`make abi-update\`.
END
exit 1
