# SPDX-License-Identifier: GPL-2.0
"""Tests of the order of parts, of the running total, and of what make quick runs."""

import contextlib
import io
import os
import subprocess
import tempfile
import threading
import unittest
from unittest import mock

from tools.check import schedule
from tools.check.schedule import Part
from tools.lib import tool_module
from tools.lib.testing import Case
from tools.report import results

PARTS = [Part("compile", []), Part("objects", []), Part("long", [], True), Part("short", [], True)]


class Running(Case):
    def setUp(self):
        super().setUp()
        self.patch(results, "LOG", self.top)
        self.patch(schedule, "SECONDS", self.at("build/seconds.json"))

    def go(self, run=None, guests=2):
        """The lines that were printed."""
        made = schedule.Schedule(PARTS, run or (lambda part, quiet: ""), guests)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            made.go()
        return said.getvalue().splitlines()

    def test_each_once(self):
        ran = []
        self.go(lambda part, quiet: ran.append(part.name) or "")
        self.assertEqual(sorted(ran), ["compile", "long", "objects", "short"])

    def test_a_guest_beside_what_compiles_and_two_at_its_end(self):
        both = threading.Barrier(2, timeout=30)
        met = []

        def run(part, quiet):
            if part.name in ("objects", "long"):    # at the same time
                met.append(both.wait())
            if part.name == "long":                 # the other worker takes this one
                short.wait(30)
            elif part.name == "short":
                short.set()
            return ""
        short = threading.Event()
        self.go(run)
        self.assertEqual(len(met), 2)
        self.assertTrue(short.is_set())

    def test_all_at_once(self):
        at_once = threading.Barrier(3, timeout=30)

        def run(part, quiet):
            if part.name != "objects":
                at_once.wait()
            return ""
        self.assertIn("4 of 4", self.go(run, guests=3)[-1])

    def test_output_of_guests_alone_is_kept(self):
        quiet = {}
        self.go(lambda part, kept: quiet.update({part.name: kept}) or "")
        self.assertEqual(quiet, {"compile": False, "objects": False, "long": True, "short": True})

    def test_running_total(self):
        results.save("compile", [results.Suite("a", passed=3, failed=["x"], skipped=["y"])])
        lines = self.go()
        self.assertIn("4 of 4 parts", lines[-1])
        # Those without results have failed.
        self.assertIn("3 passed, 4 failed, 1 skipped after 0 s", lines[-1])
        self.assertNotIn("to go", "".join(lines))

    def test_rest_is_known_from_last_time(self):
        self.go()
        made = schedule.Schedule(PARTS, guests=2)
        made.before = {"compile": 60, "objects": 40, "long": 300, "short": 20}
        self.assertEqual(made.left(), 300)
        made.took = {"long": 1}
        self.assertEqual(made.left(), 100)
        made.took = {"long": 1, "compile": 1, "objects": 1, "short": 1}
        self.assertEqual(made.left(), 0)

    def test_new_part_is_not_guessed(self):
        made = schedule.Schedule(PARTS)
        made.before = {"compile": 1}
        self.assertIsNone(made.left())


class Quick(unittest.TestCase):
    def setUp(self):
        self.tool = tool_module.load("check/quick")

    def changed(self, status):
        said = subprocess.CompletedProcess((), 0, status)
        listed = subprocess.CompletedProcess((), 0, "all: p2p slice\n")
        with mock.patch("subprocess.run", side_effect=[said, listed]):
            return self.tool.changed()

    def test_edited_tests(self):
        self.assertEqual(self.changed(" M tools/testing/guest/slice.c\n M Makefile\n"
                                      "?? tools/testing/guest/p2p.c\n M tools/testing/guest/demo.c\n"
                                      " M tools/testing/guest/lib/pci.c\n"), ["p2p", "slice"])
        self.assertEqual(self.changed(""), [])

    def test_which_kernel(self):
        with tempfile.TemporaryDirectory() as folder:
            with mock.patch.object(self.tool, "env",
                                   lambda name, PROFILE: os.path.join(folder, PROFILE)):
                self.assertEqual(self.tool.built(), "")
                for profile in "bench", "check":
                    open(os.path.join(folder, profile), "w").close()
                    self.assertEqual(self.tool.built(), profile)

    def guest(self, *statuses):
        """The suites of a guest, None if there are none; the tools end with STATUSES."""
        ended = [subprocess.CompletedProcess((), status) for status in statuses]
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(results, "LOG", folder), mock.patch.dict(os.environ), \
                mock.patch("subprocess.run", side_effect=ended):
            self.assertEqual(self.tool.guest("q", "check", ["p2p"]), 1)
            return results.load("q") if results.saved("q") else None

    def test_guest_that_does_not_boot(self):
        suites = self.guest(0, 0, 1, 1)
        self.assertEqual([suite.name for suite in suites], ["q-demo", "q-tests"])
        self.assertTrue(all(suite.failed for suite in suites))

    def test_kernel_that_does_not_build(self):
        self.assertIsNone(self.guest(1))
        self.assertIsNone(self.guest(0, 1))


RUN_PART = """\
#!/bin/sh
out=$(dirname "$0")/../../build/log/$1.json
[ "$1" = model ] || echo '[{"name": "'$1'", "seconds": 1, "passed": 1, "failed": [], "skipped": []}]' > "$out"
"""


class Check(Case):
    def whole(self, tool, kernel):
        """A run in a clone in which parts do nothing, and only a model fails."""
        self.copy_tools("model")
        self.put("tools/report/run-part", RUN_PART)
        self.put("tools/guest/install-headers", "#!/bin/sh\n")
        self.put("tools/guest/build-kernel", f"#!/bin/sh\nexit {kernel}\n")
        env = {name: text for name, text in os.environ.items()
               if name not in ("BUILD_LOCKED", "BUILD_LOCK_FD", "repo", "KSRC", "TESTS", "TREE",
                               "BASELINE", "LINUX", "PROFILE")}
        made = subprocess.run([self.at(f"tools/{tool}")], env=env, text=True,
                              timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return made.returncode, made.stdout.splitlines()

    def test_all_parts(self):
        status, lines = self.whole("check/check", 0)
        self.assertEqual((status, lines[-1]), (1, "13 passed, 1 failed, 0 skipped"))
        self.assertIn("14 of 14 parts", "\n".join(lines))

    def test_without_a_kernel(self):
        status, lines = self.whole("check/check", 1)
        self.assertEqual((status, lines[-1]), (1, "4 passed, 10 failed, 0 skipped"))

    def test_quick(self):
        status, lines = self.whole("check/quick", 0)
        self.assertEqual((status, lines[-1]), (0, "1 passed, 0 failed, 1 skipped"))

    def test_parts(self):
        parts = tool_module.load("check/check").parts("/x/linux-7.3", "check")
        self.assertEqual(len({part.name for part in parts}), len(parts))
        for part in parts:
            self.assertTrue(os.access(part.command[0], os.X_OK), part.name)
            if "--name" in part.command:
                self.assertEqual(part.command[part.command.index("--name") + 1], part.name)
