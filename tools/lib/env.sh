# SPDX-License-Identifier: GPL-2.0
#
# env.sh - sourced by the tools: where things are, from LINUX, PROFILE,
# BASELINE, KSRC and COVERAGE as make passes them on.

set -eu

repo=${repo:-$(cd "$(dirname "$0")/../.." && pwd)}
build=$repo/build
tools=$repo/tools
supported="7.3 7.2"		# the first one is the default

LINUX=${LINUX:-${supported%% *}}
PROFILE=${PROFILE:-check}
KSRC=${KSRC:-}
BASELINE=${BASELINE:-}
[ "$BASELINE" != 0 ] || BASELINE=
export LINUX PROFILE KSRC BASELINE

case " $supported " in *" $LINUX "*) ;; *)
	echo "LINUX is $(echo "$supported" | sed 's/ / or /g'), not $LINUX" >&2
	exit 2;;
esac
. "$tools/lib/profile.sh"

# The series that is used instead, if the mirror has lost this one; after a make
# clean it is asked again.
series=$LINUX
[ ! -e "$build/instead-of-$LINUX" ] || series=$(cat "$build/instead-of-$LINUX")

version=${KSRC:+ksrc}
version=${version:-$series}
tree_name=${TREE:-${BASELINE:+baseline}}
tree_name=${tree_name:-linux}-$version
tree=$build/$tree_name
# Below the tree, so that the compiler sees the same relative paths from every
# tree and clone, and ccache has what another one compiled.
obj=$tree/.obj-$PROFILE
headers=$build/headers-$tree_name$of_arch
guest=$build/guest-$tree_name$of_arch
bzimage=$obj/$image
log=$build/log
jobs=${JOBS:-$(nproc)}

die() { echo "${0##*/}: $*" >&2; exit 1; }
say() { echo "== $*"; }

# archive FOLDER: as the kernel takes it for an initramfs.  The kernel's gen_initramfs.sh
# takes seconds for that, and this is done at each boot of a guest.
archive() {
	(cd "$1" && find . | LC_ALL=C sort | cpio -o -H newc --quiet --owner 0:0 --reproducible)
}

# alone "$@": start this tool again with the lock on this clone, unless the run
# that it belongs to has it.
alone() {
	[ "${BUILD_LOCKED:-}" = "$(cd "$repo" && pwd -P)" ] || exec "$tools/lib/lock" "$0" "$@"
}
