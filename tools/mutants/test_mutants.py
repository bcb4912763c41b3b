# SPDX-License-Identifier: GPL-2.0
"""Tests that no result of an earlier run is taken for a mutant's."""

import subprocess
import tempfile
import unittest
from unittest import mock

from tools.lib import tool_module
from tools.report import results


class Mutant(unittest.TestCase):
    def test_mutant_does_not_boot(self):
        module = tool_module.load("mutants/run")
        mutant = module.Mutant.__new__(module.Mutant)
        mutant.name, mutant.files = "m", []
        mutant.says = {"Tests": "t", "Report": "FAIL: t"}
        mutant.put = lambda: None
        statuses = {"lib/install-deps": 0, "guest/build-kernel": 0, "guest/install-headers": 0,
                    "guest/boot": 1}
        mutant.tool = lambda name, *args: subprocess.CompletedProcess(
            args, statuses[name], f"{name} was called")
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(results, "LOG", folder):
            results.save("mutant-m", [results.Suite("s", failed=["t"])])
            open(results.path("mutant-m", "log"), "w").close()
            self.assertEqual(mutant.judge(), (False, "m: guest/boot was called"))
