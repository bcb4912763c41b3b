# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# vmm NAME: the QEMU of this name has edu, ivshmem and bochs-display assigned to its
# machine, whose init is inner.c, in each of the ways that VFIO offers a VMM.

. /programs/lib.sh

# Emulated by an emulated CPU, which other processes use, too
limited="timeout -k 10 1200"

# The inner kernel would spend half of its time on features it does not need here.
inner_options="console=ttyS0 panic=-1 tsc=unstable no_timer_check intel_iommu=off"
inner_options="$inner_options acpi=off nolapic lpj=2000000"
inner_options="$inner_options initcall_blacklist=vivid_init,vkms_init,vgem_init"

# All, or those that the command line names: ways=A,B
ways=$(sed -n 's/.*\bways=\([^ ]*\).*/\1/p' "$CMDLINE" | tr ',' ' ')
ways=${ways:-cdev group-iommufd group-type1}

# The last line of vfio_device is the device.
device() { vfio_device "$@" 2>/dev/null | tail -n 1; }

seconds() { cut -d. -f1 /proc/uptime; }

inner_initrd() {
	(cd /programs/inner && echo init | cpio -o -H newc 2>/dev/null) > "$work/inner.cpio"
}

# One port for each, so that the inner kernel can reset it alone.
assigned() {
	n=0
	for dev in $edu $ivshmem $bochs; do
		n=$((n + 1))
		echo "-device pcie-root-port,id=port$n,chassis=$n,x-speed=2_5"
		echo "-device vfio-pci,host=$dev,bus=port$n,rombar=0$1"
	done
}

# one_machine WAY OPTIONS DEVICE-OPTIONS
one_machine() {
	way=$1 base=$work/$1
	: > "$base.results"
	start=$(seconds)
	# shellcheck disable=SC2046,SC2086 # words
	run_program qemu -L "$program/share" -nodefaults -no-user-config -display none -no-reboot \
		-machine q35,usb=off,smbus=off,sata=off,hpet=off -accel tcg,thread=single -smp 1 -m 96M \
		-kernel /programs/kernel -initrd "$work/inner.cpio" \
		-append "$inner_options" \
		-serial "file:$base.console" -serial "file:$base.results" \
		$2 $(assigned "$3") > "$base.stdout" 2> "$base.stderr" < /dev/null
	status=$?
	echo "# $way: $(($(seconds) - start)) s"
	sed 's/^/# stderr: /' "$base.stderr"
	sed 's/^/# inner: /' "$base.results"
	tr -d '\r' < "$base.console" | sed 's/^/# console: /'
	sed -nE "s/^(ok|not ok) [0-9]+ (.*)/\1 \2/p" "$base.results" | tr -d '\r' > "$base.list"
	while read -r line; do
		case $line in
		ok*) result ok "$way: ${line#ok }" ;;
		*) result "not ok" "$way: ${line#not ok }" ;;
		esac
	done < "$base.list"
	verdict "$way: the machine comes to its end" \
		[ "$status $(grep -c '^# end' "$base.results")" = "0 1" ]
	# edu and bochs-display cannot be reset.
	verdict "$way: QEMU says nothing of a mapping that failed" \
		[ -z "$(grep -v 'no available reset mechanism' "$base.stderr")" ]
}

vmm() {
	program=/programs/$1
	edu=$(device 1234 11e8) ivshmem=$(device 1af4 1110) bochs=$(device 1234 1111)
	echo "# $(cat "$program/version"): edu $edu, ivshmem $ivshmem, bochs-display $bochs"
	inner_initrd
	for chosen in $ways; do
		case $chosen in
		cdev)	one_machine cdev "-object iommufd,id=iommufd0" ,iommufd=iommufd0 ;;
		*)	container "${chosen#group-}"
			one_machine "$chosen" "" "" ;;
		esac
	done
	judge
}
