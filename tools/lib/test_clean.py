# SPDX-License-Identifier: GPL-2.0
"""Tests of what is not tried again."""

from tools.lib import clean
from tools.lib.testing import Case


class Clean(Case):
    def setUp(self):
        super().setUp()
        self.patch(clean, "CLEAN", self.at("clean"))
        self.path = self.put("file", "one")

    def test_same(self):
        self.assertIsNone(clean.load(clean.digest(["a"], [self.path])))
        clean.keep(clean.digest(["a"], [self.path]), "text")
        self.assertEqual(clean.load(clean.digest(["a"], [self.path])), "text")
        self.assertEqual(clean.load(clean.digest([], [self.path], clean.digest(["a"], []))), "text")

    def test_other_words(self):
        clean.keep(clean.digest(["a"], [self.path]))
        self.assertIsNone(clean.load(clean.digest(["b"], [self.path])))

    def test_other_content(self):
        clean.keep(clean.digest(["a"], [self.path]))
        self.put("file", "two")
        self.assertIsNone(clean.load(clean.digest(["a"], [self.path])))
