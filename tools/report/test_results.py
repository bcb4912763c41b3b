# SPDX-License-Identifier: GPL-2.0
"""Tests of what counts as a result."""

import unittest

from tools.report import results


def count(text):
    suite = results.Suite("t")
    suite.take(text.strip("\n").split("\n"))
    return suite.passed, len(suite.failed), len(suite.skipped)


class Results(unittest.TestCase):
    def test_flat(self):
        self.assertEqual(count("1..3\nok 1 a\nnot ok 2 - b\nok 3 c # SKIP why"), (1, 1, 1))

    def test_plan_not_kept(self):
        self.assertEqual(count("1..3\nok 1 a\nok 2 b"), (2, 1, 0))

    def test_parent_is_no_result(self):
        self.assertEqual(count("1..1\n    1..2\n    ok 1 a\n    ok 2 b\nok 1 all"), (2, 0, 0))

    def test_failed_parent_of_good_children(self):
        self.assertEqual(count("    ok 1 a\nnot ok 1 all\nok 2 b"), (2, 1, 0))

    def test_failed_parent_of_failed_child(self):
        self.assertEqual(count("    not ok 1 a\nnot ok 1 all"), (0, 1, 0))

    def test_bail_out(self):
        self.assertEqual(count("1..1\nok 1 a\nBail out! no memory"), (1, 1, 0))
        self.assertEqual(count("ok 1 a\n# Bail out! of a test that has another judge"), (1, 0, 0))

    def test_plan_is_skipped(self):
        self.assertEqual(count("TAP version 13\n1..0 # SKIP no device"), (0, 0, 1))
        self.assertEqual(count("1..0"), (0, 0, 0))

    def test_words_are_no_results(self):
        self.assertEqual(count("okay\nskipped nothing\nnot okay"), (0, 0, 0))

    def test_last_line(self):
        suite = results.Suite("t", passed=2, failed=["x"], skipped=["y: no such device"])
        self.assertEqual(results.table([suite]).splitlines()[-1], "2 passed, 1 failed, 1 skipped")
