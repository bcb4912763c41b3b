# SPDX-License-Identifier: GPL-2.0
"""Tests of what checkpatch gets of an exported mail."""

import os

from tools.lib import tool_module
from tools.lib.testing import Case

HOOK = "diff --git a/theirs b/theirs\n--- a/theirs\n+++ b/theirs\n@@ -1 +1 @@\n-a\n+b\n"
OURS = "diff --git a/ours b/ours\nnew file mode 100644\n--- /dev/null\n+++ b/ours\n@@ -0,0 +1 @@\n+a\n"
HEAD = "From x\nSubject: s\n\nwhy\n---\n ours | 1 +\n"
check = tool_module.load("series/check-patches")


class Without(Case):
    def left(self, *parts):
        mail = self.put("0001-s.patch", "".join([HEAD, *parts]))
        self.put("ours", "a\n")
        os.makedirs(self.at("out"), exist_ok=True)
        return self.read(check.without(mail, self.top, {"ours"}, self.at("out")))

    def test_hooks_stay(self):
        self.assertEqual(self.left(OURS, HOOK), HEAD + HOOK)
        self.assertEqual(self.left(HOOK, OURS), HEAD + HOOK)

    def test_not_as_it_ends(self):
        other = OURS.replace("+a", "+b")
        self.assertEqual(self.left(other, HOOK), HEAD + other + HOOK)
        later = OURS.replace("new file mode 100644\n", "")
        self.assertEqual(self.left(later, HOOK), HEAD + later + HOOK)

    def test_nothing_but_ours(self):
        self.assertEqual(self.left(OURS), HEAD + OURS)
