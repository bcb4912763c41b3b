# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# An apt configuration of our own, to be sourced by scripts that take packages
# from suites which the system's apt sources do not list.  The system's
# sources, package lists and cache are left alone.  The mirror's address comes
# from the system's configuration, and apt verifies every index and package
# with the distribution's archive keyring.
#
#	apt_init DIR SUITE...	reads the package lists of SUITE... into DIR/apt
#	apt_ours ARGS		apt-get in that configuration, output to stderr
#	apt_names PREFIX	the packages with that prefix in the lists
#	apt_absent PACKAGE	true if all lists can be read and none has it
#
# apt_init returns 1, after a message, when that cannot be done.  The caller
# may set APT_STATUS to the name of a dpkg status file other than the system's,
# and APT_ARCH to an architecture other than the system's.

apt_fail() { echo "${0##*/}: $*" >&2; return 1; }

apt_init() {
	apt_dir=$1/apt
	shift
	apt_keyring=${KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}

	command -v apt-get >/dev/null || { apt_fail "no apt-get here"; return 1; }
	[ -r "$apt_keyring" ] || {
		apt_fail "no Debian archive keyring; install debian-archive-keyring"
		return 1
	}

	# The first Debian archive that the system itself uses, security aside.
	# The format is apt's own, not the shell's.
	# shellcheck disable=SC2016
	apt_mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' |
		     grep -v security | grep '/debian/*$' | head -n 1)
	[ -n "$apt_mirror" ] || {
		apt_fail "no Debian mirror in the system's apt sources"
		return 1
	}

	mkdir -p "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial" \
		 "$apt_dir/empty"
	for apt_suite; do
		echo "deb [signed-by=$apt_keyring] $apt_mirror $apt_suite main"
	done > "$apt_dir/sources.list"

	# A mirror that lags behind has lists past their expiry date; their signatures still hold.
	apt_ours update || apt_ours -o Acquire::Check-Valid-Until=false update ||
		{ apt_fail "cannot read the mirror's package lists"; return 1; }
}

apt_ours() { apt_tool apt-get "$@" >&2; }

# apt-get update is content with the lists that it could get; of a package that
# is not in these, nothing is known.
apt_absent() {
	apt_ours -o APT::Update::Error-Mode=any -o Acquire::Check-Valid-Until=false update || return 1
	apt_found=$(apt_tool apt-cache madison "$1") || return 1
	[ -z "$apt_found" ]
}

apt_names() { apt_tool apt-cache pkgnames "$1"; }

apt_tool() {
	apt_program=$1
	shift
	"$apt_program" -o Dir::Etc::SourceList="$apt_dir/sources.list" \
		-o Dir::Etc::SourceParts="$apt_dir/empty" \
		-o Dir::Etc::Preferences=/dev/null \
		-o Dir::Etc::PreferencesParts="$apt_dir/empty" \
		-o Dir::State::Lists="$apt_dir/lists" \
		-o Dir::State::status="${APT_STATUS:-/var/lib/dpkg/status}" \
		-o Dir::Cache="$apt_dir/cache" \
		-o APT::Sandbox::User=root \
		${APT_ARCH:+-o APT::Architecture="$APT_ARCH" -o APT::Architectures="$APT_ARCH"} \
		-o Acquire::Languages=none \
		-o Acquire::Retries=3 \
		-q "$@"
}
