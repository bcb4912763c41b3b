# SPDX-License-Identifier: GPL-2.0
"""Tests of what is not tried again."""

import os
import tempfile
import unittest
from unittest import mock

from tools.lib import clean


class Clean(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        where = mock.patch.object(clean, "CLEAN", os.path.join(folder.name, "clean"))
        where.start()
        self.addCleanup(where.stop)
        self.path = os.path.join(folder.name, "file")
        self.put("one")

    def put(self, text):
        with open(self.path, "w") as file:
            file.write(text)

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
        self.put("two")
        self.assertIsNone(clean.load(clean.digest(["a"], [self.path])))
