# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Programs of other projects, from the distribution's packages, below
# /programs/NAME (tools/programs/pack):
#
#	run_program BINARY ARGUMENTS...	of $program, for at most $limited
#	result ok|"not ok" NAME		one result
#	verdict NAME COMMAND...		one result, that of the command's status
#	judge				print all results of this test
#
# On the patched kernel all of them have to be ok.  The results of the unpatched
# kernel are in /programs/unpatched-SERIES, lines "ok NAME" and "not ok NAME" for
# each test; with "unpatched" on the command line the results have to be the same,
# in each of the requested ways.  Tests that the list lacks are skipped.  Each result
# is also printed as "# result: OK NAME", which the lists are made of (record).

PROGRAMS=${PROGRAMS:-/programs}
CMDLINE=${CMDLINE:-/proc/cmdline}
. "${PEER:-/peer}/lib.sh"		# vfio_device

test=$(basename "$0" .test)
results=$work/results
: > "$results"

run_program() {
	binary=$1
	shift
	$limited "$program/lib/ld-linux-x86-64.so.2" --library-path "$program/lib" \
		"$program/bin/$binary" "$@"
}

result() {
	echo "# result: $1 $test: $2"
	echo "$1 $test: $2" >> "$results"
}

verdict() {
	said=$1
	shift
	if "$@"; then result ok "$said"; else result "not ok" "$said"; fi
}

judge() {
	if ! grep -qw unpatched "$CMDLINE"; then
		awk '/^not/ { print "not ok " NR " - " substr($0, 8); next }
		     { print "ok " NR " - " substr($0, 4) }
		     END { print "1.." NR }' "$results"
		return
	fi
	awk -v list="$PROGRAMS/unpatched-$series" -v mine="$test: " \
	    -v chosen="$(grep -c '\<ways=' "$CMDLINE")" '
	# The part before the last colon: the test, and the way
	function way(line) {
		sub(/^(not )?ok /, "", line)
		sub(/: [^:]*$/, "", line)
		return line
	}
	BEGIN {
		while ((getline line < list) > 0)
			if (index(line, "ok " mine) == 1 || index(line, "not ok " mine) == 1) {
				want[line] = 1
				listed[way(line)] = 1
			}
	}
	{
		ran[way($0)] = 1
		if (!(way($0) in listed))
			print "ok " ++n " - " $0 " # SKIP the list has nothing of this way"
		else if (!($0 in want))
			print "not ok " ++n " - " $0 " (not so in the list)"
		else if (/^not/)
			print "ok " ++n " - " substr($0, 8) " # SKIP fails on the unpatched kernel"
		else
			print "ok " ++n " - " substr($0, 4)
		delete want[$0]
	}
	END {
		for (line in want)
			if (!chosen || way(line) in ran)
				print "not ok " ++n " - " line " (in the list, no result)"
		print "1.." n + 0
	}' "$results"
}

# container iommufd|type1: the provider of VFIO's legacy interface; iommufd's file
# takes its calls as well.
container() {
	[ -e /dev/vfio/type1 ] || mv /dev/vfio/vfio /dev/vfio/type1
	case $1 in
	iommufd) ln -sf /dev/iommu /dev/vfio/vfio ;;
	type1) ln -sf /dev/vfio/type1 /dev/vfio/vfio ;;
	esac
}
