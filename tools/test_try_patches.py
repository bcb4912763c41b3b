# SPDX-License-Identifier: GPL-2.0
"""Tests of the trial of patches on a user's own tree."""

import contextlib
import io
import os
import subprocess
import tempfile
import unittest
from unittest import mock

import steps
import tool_module

PATCH = "Subject: p\n\n--- a/f\n+++ b/f\n@@ -1 +1,2 @@\n of mine\n+hook\n"


class Ksrc(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.repo = folder.name
        self.put("ksrc/f", "of mine\n")
        self.put("patches/p", PATCH)
        self.put("build/linux-ksrc/f", "of mine\nhook\n")
        self.step = steps.Step(None, "patch", "p")

    def put(self, name, text):
        path = os.path.join(self.repo, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    def try_patches(self):
        tool = tool_module.load("try-patches")
        tree = os.path.join(self.repo, "build/linux-ksrc")
        with mock.patch.object(tool, "REPO", self.repo), mock.patch.object(steps, "REPO", self.repo), \
                mock.patch.object(tool, "read_steps", lambda: [self.step]), \
                mock.patch.dict(os.environ, KSRC=os.path.join(self.repo, "ksrc")), \
                mock.patch("sys.argv", ["try-patches", "ksrc", tree]), \
                contextlib.redirect_stdout(io.StringIO()) as said:
            return tool.main(), said.getvalue()

    def test_same(self):
        self.assertEqual(self.try_patches(), (0, "ok p on ksrc\n"))

    def test_comes_out_otherwise(self):
        self.put("build/linux-ksrc/f", "of mine\nanother hook\n")
        self.assertEqual(self.try_patches()[0], 1)

    def test_tree_has_changed(self):
        self.try_patches()
        self.put("ksrc/f", "of another\n")
        status, said = self.try_patches()
        self.assertEqual(status, 1)
        self.assertTrue(said.startswith("not ok p on ksrc"), said)

    def test_series(self):
        made = subprocess.run([os.path.join(steps.REPO, "tools/print-path"), "series"], text=True,
                              check=True, stdout=subprocess.PIPE,
                              env=dict(os.environ, KSRC=os.path.join(self.repo, "ksrc")))
        self.assertEqual(made.stdout, "ksrc\n")

    def test_refresh_is_refused(self):
        tool = tool_module.load("refresh")
        with mock.patch.object(tool_module, "load", side_effect=AssertionError), \
                mock.patch.dict(os.environ, KSRC=os.path.join(self.repo, "ksrc")), \
                mock.patch("sys.argv", ["refresh", self.repo, "7.2"]):
            self.assertRaisesRegex(SystemExit, "without KSRC=", tool.main)
