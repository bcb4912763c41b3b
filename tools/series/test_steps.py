# SPDX-License-Identifier: GPL-2.0
"""Tests of patches/steps: each step has its message, each source of ours a step."""

import os
import unittest

from tools.lib.environment import REPO
from tools.series import steps


class Steps(unittest.TestCase):
    def test_messages_and_files(self):
        for step in steps.read_steps():
            if step.also:
                continue
            subject, body = step.message()
            self.assertTrue(subject and body, step.name)

    def test_every_source_is_in_a_step(self):
        named = {path for step in steps.read_steps() for path in step.files}
        for folder in "drivers", "include":
            for top, _, names in os.walk(os.path.join(REPO, folder)):
                for name in names:
                    path = os.path.relpath(os.path.join(top, name), REPO)
                    if path.endswith((".c", ".h")):
                        self.assertIn(path, named)

    def test_files_change_no_file_of_the_kernel(self):
        for step in steps.read_steps():
            with open(step.source) as file:
                self.assertEqual("\n--- " not in file.read(), step.kind in ("files", "cocci"), step.name)

    def test_a_file_is_in_one_step(self):
        paths = [path for step in steps.read_steps() for path in step.files]
        self.assertEqual(len(set(paths)), len(paths))
