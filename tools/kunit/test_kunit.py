# SPDX-License-Identifier: GPL-2.0
"""Tests that a kernel that does not build leaves no results of an earlier run."""

import os
import subprocess

from tools.lib.testing import Case

KUNIT_PY = '#!/bin/sh\necho "$1" >> "$(dirname "$0")/called"\n'


class Kunit(Case):
    """tools/kunit/kunit in a repository of its own, with a tree that does not build."""

    def setUp(self):
        super().setUp()
        self.copy_tools()
        self.put("build/linux-7.3/tools/testing/kunit/kunit.py", KUNIT_PY, 0o755)
        self.put("build/linux-7.3/Makefile", "all:\n\tfalse\n")

    def kunit(self, *args):
        """What is left of an old run, and what kunit.py was called for."""
        for kind in "json", "log", "kunit.json":
            self.put(f"build/log/kunit-{args[0]}-linux-7.3.{kind}", "old")
        env = {name: text for name, text in os.environ.items()
               if name not in ("KSRC", "BASELINE", "COVERAGE", "TREE")}
        made = subprocess.run([self.at("tools/kunit/kunit"), *args], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT,
                              env=dict(env, repo=self.top, LINUX="7.3", PROFILE="check"))
        self.assertNotEqual(made.returncode, 0)
        called = "build/linux-7.3/tools/testing/kunit/called"
        open(self.at(called), "a").close()
        return [name for name in os.listdir(self.at("build/log"))
                if name.startswith(f"kunit-{args[0]}-linux-7.3.")], self.read(called).split()

    def test_uml_does_not_build(self):
        self.assertEqual(self.kunit("uml"), ([], ["config"]))

    def test_i386_does_not_build(self):
        self.assertEqual(self.kunit("i386"), ([], ["config"]))

    def test_no_kernel_for_qemu(self):
        self.assertEqual(self.kunit("qemu"), ([], []))
