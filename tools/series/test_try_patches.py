# SPDX-License-Identifier: GPL-2.0
"""Tests of the trial of patches on a user's own tree."""

import contextlib
import io
import os
import subprocess
from unittest import mock

from tools.lib import tool_module
from tools.lib.environment import REPO
from tools.lib.testing import Case
from tools.report import results
from tools.series import steps

PATCH = "Subject: p\n\n--- a/f\n+++ b/f\n@@ -1 +1,2 @@\n of mine\n+hook\n"


class Next(Case):
    def test_not_there(self):
        tool, check = tool_module.load("series/try-patches"), tool_module.load("series/check-patches")
        with mock.patch("subprocess.run", return_value=subprocess.CompletedProcess((), 3, "7.3\n")):
            self.assertRaisesRegex(SystemExit, "3", tool.fetch, "next")
        suite = results.Suite("t")
        said = subprocess.CompletedProcess((), 3, "noise\nthe mirror has no series after 7.3\n")
        with mock.patch.object(check, "run", return_value=said):
            check.apply(suite, "", ["next"])
        self.assertEqual((suite.skipped, suite.failed), (["the mirror has no series after 7.3"], []))

    def test_there(self):
        tool = tool_module.load("series/try-patches")
        self.put("linux-source-7.4/f", "of mine\n")
        tarball = self.at("linux-source-7.4-7.4~rc1-1~exp1.tar.xz")
        subprocess.run(["tar", "-cJf", tarball, "-C", self.top, "linux-source-7.4"], check=True)
        with mock.patch.object(tool, "fetch", return_value=tarball):
            before = tool.pristine("next", ["f"], self.at("try-next"))
        self.assertTrue(os.path.exists(os.path.join(before, "f")))


class Ksrc(Case):
    def setUp(self):
        super().setUp()
        self.put("ksrc/f", "of mine\n")
        self.put("patches/p", PATCH)
        self.put("build/linux-ksrc/f", "of mine\nhook\n")
        self.step = steps.Step(None, "patch", "p")

    def try_patches(self):
        tool = tool_module.load("series/try-patches")
        tree = self.at("build/linux-ksrc")
        with mock.patch.object(tool, "REPO", self.top), mock.patch.object(steps, "REPO", self.top), \
                mock.patch.object(tool, "read_steps", lambda: [self.step]), \
                mock.patch.dict(os.environ, KSRC=self.at("ksrc")), \
                mock.patch("sys.argv", ["try-patches", "ksrc", tree]), \
                contextlib.redirect_stdout(io.StringIO()) as said:
            return tool.main(), said.getvalue()

    def test_same(self):
        self.assertEqual(self.try_patches(), (0, "ok p on ksrc\n"))

    def test_comes_out_otherwise(self):
        self.put("build/linux-ksrc/f", "of mine\nanother hook\n")
        self.assertEqual(self.try_patches()[0], 1)

    def test_removed(self):
        self.put("patches/p", "--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-of mine\n")
        self.assertEqual(self.try_patches()[0], 1)      # the tree still has it
        os.remove(self.at("build/linux-ksrc/f"))
        self.assertEqual(self.try_patches(), (0, "ok p on ksrc\n"))

    def test_tree_has_changed(self):
        self.try_patches()
        self.put("ksrc/f", "of another\n")
        status, said = self.try_patches()
        self.assertEqual(status, 1)
        self.assertTrue(said.startswith("not ok p on ksrc"), said)

    def test_series(self):
        made = subprocess.run([os.path.join(REPO, "tools/lib/print-path"), "series"], text=True,
                              check=True, stdout=subprocess.PIPE,
                              env=dict(os.environ, KSRC=self.at("ksrc")))
        self.assertEqual(made.stdout, "ksrc\n")

    def test_refresh_is_refused(self):
        tool = tool_module.load("series/refresh")
        with mock.patch.object(tool_module, "load", side_effect=AssertionError), \
                mock.patch.dict(os.environ, KSRC=self.at("ksrc")), \
                mock.patch("sys.argv", ["refresh", self.top, "7.2"]):
            self.assertRaisesRegex(SystemExit, "without KSRC=", tool.main)
