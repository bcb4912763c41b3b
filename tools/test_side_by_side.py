# SPDX-License-Identifier: GPL-2.0
"""Tests of the comparison of two runs."""

import tempfile
import unittest

import results
import side_by_side

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


class SideBySide(unittest.TestCase):
    def read(self, name):
        with tempfile.NamedTemporaryFile("w+") as file:
            file.write(KTAP)
            file.flush()
            return side_by_side.read(file.name, name)

    def test_ktap(self):
        self.assertEqual(self.read("full/kunit"), {
            "drm_mm.init": "ok", "drm_mm.sizes.small": "ok", "drm_mm.sizes.large": "not ok",
            "drm_mm.card": "skip", "other": "ok"})

    def test_what_was_seen(self):
        self.assertEqual(self.read("importers"), {
            "heap -> vgem: AD ok": "ok", "heap -> vgem": "ok", "heap -> vgem (2)": "ok",
            "no card": "skip"})

    def test_another_test(self):
        self.assertEqual(self.read("full"), {})

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

    def test_news(self):
        before = ["WARNING: a.c:12 at f+0x1f/0x20", "WARNING: b.c:1 at g+0x1"]
        after = ["WARNING: a.c:14 at f+0xa1/0xb0", "WARNING: c.c:1 at h+0x1", "WARNING: c.c:2 at h+0x2"]
        self.assertEqual(list(side_by_side.news(before, after)), after[1:2])
