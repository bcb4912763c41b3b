# SPDX-License-Identifier: GPL-2.0
"""Tests of the judge of programs of others."""

import os
import subprocess
import tempfile
import unittest

from tools.lib.environment import REPO
from tools.report import results

GUEST = os.path.join(REPO, "tools/testing/guest")
LIST = "ok one: lands\nnot ok one: comes back\nok another: lands\n"
WAYS = "ok one: a: lands\nok one: b: lands\n"


def judge(given, command_line="quiet unpatched", listed=LIST):
    """What is counted of a test "one" with these results."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in ("unpatched-7.3", listed), ("cmdline", command_line), ("empty", ""):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        script = f". {GUEST}/programs/lib.sh\nseries=7.3\n{given}\njudge\nrm -r $work\n"
        env = {**os.environ, "PROGRAMS": folder, "PEER": os.path.join(GUEST, "peer"),
               "CMDLINE": os.path.join(folder, "cmdline")}
        said = subprocess.run(["sh", "-eu", "-c", script, "/tests/one.test"], env=env, text=True,
                              check=True, stdout=subprocess.PIPE).stdout
    suite = results.Suite("one")
    suite.take(said.splitlines())
    return suite.passed, len(suite.failed), len(suite.skipped)


LANDS, FAILS = "result ok lands", "result 'not ok' 'comes back'"


class Judge(unittest.TestCase):
    def test_ours(self):
        self.assertEqual(judge(f"{LANDS}\n{FAILS}", "quiet"), (1, 1, 0))

    def test_unpatched_as_listed(self):
        self.assertEqual(judge(f"{LANDS}\n{FAILS}"), (1, 0, 1))

    def test_unpatched_is_better(self):
        self.assertEqual(judge(f"{LANDS}\nresult ok 'comes back'")[1], 2)

    def test_unpatched_is_worse(self):
        self.assertEqual(judge(f"result 'not ok' lands\n{FAILS}")[1], 2)

    def test_unpatched_says_less(self):
        self.assertEqual(judge(LANDS), (1, 1, 0))

    def test_ways(self):
        given = "result ok 'a: lands'"
        self.assertEqual(judge(given, listed=WAYS), (1, 1, 0))
        self.assertEqual(judge(given, "unpatched ways=a", WAYS), (1, 0, 0))
        self.assertEqual(judge("result 'not ok' 'a: lands'", "unpatched ways=a", WAYS)[1], 2)

    def test_not_in_the_list(self):
        self.assertEqual(judge(f"{LANDS}\n{FAILS}\nresult ok 'c: lands'"), (1, 0, 2))
        self.assertEqual(judge(f"{LANDS}\n{FAILS}", listed="ok another: lands\n"), (0, 0, 2))

    def test_verdict(self):
        self.assertEqual(judge("verdict lands true\nverdict x false", "quiet"), (1, 1, 0))
