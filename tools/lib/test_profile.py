# SPDX-License-Identifier: GPL-2.0
"""Tests of what PROFILE stands for: lib/profile.sh, env.sh and the machines of guest/run."""

import os
import re
import subprocess
import unittest

from tools.lib import tool_module
from tools.lib.environment import REPO

run = tool_module.load("guest/run")
CONFIG = os.path.join(REPO, "tools/guest/config")


def env(profile, *names):
    """What env.sh says, or None if it refuses."""
    script = f'repo={REPO}; . "$repo/tools/lib/env.sh"; ' + "".join(f'echo "${name}";' for name in names)
    result = subprocess.run(["sh", "-c", script], capture_output=True, text=True,
                            env=dict(os.environ, PROFILE=profile, LINUX="7.3", BASELINE="", KSRC=""))
    return None if result.returncode else [line for line in result.stdout.split("\n")][:-1]


def profiles():
    """Those that the message names."""
    script = f'PROFILE=nosuch; . "{REPO}/tools/lib/profile.sh"'
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True).stderr
    return re.findall(r"[\w-]+", re.search(r"PROFILE is (.+), not nosuch", said)[1].replace(" or ", " "))


class Profile(unittest.TestCase):
    def test_unknown(self):
        for profile in "nosuch", "arm64-", "arm64-16k", "x86":
            self.assertIsNone(env(profile, "arch"), profile)

    def test_every_fragment_is_there(self):
        known = profiles()
        self.assertIn("arm64-64k", known)
        for profile in known:
            arch, config_of = env(profile, "arch", "config_of")
            for name in ["base", arch, *config_of.split()]:
                self.assertTrue(os.path.exists(f"{CONFIG}/{name}.config"), f"{profile}: {name}")

    def test_every_machine_is_there(self):
        for profile in profiles():
            arch, = env(profile, "arch")
            machine = run.machines.OF[arch]
            self.assertTrue(os.path.exists(os.path.join(REPO, "tools/guest", machine.devices)))
            self.assertIn("%s", machine.results)

    def test_nothing_is_shared(self):
        """Programs, headers and kernels of different CPUs or page sizes are apart."""
        folders = [env(profile, "guest", "headers", "bzimage")
                   for profile in ("check", "arm64", "arm64-64k")]
        for paths in zip(*folders):
            self.assertEqual(len(set(paths)), 3, paths)

    def test_x86_is_where_it_was(self):
        guest, headers, kernel, cross = env("check", "guest", "headers", "bzimage", "cross")
        self.assertTrue(guest.endswith("/build/guest-linux-7.3"), guest)
        self.assertTrue(headers.endswith("/build/headers-linux-7.3"), headers)
        self.assertTrue(kernel.endswith("/.obj-check/arch/x86/boot/bzImage"), kernel)
        self.assertEqual(cross, "")

    def test_arm64(self):
        arch, cross, page = env("arm64-64k", "arch", "cross", "page_size")
        self.assertEqual((arch, cross, page), ("arm64", "aarch64-linux-gnu-", "65536"))
        self.assertEqual(env("arm64", "page_size"), ["4096"])


class Devices(unittest.TestCase):
    """The same at the same addresses, so that tests may name them."""

    @staticmethod
    def read(arch):
        with open(os.path.join(REPO, "tools/guest", run.machines.OF[arch].devices)) as file:
            return [line.split("#")[0].strip() for line in file if line.split("#")[0].strip()]

    def test_arm64_has_what_x86_has(self):
        x86 = {line for line in self.read("x86") if "qxl" not in line and "ats=on" not in line}
        self.assertEqual(x86 - set(self.read("arm64")), set())

    def test_results_have_a_place(self):
        self.assertNotIn("addr=1f", " ".join(self.read("arm64")))


class CheckArm64(unittest.TestCase):
    def test_parts(self):
        """What the report asks for is what check-arm64 lets boot and kunit write."""
        said = subprocess.run([os.path.join(REPO, "tools/check/check-arm64"), "--parts"], text=True,
                              capture_output=True, env=dict(os.environ, LINUX="7.3", KSRC="", BASELINE=""))
        tree, = env("check", "tree_name")
        self.assertEqual(said.stdout.split(), [
            name for profile in ("arm64", "arm64-64k")
            for name in (f"kunit-qemu-{tree}-{profile}", f"guest-{tree}-{profile}-own",
                         f"guest-{tree}-{profile}-imports", f"guest-{tree}-{profile}-peer",
                         f"guest-{tree}-{profile}-stress")] +
                         [f"guest-{tree}-arm64-races"])
