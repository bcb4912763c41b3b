# SPDX-License-Identifier: GPL-2.0
"""Tests of the comparison of two runs."""

import contextlib
import io

from tools.lib import tool_module
from tools.lib.testing import Case
from tools.report import results, side_by_side

KTAP = """\
# begin full/kunit
KTAP version 1
1..1
    KTAP version 1
    # Subtest: drm_mm
    1..3
    ok 1 init
    # seen: nothing that counts
        KTAP version 1
        # Subtest: sizes
        ok 1 small
        not ok 2 large
    # sizes: pass:1 fail:1
    not ok 2 sizes
    ok 3 card # SKIP none here
not ok 1 drm_mm
ok 1 other # a comment
# end full/kunit 0 1.0
# begin importers
# seen: heap -> vgem: AD ok
ok 1 heap -> vgem
ok 2 heap -> vgem
ok 3 # SKIP no card
# end importers 0 1.0
"""


def judge(before, after):
    suite = results.Suite("t")
    side_by_side.compare(suite, before, after)
    return suite.passed, len(suite.failed), len(suite.skipped)


class SideBySide(Case):
    def results(self, name):
        return side_by_side.read(self.put("results", KTAP), name)

    def test_ktap(self):
        self.assertEqual(self.results("full/kunit"), {
            "drm_mm.init": "ok", "drm_mm.sizes.small": "ok", "drm_mm.sizes.large": "not ok",
            "drm_mm.card": "skip", "other": "ok"})

    def test_parent_fails_alone(self):
        lines = ["    # Subtest: s", "    ok 1 a", "not ok 1 s", "    # Subtest: t", "ok 2 t # SKIP no"]
        self.assertEqual(list(side_by_side.leaves(lines)), [("s.a", "ok"), ("s", "not ok"), ("t", "skip")])

    def test_what_was_seen(self):
        self.assertEqual(self.results("importers"), {
            "heap -> vgem: AD ok": "ok", "heap -> vgem": "ok", "heap -> vgem (2)": "ok",
            "no card": "skip"})

    def test_another_test(self):
        self.assertEqual(self.results("full"), {})

    def test_same(self):
        run = {"a": "ok", "b": "not ok", "c": "skip"}
        self.assertEqual(judge(run, run), (1, 0, 2))

    def test_worse(self):
        self.assertEqual(judge({"a": "ok", "b": "ok", "c": "ok", "d": "skip"},
                               {"a": "not ok", "b": "skip", "d": "not ok"}), (0, 4, 0))

    def test_better(self):
        self.assertEqual(judge({"a": "not ok", "b": "skip"}, {"a": "ok", "b": "ok"}), (2, 0, 0))

    def test_new(self):
        self.assertEqual(judge({"z": "skip"}, {"a": "ok", "b": "not ok", "c": "skip"}), (1, 2, 0))

    def test_saw_something_else(self):
        self.assertEqual(judge({"a -> b: AD ok": "ok"}, {"a -> b: AMUD ok": "ok"}), (1, 1, 0))

    def test_nothing(self):
        self.assertEqual(judge({}, {"a": "ok"}), (1, 1, 0))
        self.assertEqual(judge({"a": "skip"}, {}), (0, 1, 0))

    def test_shape(self):
        known, same, other = map(side_by_side.shape, (
            "WARNING: a.c:12 at f+0x1f/0x20", "WARNING: a.c:14 at f+0xa1/0xb0", "WARNING: c.c:1 at h+0x1"))
        self.assertEqual(known, same)
        self.assertNotEqual(known, other)

    def test_status(self):
        found = side_by_side.statuses(self.put("results", KTAP + "# begin load\n"))
        self.assertEqual(found, {"full/kunit": 0, "importers": 0})
        suite = results.Suite("t")
        for status, was in (0, 0), (0, 1), (1, 1), (139, 0), (139, 1):
            side_by_side.compare_status(suite, "t", {"t": was}, {"t": status})
        side_by_side.compare_status(suite, "t", {"t": 0}, {})
        self.assertEqual(suite.failed, [
            "exit status 139 (unpatched: 0)", "exit status 139 (unpatched: 1)",
            "exit status none (unpatched: 0)"])


OOPS = """\
BUG: kernel NULL pointer dereference, address: 00000000000000{0}8
Oops: 0000 [#1] SMP
CPU: {0} UID: 0 PID: 5{0} Comm: test
RIP: 0010:{1}+0x{0}f/0x40
Call Trace:
 <TASK>
 ? __die_body+0x{0}/0x20
 caller+0x{0}/0x30 [module]
---[ end trace 000000000000000{0} ]---
"""
LEAK = """\
guest: leak: unreferenced object 0xffff88800000{0}000 (size 64):
guest: leak:   comm "test", pid {0}, jiffies 429490{0}
guest: leak:   backtrace (crc {0}):
guest: leak:     __kmalloc_cache_noprof+0x{0}1/0x40
guest: leak:     {1}.isra.{0}+0x{0}2/0x80
"""
ASLEEP = """\
BUG: sleeping function called from invalid context at kernel/locking/mutex.c:{0}
Call Trace:
 dump_stack_lvl+0x{0}/0x20
 __might_resched.cold+0x{0}/0x20
 __mutex_lock+0x{0}/0x20
 {1}+0x{0}/0x30
"""


class FullResults(Case):
    def setUp(self):
        super().setUp()
        self.patch(results, "LOG", self.top)
        self.tool = tool_module.load("report/full-results")

    def ran(self, tree, log="", failed=(), end="# end importers 0 1.0"):
        name = f"matrix-{tree}"
        self.put(f"{name}.log", log)
        self.put(f"{name}.results", f"# begin importers\nok 1 a\n{end}\n")
        results.save(name, [results.Suite("importers", passed=1),
                            results.Suite(f"{name}: kernel log", failed=list(failed))])

    def judge(self, known):
        with contextlib.redirect_stdout(io.StringIO()):
            return self.tool.judge("matrix-linux-7.3", known,
                                   self.tool.findings(self.top, "matrix-{}", "linux-7.3"))

    def failed(self, before, after):
        """What is held against ours; the arguments are those of ran()."""
        self.ran("baseline-7.3", **before)
        self.ran("linux-7.3", **after)
        suites = self.judge(self.tool.findings(self.top, "matrix-{}", "baseline-7.3"))
        return [text for suite in suites for text in suite.failed]

    def test_same(self):
        self.assertEqual(self.failed({}, {}), [])

    def test_crash_after_the_last_result(self):
        self.assertEqual(self.failed({}, {"end": "# end importers 139 1.0"}),
                         ["exit status 139 (unpatched: 0)"])

    def test_does_not_end(self):
        for text in "no end within 9 s", "the guest did not come to its end":
            ours = f"{text}; see build/log/matrix-linux-7.3.log"
            unpatched = ours.replace("linux", "baseline")
            self.assertEqual(self.failed({}, {"failed": [ours]}), [text])
            self.assertEqual(self.failed({"failed": [unpatched]}, {"failed": [ours]}), [])

    def test_stuck_elsewhere(self):
        stuck = "watchdog: BUG: soft lockup - CPU#{0} stuck for 2{0}s! [test:9{0}]\n" \
                "RIP: 0010:{1}+0x{0}/0x20\n"
        self.assertEqual(self.failed({"log": stuck.format(1, "f")}, {"log": stuck.format(2, "g")}), [])

    def test_only_what_is_new_needs_the_unpatched_kernel(self):
        tool = self.tool
        self.patch(tool, "LISTS", self.top)
        self.patch(tool, "RUNS", {"matrix-{}": ["importers"]})
        bad = "not ok 2 b\nok 3 c # SKIP none\n# end importers 1 1.0"
        with contextlib.redirect_stdout(io.StringIO()):
            for name in "baseline-7.3", "linux-7.3":
                self.put(f"kernel-{name}-full.log")
            self.ran("linux-7.3")
            # Of what there is no list, nothing is known.
            self.assertIn("matrix", tool.needed(self.top, "linux-7.3"))
            self.ran("baseline-7.3", log=OOPS.format(1, "f"), end=bad)
            tool.record(self.top, "baseline-7.3", "7.3")

            def needed(**kept):
                self.ran("linux-7.3", **kept)
                return set(tool.needed(self.top, "linux-7.3"))
            same = {"log": OOPS.format(2, "f"), "end": bad}
            self.assertEqual(needed(**same), set())
            tests, log = self.judge(tool.listed("7.3")["matrix"])
            self.assertEqual((tests.failed, len(tests.skipped), tests.passed), ([], 2, 1))
            self.assertEqual((log.failed, log.passed), ([], 1))
            fixed = bad.replace("not ok 2", "ok 2").replace("importers 1", "importers 0")
            self.assertEqual(needed(end=fixed), set())
            for worse in ({**same, "end": bad.replace("2 b", "2 other")},
                          {**same, "end": bad.replace("importers 1", "importers 139")},
                          {**same, "end": bad.replace("ok 3 c # SKIP none\n", "")},
                          {**same, "log": OOPS.format(2, "g")},
                          {**same, "failed": ["no end within 9 s"]}):
                self.assertEqual(needed(**worse), {"matrix"}, worse)
                suites = self.judge(tool.listed("7.3")["matrix"])
                self.assertTrue(any(suite.failed for suite in suites))
            self.put("kernel-linux-7.3-full.log", "a.c:1:2: warning: b\n")
            self.assertEqual(needed(**same), {"build"})

    def test_known_report(self):
        for report in OOPS, LEAK, ASLEEP:
            before, after, other = (report.format(*args) for args in ((1, "f"), (2, "f"), (3, "g")))
            first = other.splitlines()[0]
            self.assertEqual(self.failed({"log": before}, {"log": after}), [], first)
            self.assertEqual(self.failed({"log": before}, {"log": after + 45 * "fine\n" + other}),
                             [first])
            self.assertEqual(self.failed({}, {"log": other, "failed": [first]}), [first])
