# SPDX-License-Identifier: GPL-2.0
"""Tests that no result of an earlier run is taken for one of this run."""

import contextlib
import io
from unittest import mock

from tools.lib import tool_module
from tools.lib.testing import Case
from tools.report import results

PASSED = [results.Suite("old", passed=1)]


class RunPart(Case):
    def setUp(self):
        super().setUp()
        self.patch(results, "LOG", self.top)
        self.new, self.json = results.path("new"), results.path("part")

    def run_tool(self, tool, *args):
        """The status of a tool, and what it printed."""
        with mock.patch("sys.argv", [tool, *args]), \
                contextlib.redirect_stdout(io.StringIO()) as said:
            return tool_module.load(tool).main(), said.getvalue()

    def report(self, *command):
        self.run_tool("report/run-part", "part", *command)
        return self.run_tool("report/report", "part")

    def test_fails_before_it_has_results(self):
        results.save("part", PASSED)
        status, said = self.report("false")
        self.assertEqual((status, said.splitlines()[-1]), (1, "0 passed, 1 failed, 0 skipped"))

    def test_says_nothing(self):
        results.save("part", PASSED)
        self.assertEqual(self.report("true")[0], 1)

    def test_fails_after_good_results(self):
        results.save("new", PASSED)
        status, said = self.report("sh", "-c", 'cp "$0" "$1"; exit 3', self.new, self.json)
        self.assertEqual(status, 1)
        self.assertIn("exit status 3", said)
        self.assertTrue(said.endswith("1 passed, 1 failed, 0 skipped\n"))

    def test_passes(self):
        results.save("new", PASSED)
        status, said = self.report("cp", self.new, self.json)
        self.assertEqual((status, said.splitlines()[-1]), (0, "1 passed, 0 failed, 0 skipped"))
