# SPDX-License-Identifier: GPL-2.0
"""Tests that a kernel that does not build leaves no results of an earlier run."""

import os
import shutil
import subprocess
import tempfile
import unittest

from tools.lib.environment import REPO

KUNIT_PY = '#!/bin/sh\necho "$1" >> "$(dirname "$0")/called"\n'


class Kunit(unittest.TestCase):
    """tools/kunit/kunit in a repository of its own, with a tree that does not build."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.repo = folder.name
        # No link: Python would follow it, to the logs of this repository.
        shutil.copytree(os.path.join(REPO, "tools"), os.path.join(self.repo, "tools"),
                        ignore=shutil.ignore_patterns("testing", "__pycache__"))
        self.log = os.path.join(self.repo, "build/log")
        self.tools = os.path.join(self.repo, "build/linux-7.3/tools/testing/kunit")
        for path in self.log, self.tools:
            os.makedirs(path)
        with open(os.path.join(self.tools, "kunit.py"), "w") as file:
            file.write(KUNIT_PY)
        os.chmod(file.name, 0o755)
        with open(os.path.join(self.repo, "build/linux-7.3/Makefile"), "w") as file:
            file.write("all:\n\tfalse\n")

    def kunit(self, *args):
        """What is left of an old run, and what kunit.py was called for."""
        for kind in "json", "log", "kunit.json":
            with open(os.path.join(self.log, f"kunit-{args[0]}-linux-7.3.{kind}"), "w") as file:
                file.write("old")
        env = {name: text for name, text in os.environ.items()
               if name not in ("KSRC", "BASELINE", "COVERAGE", "TREE")}
        made = subprocess.run([os.path.join(self.repo, "tools/kunit/kunit"), *args], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT,
                              env=dict(env, repo=self.repo, LINUX="7.3", PROFILE="check"))
        self.assertNotEqual(made.returncode, 0)
        called = os.path.join(self.tools, "called")
        open(called, "a").close()
        with open(called) as file:
            return [name for name in os.listdir(self.log)
                    if name.startswith(f"kunit-{args[0]}-linux-7.3.")], file.read().split()

    def test_uml_does_not_build(self):
        self.assertEqual(self.kunit("uml"), ([], ["config"]))

    def test_i386_does_not_build(self):
        self.assertEqual(self.kunit("i386"), ([], ["config"]))

    def test_no_kernel_for_qemu(self):
        self.assertEqual(self.kunit("qemu"), ([], []))
