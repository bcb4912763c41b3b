# SPDX-License-Identifier: GPL-2.0
"""Kernel configurations for objects that are compiled and not run.

Each has a folder of its own below the prepared tree, and asks the kernel's own
makefiles which objects it builds.
"""

import os
import re
import subprocess

from tools.lib import clean
from tools.lib.environment import tool

DRIVERS = tool("guest/config/objects.config")
MAKEFILE = tool("objects/configured.mk")
# Options that make a compilation slow and find nothing in it.
FAST = ["KASAN=n", "UBSAN=n", "KCOV=n", "GCOV_KERNEL=n", "GCC_PLUGINS=n", "WERROR=n",
        "DRM_WERROR=n", "PROVE_LOCKING=n", "DEBUG_INFO_NONE=y"]
ARM_ONLY = r"^drivers/gpu/drm/armada/"
X86 = rf"^(?!{ARM_ONLY[1:]})"
ARM64 = (r"^drivers/(dma-buf/|gpu/drm/(msm|omapdrm|panfrost|panthor|tegra)/|misc/fastrpc|tee/|"
         r"media/(common|platform)/)|^sound/")
# Options that every kernel without these has to do without.
NONE = ["MODULES=n", "DEBUG_FS=n", "TRACING=n", "DMABUF_DEBUG=n", "KUNIT=n", "LOCKDEP=n", "PM=n",
        "PCI_P2PDMA=n", "ZONE_DEVICE=n", "IOMMUFD=n", "MMU_NOTIFIER=n", "HMM_MIRROR=n"]
# Options that xe and Xen select.
SELECTED = ["MMU_NOTIFIER=y", "HMM_MIRROR=y", "PM=y"]
P2P = ["SPARSEMEM_VMEMMAP=y", "MEMORY_HOTPLUG=y", "MEMORY_HOTREMOVE=y", "ZONE_DEVICE=y",
       "PCI_P2PDMA=y", "VFIO_PCI_DMABUF=y", "IOMMU_SUPPORT=y", "AMD_IOMMU=y", "HSA_AMD=y",
       "HSA_AMD_P2P=y", "HMM_MIRROR=y"]
IOMMUFD = ["IOMMU_SUPPORT=y", "IOMMUFD=y", "VFIO_DEVICE_CDEV=y", "DEBUG_KERNEL=y",
           "FAULT_INJECTION=y", "GENERIC_PT=y", "IOMMU_PT=y", "IOMMU_PT_AMDV1=y",
           "IOMMUFD_TEST=y"]
WATCH = ["DEBUG_KERNEL=y", "DEBUG_FS=y", "FTRACE=y", "ENABLE_DEFAULT_TRACERS=y", "TRACING=y",
         "DMABUF_DEBUG=y", "PROVE_LOCKING=y", "LOCKDEP=y", "PM=y"]


def without(options, *others):
    """OPTIONS without those that OTHERS set differently."""
    names = {other.split("=")[0] for other in others}
    return [option for option in options if option.split("=")[0] not in names]


class CannotConfigure(Exception):
    """A configuration cannot be made, and the reason."""


class Configuration:
    """The goal GOAL of the kernel's makefile, with OPTIONS, each of which has to be accepted."""

    def __init__(self, name, goal, options=(), **kept):
        self.name, self.goal, self.options = name, goal, list(options)
        self.arch = kept.get("arch", "x86_64")
        self.cross = kept.get("cross", "")
        self.package = f"gcc-{self.cross.rstrip('-')}" if self.cross else "gcc"
        self.what = kept.get("what", X86)
        self.tree = self.obj = None

    def at(self, tree):
        self.tree = tree
        self.obj = os.path.join(tree, ".obj-objects-" + self.name.replace(" ", "-"))
        return self

    def make(self, *args, **env):
        """The kernel's make, its output and its status."""
        command = [tool("lib/kmake"), self.tree, os.path.basename(self.obj),
                   self.arch, self.cross, *args]
        return subprocess.run(command, text=True, errors="replace", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=dict(os.environ, **env))

    def wanted(self):
        """The lines of the configuration that are not left to the goal."""
        drivers = ""
        if self.goal == "allnoconfig":
            with open(DRIVERS) as file:
                drivers = file.read()
        fast = without(FAST, *self.options)
        return drivers + "".join(f"CONFIG_{option}\n" for option in fast + self.options)

    def verify(self):
        with open(os.path.join(self.obj, ".config")) as file:
            took = dict(re.findall(r"^CONFIG_(\w+)=(.*)$", file.read(), re.M))
        bad = [option for option in self.options
               if took.get(option.split("=")[0], "n") != option.split("=")[1]]
        if bad:
            os.unlink(os.path.join(self.obj, ".config"))
            raise CannotConfigure(f"not taken: {' '.join(bad)}")

    def configure(self):
        os.makedirs(self.obj, exist_ok=True)
        path = os.path.join(self.obj, "wanted.config")
        there = os.path.exists(os.path.join(self.obj, ".config")) and os.path.exists(path)
        if not there or open(path).read() != self.wanted():
            if there:   # if this run is killed, the next one must not take it for complete
                os.unlink(os.path.join(self.obj, ".config"))
            with open(path, "w") as file:
                file.write(self.wanted())
            self.insist(self.make(self.goal, KCONFIG_ALLCONFIG=path))
        elif self.is_current():
            return
        self.insist(self.make("-s", "olddefconfig"))
        self.verify()
        self.insist(self.make("-s", "prepare", "modules_prepare"))

    def is_current(self):
        """No Kconfig file is newer; asking make for that takes longer than compiling a file."""
        auto = os.path.join(self.obj, "include/config/auto.conf")
        if not os.path.exists(auto) or not os.path.exists(auto + ".cmd"):
            return False
        with open(auto + ".cmd") as file:
            names = re.findall(r"^\s+(\S*Kconfig\S*) \\$", file.read(), re.M)
        paths = [os.path.join(self.obj, ".config")]
        paths += [os.path.join(self.tree, name) for name in names]
        return all(os.path.exists(path) and os.path.getmtime(path) <= os.path.getmtime(auto)
                   for path in paths)

    @staticmethod
    def insist(made):
        if made.returncode:
            print(made.stdout)
            raise CannotConfigure("the kernel's make failed; see above")

    def builds(self, objects):
        """Those of OBJECTS that this configuration builds."""
        makefiles = self.makefiles(objects)
        made = clean.digest([self.arch, *objects], [os.path.join(self.obj, ".config"), MAKEFILE,
                                                    *makefiles.values()])
        known = clean.load(made)
        if known is not None:
            return known.split()
        found = self.reached(self.lists(sorted(makefiles)))
        found = [name for name in objects if name in found]
        clean.keep(made, "\n".join(found))
        return found

    def makefiles(self, objects):
        """{folder: its makefile} of all folders that lead to OBJECTS."""
        found = {}
        for name in objects:
            while name:
                name = os.path.dirname(name)
                for makefile in "Makefile", "Kbuild":
                    path = os.path.join(self.tree, name, makefile)
                    if os.path.exists(path):
                        found[name or "."] = path
        return found

    @staticmethod
    def reached(lists):
        """The objects in the folders that the kernel's makefiles descend into."""
        found, at = set(), ["."]
        while at:
            for item in lists.pop(at.pop(), ()):
                found.add(item)
                if item.endswith("/"):
                    at.append(item.rstrip("/"))
        return found

    def lists(self, folders):
        """{folder: the objects that the configuration builds in it, folders with a slash}."""
        made = self.make("--no-print-directory", "configured", f"FOLDERS={' '.join(folders)}",
                         MAKEFILES=MAKEFILE)
        self.insist(made)
        found = {}
        for line in made.stdout.splitlines():
            folder, colon, rest = line.partition(": ")
            if colon and folder.startswith("configured "):
                found[folder.split()[1]] = [item.removeprefix("./") for item in rest.split()]
        return found


CONFIGURATIONS = [
    Configuration("modules", "allmodconfig"),
    Configuration("built in", "allyesconfig"),
    Configuration("nothing optional", "allnoconfig", [*NONE, "DRM_XE=n", "XEN=n"]),
    Configuration("peer-to-peer alone", "allnoconfig", P2P + without(NONE, *P2P, *SELECTED)),
    Configuration("iommufd alone", "allnoconfig", IOMMUFD + without(NONE, *IOMMUFD, *SELECTED)),
    Configuration("watched", "allnoconfig", WATCH + without(NONE, *WATCH, *SELECTED)),
    Configuration("32 bit", "allmodconfig", ["64BIT=n"], arch="i386"),
    Configuration("arm", "allmodconfig", arch="arm", cross="arm-linux-gnueabihf-", what=ARM_ONLY),
    Configuration("arm64", "allmodconfig", arch="arm64", cross="aarch64-linux-gnu-", what=ARM64),
]
