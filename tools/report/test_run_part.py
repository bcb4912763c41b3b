# SPDX-License-Identifier: GPL-2.0
"""Tests that no result of an earlier run is taken for one of this run."""

import contextlib
import io
import os
import shutil
import subprocess
import tempfile
import unittest
from unittest import mock

from tools.lib import tool_module
from tools.lib.environment import REPO
from tools.report import results

KUNIT_PY = '#!/bin/sh\necho "$1" >> "$(dirname "$0")/called"\n'
PASSED = [results.Suite("old", passed=1)]


class RunPart(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        log = mock.patch.object(results, "LOG", folder.name)
        log.start()
        self.addCleanup(log.stop)
        self.json = os.path.join(folder.name, "part.json")

    def run_tool(self, tool, *args):
        """The status of a tool, and what it printed."""
        with mock.patch("sys.argv", [tool, *args]), \
                contextlib.redirect_stdout(io.StringIO()) as said:
            return tool_module.load(tool).main(), said.getvalue()

    def report(self, *command):
        self.run_tool("report/run-part", "part", *command)
        return self.run_tool("report/report", "part")

    def test_fails_before_it_has_results(self):
        results.save(self.json, PASSED)
        status, said = self.report("false")
        self.assertEqual((status, said.splitlines()[-1]), (1, "0 passed, 1 failed, 0 skipped"))

    def test_says_nothing(self):
        results.save(self.json, PASSED)
        self.assertEqual(self.report("true")[0], 1)

    def test_fails_after_good_results(self):
        results.save(self.json + ".new", PASSED)
        status, said = self.report("sh", "-c", 'cp "$0.new" "$0"; exit 3', self.json)
        self.assertEqual(status, 1)
        self.assertIn("exit status 3", said)
        self.assertTrue(said.endswith("1 passed, 1 failed, 0 skipped\n"))

    def test_passes(self):
        results.save(self.json + ".new", PASSED)
        status, said = self.report("cp", self.json + ".new", self.json)
        self.assertEqual((status, said.splitlines()[-1]), (0, "1 passed, 0 failed, 0 skipped"))


    def test_mutant_does_not_boot(self):
        module = tool_module.load("mutants/run")
        mutant = module.Mutant.__new__(module.Mutant)
        mutant.name, mutant.files = "m", []
        mutant.says = {"Tests": "t", "Report": "FAIL: t"}
        mutant.put = lambda: None
        statuses = {"lib/install-deps": 0, "guest/build-kernel": 0, "guest/install-headers": 0, "guest/boot": 1}
        mutant.tool = lambda name, *args: subprocess.CompletedProcess(
            args, statuses[name], f"{name} was called")
        base = os.path.join(os.path.dirname(self.json), "mutant-m")
        results.save(base + ".json", [results.Suite("s", failed=["t"])])
        open(base + ".log", "w").close()
        self.assertEqual(mutant.judge(), (False, "m: guest/boot was called"))


class Kunit(unittest.TestCase):
    """tools/kunit in a repository of its own, with a tree that does not build."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.repo = folder.name
        os.symlink(os.path.join(REPO, "kunit"), os.path.join(self.repo, "kunit"))
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
        made = subprocess.run([os.path.join(self.repo, "tools/kunit"), *args], stdout=subprocess.PIPE,
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
