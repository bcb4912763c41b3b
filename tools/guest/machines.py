# SPDX-License-Identifier: GPL-2.0
"""The machines that tools/guest/run can boot, by the kernel's name of the architecture."""

# The watchdogs' 10 seconds of a CPU are few where a busy host emulates it.
APPEND = "panic=-1 watchdog_thresh=30 "
# QEMU before 8.1 may go on with the old code of a page that a CPU translates while the
# other one patches it: the CPU meets an int3 that nobody knows.  Tests patch what they
# trace; with record-cmd they would patch the scheduler as well, which always runs.
APPEND += "trace_options=norecord-cmd"


class X86:
    """q35 with Intel's IOMMU."""
    qemu = "qemu-system-x86_64"
    devices = "devices"
    options = """-nodefaults -no-user-config -display none -no-reboot
        -machine q35,kernel-irqchip=split,memory-backend=ram -cpu EPYC%s
        -object memory-backend-memfd,id=ram,size=2G,share=on -m 2G
        -device intel-iommu,intremap=on,aw-bits=48,device-iotlb=on""" % "".join(f",{feature}=off" for feature in (
            "rdseed", "sha-ni", "fxsr-opt", "misalignsse", "3dnowprefetch", "osvw", "topoext",
            "nrip-save", "xsavec"))         # of this model, TCG has not these
    results = "-serial file:%s"
    append = f"console=ttyS0 intel_iommu=on hugepages=64 no_timer_check {APPEND}"
    # On a busy host the TSC's calibration is wrong by any factor, and so are all
    # time limits; where instructions are counted, it is what they are counted by.
    clock = {False: "tsc=unstable", True: "tsc=nowatchdog"}


class Arm64:
    """virt with a GICv3, its ITS and an SMMUv3; its one serial port is the console."""
    qemu = "qemu-system-aarch64"
    devices = "devices-arm64"
    options = """-nodefaults -no-user-config -display none -no-reboot
        -machine virt,gic-version=3,its=on,iommu=smmuv3,memory-backend=ram -cpu neoverse-n1
        -object memory-backend-memfd,id=ram,size=3G,share=on -m 3G"""
    results = "-chardev file,id=results,path=%s -device pci-serial,chardev=results,addr=1f.0"
    # Of 2 MiB, whatever the kernel's pages: there is memory for these.
    append = f"console=ttyAMA0 default_hugepagesz=2M hugepages=64 {APPEND}"
    clock = {False: "", True: ""}


OF = {"x86": X86, "arm64": Arm64}
