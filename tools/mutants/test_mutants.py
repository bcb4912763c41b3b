# SPDX-License-Identifier: GPL-2.0
"""Tests that no result of an earlier run is taken for a mutant's."""

import subprocess

from tools.lib import tool_module
from tools.lib.testing import Case
from tools.report import results


class Mutant(Case):
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
        self.patch(results, "LOG", self.top)
        results.save("mutant-m", [results.Suite("s", failed=["t"])])
        self.put("mutant-m.log")
        self.assertEqual(mutant.judge(), (False, "m: guest/boot was called"))
