# SPDX-License-Identifier: GPL-2.0
"""Tests of when the search of the models is not repeated."""

import contextlib
import io
import os
from unittest import mock

from tools.lib import clean, tool_module
from tools.lib.testing import Case
from tools.report import results


class Kept(Case):
    def setUp(self):
        super().setUp()
        self.tool = tool_module.load("model/run")
        self.write("one")
        self.patch(results, "LOG", self.top)
        self.patch(clean, "CLEAN", self.top)
        self.patch(self.tool, "MODELS", self.top)

    def write(self, text):
        for model in self.tool.NONE:
            self.put(f"{model}.pml", text)

    def main(self, *lines):
        """Its status, and if it searched."""
        version = mock.Mock(stdout="Spin 6")
        with mock.patch.object(self.tool, "search", return_value=list(lines)) as search, \
                mock.patch("subprocess.run", return_value=version), \
                mock.patch("sys.argv", ["run"]), \
                contextlib.redirect_stdout(io.StringIO()):
            status = self.tool.main()
        return status, search.called

    def test_same_model(self):
        self.assertEqual(self.main("1..1", "ok 1 a"), (0, True))
        os.unlink(results.path("model"))
        self.assertEqual(self.main("1..1", "not ok 1 a"), (0, False))
        self.assertEqual(results.load("model")[0].passed, 1)

    def test_model_has_changed(self):
        self.main("1..1", "ok 1 a")
        self.write("two")
        self.assertEqual(self.main("1..1", "not ok 1 a"), (1, True))

    def test_failure_is_not_kept(self):
        self.assertEqual(self.main("1..1", "not ok 1 a"), (1, True))
        self.assertEqual(self.main("1..1", "ok 1 a"), (0, True))
