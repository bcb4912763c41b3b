# SPDX-License-Identifier: GPL-2.0
"""Tests of trees that a killed run has left behind, and of links that became files."""

import json
import os
import subprocess
from unittest import mock

from tools.lib import tool_module
from tools.lib.testing import Case

# Kills the tool that calls it at the call KILL: before it does anything, after
# all, or in the middle, with a backup and a file that are not whole.
QUILT = """\
#!/bin/sh
PATH=${PATH#*:}
echo >> ../calls
[ "$(wc -l < ../calls)" = "${KILL:-0}" ] || exec quilt "$@"
case $WHEN in
after) quilt "$@" ;;
middle)	patch=$4
	[ "$3" = push ] || patch=two
	for file in $(sed -n 's,^+++ b/,,p' "patches/$patch"); do
		mkdir -p ".pc/$patch"
		echo half > ".pc/$patch/$file"
		echo half > "$file"
	done ;;
esac
kill -9 $PPID
"""
FILES = {
    "text": "Subject: 0\n\nWhat comes.\n",
    "steps": "topic t\nfiles text\n\tours\npatch one\npatch two\npatch three\n",
    "one": "Subject: 1\n\n--- a/one\n+++ b/one\n@@ -1 +1,2 @@\n of one\n+hook 1\n",
    "two": "Subject: 2\n\n--- a/one\n+++ b/one\n@@ -1,2 +1,3 @@\n of one\n hook 1\n+hook 2\n"
           "--- a/two\n+++ b/two\n@@ -1 +1,2 @@\n of two\n+hook 2\n",
    "three": "Subject: 3\n\n--- /dev/null\n+++ b/three\n@@ -0,0 +1 @@\n+hook 3\n",
}


class ApplySteps(Case):
    def setUp(self):
        super().setUp()
        self.tree = self.at("tree")
        self.copy_tools()
        for name, text in FILES.items():
            self.put("patches/" + name, text)
        self.put("tree/one", "of one\n")
        self.put("tree/two", "of two\n")
        self.put("ours", "ours\n")
        self.put("bin/quilt", QUILT, 0o755)

    def apply(self, *args, kill=0, when="before"):
        """What the tool said, or None if it was killed."""
        self.put("calls", "")
        env = dict(os.environ, KILL=str(kill), WHEN=when,
                   PATH=self.at("bin") + ":" + os.environ["PATH"])
        made = subprocess.run([self.at("tools/series/apply-steps"), self.tree, *args],
                              text=True, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertIn(made.returncode, (0, 1, -9))
        return None if made.returncode == -9 else made.stdout

    def applied(self, one="of one\nhook 1\nhook 2\n", two="of two\nhook 2\n"):
        state = json.loads(self.read("tree/.pc/overlay.json"))
        self.assertEqual((self.read("tree/one"), self.read("tree/two"), self.read("tree/three")),
                         (one, two, "hook 3\n"))
        self.assertEqual([name for name, _ in state["steps"]], ["one", "two", "three"])
        self.assertEqual(self.read("tree/.pc/applied-patches").split(), ["one", "two", "three"])
        self.assertEqual(self.read("tree/ours"), "ours\n")
        self.assertFalse(os.path.lexists(os.path.join(self.tree, ".undo")))
        # The way back leads to what was there first.
        self.apply("--undo")
        self.assertEqual((self.read("tree/one"), self.read("tree/two")), ("of one\n", "of two\n"))
        self.assertEqual(sorted(os.listdir(self.tree)), ["one", "two"])

    def test_whole(self):
        self.apply()
        self.applied()

    def test_first_run_is_killed(self):
        for when, kill in ("before", 1), ("middle", 2), ("middle", 3), ("after", 3):
            with self.subTest(when=when, kill=kill):
                self.assertIsNone(self.apply(kill=kill, when=when))
                self.assertIn("was interrupted", self.apply())
                self.applied()

    def test_later_run_is_killed(self):
        # A pop of two, two pushes
        for when, kill in ("middle", 1), ("after", 1), ("middle", 2), ("middle", 3):
            with self.subTest(when=when, kill=kill):
                self.put("patches/two", FILES["two"])
                self.apply()
                self.put("patches/two", FILES["two"].replace("+hook 2", "+other"))
                self.assertIsNone(self.apply(kill=kill, when=when))
                self.apply()
                self.applied("of one\nhook 1\nother\n", "of two\nother\n")

    def test_going_back_is_killed(self):
        tool = tool_module.load("series/apply-steps")
        self.apply(kill=3, when="middle")
        for name in "os.replace", "os.rename", "shutil.rmtree":
            with mock.patch(name, side_effect=KeyboardInterrupt), mock.patch("builtins.print"):
                self.assertRaises(KeyboardInterrupt, tool.Tree, self.tree)
        self.apply()
        self.applied()

    def test_lock_is_passed_on(self):
        tool, (out, into) = tool_module.load("series/apply-steps"), os.pipe()
        self.addCleanup(os.close, out)
        with mock.patch.dict(os.environ, BUILD_LOCK_FD=str(into)):
            self.assertEqual(tool.lock(), (into,))
            os.close(into)
            self.assertEqual(tool.lock(), ())

    def test_link_is_replaced(self):
        self.apply()
        link = os.path.join(self.tree, "ours")
        os.utime(self.at("ours"), (0, 0))
        os.unlink(link)
        self.put("tree/ours", "edited\n")
        self.assertIn("ours has your change now", self.apply())
        self.assertTrue(os.path.islink(link))
        self.assertEqual((self.read("ours"), self.read("ours~")), ("edited\n", "ours\n"))

    def test_link_is_replaced_and_both_are_edited(self):
        self.apply()
        os.unlink(os.path.join(self.tree, "ours"))
        self.put("tree/ours", "edited\n")
        os.utime(os.path.join(self.tree, "ours"), (0, 0))
        self.assertIn("differs from ours, which is newer", self.apply())
        self.assertEqual((self.read("ours"), self.read("tree/ours")), ("ours\n", "edited\n"))

    def test_mutant_is_left(self):
        self.apply()
        for name in "ours", "one":
            path = os.path.join(self.tree, name)
            os.rename(path, path + ".whole")
            self.put("tree/" + name, "mutant\n")
        self.apply()
        self.assertFalse(os.path.lexists(os.path.join(self.tree, "ours.whole")))
        self.applied()
