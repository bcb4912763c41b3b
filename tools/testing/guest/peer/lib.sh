# SPDX-License-Identifier: GPL-2.0
#
# Run the kernel tree's own selftests and compare their results with those on
# the unpatched kernel.
#
#   peer SUITE LABEL COMMAND...   run it; LABEL distinguishes runs of a program
#   judge SUITE                   print the suite's results
#
# /peer/expected/SUITE-SERIES[-arm64[-64k]] has a line "ok NAME", "not ok NAME" or
# "skip NAME" for each test.  A test that passes unpatched has to pass; one that fails
# or is skipped unpatched is reported as skipped if it does so here; a test that
# the list lacks is new and has to pass.  Every result is also printed as
# "# peer: RESULT NAME": the lists are made of such lines.

PEER=${PEER:-/peer}
work=$(mktemp -d)
kernel=$(uname -r | cut -d. -f1,2)
case $(uname -m) in aarch64) kernel=$kernel-arm64 ;; esac
! grep -q '^KernelPageSize: *64 kB' /proc/self/smaps || kernel=$kernel-64k

# "ok 1 NAME # SKIP reason" to "skip NAME<tab>reason", without the parts that
# differ between runs.  The reason is the name of a test that has none.
normalise() {
	sed -nE -e "s/^[# ]*(not ok|ok) [0-9]+ (- )?(.*)/\1 $1\3/" -e T \
		-e 's/^ok # *SKIP *(.*)/skip \1\t\1/' \
		-e 's/^ok (.*[^ ]) *# *SKIP *(.*)/skip \1\t\2/' \
		-e 's/^(not )?ok (.*[^ ]) *# *XFAIL *(.*)/skip \2\t\3/' \
		-e 's/ +#.*//' -e 's/ +$//' -e 's/: before=[0-9]+ after=[0-9]+$//' -e p |
	awk '{ print $0 (seen[$0]++ ? " (" seen[$0] ")" : "") }'
}

peer() {
	suite=$1 label=$2
	shift 2
	# The harness gives a test 30 seconds, however busy the host is. Tests
	# that timed out run once more.
	for try in 1 2 3; do
		"$@" > "$work/out" 2>&1 < /dev/null
		status=$?
		grep -q 'Test terminated by timeout' "$work/out" || break
	done
	sed 's/^/# /' "$work/out"
	normalise "$label" < "$work/out" > "$work/results"
	# A program that dies reports nothing of the tests that it did not reach.
	if [ $status -ge 128 ] || [ ! -s "$work/results" ]; then
		case $status in
		4) printf 'skip %sprogram\t%s\n' "$label" "$(tail -n 1 "$work/out")" ;;
		*) echo "not ok ${label}program ended with status $status" ;;
		esac >> "$work/results"
	fi
	cat "$work/results" >> "$work/$suite"
}

judge() {
	suite=$1
	expected=$PEER/expected/$suite-$kernel
	[ -e "$expected" ] || expected=/dev/null
	cut -f1 "$work/$suite" | sed 's/^/# peer: /'
	awk -F '\t' -v list="$expected" '
	function split_line(line) {
		match(line, /^(not ok|ok|skip) /)
		result = substr(line, 1, RLENGTH - 1)
		name = substr(line, RLENGTH + 1)
	}
	BEGIN {
		while ((getline line < list) > 0) {
			split_line(line)
			before[name] = result
		}
	}
	{
		split_line($1)
		seen[name] = 1
		n++
		known = name in before ? before[name] : "no"
		if (result == "ok")
			print "ok " n " - " name
		else if (known == "not ok")
			print "ok " n " - " name " # SKIP fails on the unpatched kernel too"
		else if (result == "skip" && known != "ok")
			print "ok " n " - " name " # SKIP " $2
		else
			print "not ok " n " - " name " (" result ", unpatched: " known ")"
	}
	END {
		for (name in before)
			if (before[name] == "ok" && !(name in seen))
				print "not ok " ++n " - " name " (no result, unpatched: ok)"
		print "1.." n + 0
	}' "$work/$suite"
}

# The nth PCI device VENDOR:DEVICE, bound to vfio-pci.
vfio_device() {
	for dev in /sys/bus/pci/devices/*; do
		[ "$(cat "$dev/vendor"):$(cat "$dev/device")" = "0x$1:0x$2" ] || continue
		bdf=${dev##*/}
		if [ "$(basename "$(readlink "$dev/driver")")" != vfio-pci ]; then
			[ ! -e "$dev/driver" ] || echo "$bdf" > "$dev/driver/unbind"
			echo vfio-pci > "$dev/driver_override"
			echo "$bdf" > /sys/bus/pci/drivers_probe
		fi
		echo "$bdf"
		return
	done
}
