# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034
#
# What PROFILE stands for, to be sourced by env.sh: the machine, and the
# fragments of the kernel configuration that follow base.config and MACHINE.config.
#
#	arch		as make ARCH= has it, and cross as CROSS_COMPILE=
#	image		the kernel that boots, below the folder of its objects
#	config_of	the fragments, without .config
#	ours_of		one more of the patched kernel, if there is such a file
#	of_arch		ends the names of folders that depend on the machine
#	page_size	of the guest's CPUs

arch=x86 cross='' image=arch/x86/boot/bzImage of_arch='' page_size=4096
config_of="$PROFILE graphics" ours_of=$PROFILE-ours

case $PROFILE in
check|bench|kcov|full) ;;
modular) config_of="graphics modular" ;;
kcsan|kvm|nop2p) config_of=$PROFILE ;;
arm64) config_of="check arm64-check" ours_of=arm64-ours ;;
arm64-64k) config_of="check arm64-check arm64-64k" ours_of=arm64-ours page_size=65536 ;;
*)
	echo "PROFILE is check, bench, kcov, kcsan, kvm, nop2p, modular, full, arm64 or arm64-64k, not $PROFILE" >&2
	exit 2;;
esac

case $PROFILE in arm64*)
	arch=arm64 cross=aarch64-linux-gnu- image=arch/arm64/boot/Image of_arch=-arm64
	[ "$page_size" = 4096 ] || of_arch=$of_arch-64k
	;;
esac
