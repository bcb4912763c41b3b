# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034 # the caller's
#
# Programs of the distribution that are not installed, to be sourced by scripts:
# packages are unpacked below DIR/root together with all that they depend on,
# libc included, and are run by the dynamic loader of that root.  The system's
# own packages, apt sources and dpkg database stay as they are.
#
#	unpack_init DIR			the folder, with a lock on it
#	unpack_from PACKAGES SUITE...	into DIR/root; the first suite is preferred.
#					False if the mirror does not give them
#	unpack_die WORDS, unpack_gone WORDS
#					exit 1, or 3 if it cannot be had here
#
# The caller sets unpack_exclude to the options of tar that leave files out.

multiarch=x86_64-linux-gnu
unpack_exclude=

unpack_die() { echo "${0##*/}: $*" >&2; exit 1; }
unpack_gone() { echo "${0##*/}: $*" >&2; exit 3; }

unpack_init() {
	mkdir -p "$1/apt"
	dir=$(cd "$1" && pwd -P)
	exec 9> "$dir/lock"
	flock 9		# two machines can be started at once
	root=$dir/root

	# The whole dependency closure is wanted: to this apt nothing is installed.
	APT_STATUS=$dir/apt/status
	: > "$APT_STATUS"
}

# For the packages and what is in them, with some to spare.
unpack_room() {
	free=$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge 400000 ] || unpack_die "only $free KiB are free in $dir"
}

# Of what apt says, what is not the mirror's fault
local_fault='no Debian archive keyring|No space left|enough free space|[Qq]uota|Read-only file|Permission denied|[Ww]rite error|Input/output'

unpack_download() {
	[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] ||
		unpack_gone "only packages for amd64 are known to work"
	unpack_room
	packages=$1
	shift
	said=$dir/apt.log
	status=0
	# shellcheck disable=SC2086 # a list of words
	{
		apt_init "$dir" "$@" && apt_ours clean &&
		apt_ours install -y --download-only --no-install-recommends \
			-t "$1" $packages
	} 2> "$said" || status=$?
	cat "$said" >&2
	[ "$status" != 0 ] || return 0
	unpack_room
	! grep -qE "$local_fault" "$said" || unpack_die "see what apt says above"
	return 1
}

unpack_from() {
	unpack_download "$@" || return 1
	new=$root.new
	rm -rf "$root" "$new"
	mkdir -p "$new/usr/lib" "$new/usr/bin" "$new/usr/sbin" "$new/usr/lib64"
	for link in lib lib64 bin sbin; do
		ln -s "usr/$link" "$new/$link"
	done
	for deb in "$dir"/apt/cache/archives/*.deb; do
		# shellcheck disable=SC2086 # a list of options
		dpkg-deb --fsys-tarfile "$deb" |
			tar -x -C "$new" --keep-directory-symlink \
			    --exclude='./usr/share/doc' \
			    --exclude='./usr/share/man' \
			    --exclude='./usr/share/locale' \
			    $unpack_exclude ||
			unpack_die "cannot unpack ${deb##*/}"
	done
	mv "$new" "$root"
	apt_ours clean
}
