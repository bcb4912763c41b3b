# SPDX-License-Identifier: GPL-2.0
"""The author of the mails, and the version and base in them."""

import os
import subprocess
import unittest
from unittest import mock

from tools.lib.environment import REPO
from tools.lib.testing import Case
from tools.lib.tool_module import load
from tools.series import steps

export = load("series/export")
# git on a machine without any configuration
BARE = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
        "PATH": os.environ["PATH"], "HOME": "/nonexistent"}
AUTHOR = {"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "A Name",
          "GIT_CONFIG_KEY_1": "user.email", "GIT_CONFIG_VALUE_1": "a@example.com"}


class Mails(Case):
    """A series of one mail, made as export makes it."""

    def setUp(self):
        super().setUp()
        self.tree, self.repo, self.out = (self.at(name) for name in ("tree", "repo", "out"))
        os.makedirs(self.repo)
        self.put("tree/Makefile", "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\nNAME = X\n")
        # The clone that the tests run in may have an author of its own.
        bare = mock.patch.dict(os.environ, BARE, clear=True)
        bare.start()
        self.addCleanup(bare.stop)
        self.patch(export, "REPO", self.top)
        for name in "CHANGELOG.md", "patches":
            os.symlink(os.path.join(REPO, name), self.at(name))

    def series(self, out):
        """Commit a base and a step, write the mails to OUT."""
        export.git(self.repo, "init", "-q", "-b", "base")
        export.identify(self.repo, out)
        export.git(self.repo, "commit", "-q", "--allow-empty", "-m", "base")
        export.git(self.repo, "checkout", "-q", "-b", "series")
        self.put("repo/file", "text\n")
        export.git(self.repo, "add", "-A")
        export.git(self.repo, "commit", "-q", "-m", "topic: do it\n\nBecause.")
        export.mails(self.repo, self.tree, out)
        return [self.read(os.path.join(out, name)) for name in sorted(os.listdir(out))]

    def test_no_author(self):
        with self.assertRaises(SystemExit) as stopped:
            self.series(self.out)
        for word in "user.name", "user.email":
            self.assertIn(f"git config --global {word}", str(stopped.exception))
        self.assertFalse(os.path.exists(self.out))

    def test_name_without_address(self):
        with mock.patch.dict(os.environ, {"GIT_AUTHOR_NAME": "A Name"}):
            self.assertFalse(export.identity())

    def test_author_alone_is_not_enough(self):
        """Git would guess the committer."""
        with mock.patch.dict(os.environ, {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b"}):
            self.assertFalse(export.identity())

    def test_anonymous_for_checks(self):
        cover, mail = self.series(self.out + export.ANONYMOUS)
        for text in cover, mail:
            self.assertIn("\nFrom: anonymous <anonymous@invalid>\n", text)

    def test_author(self):
        with mock.patch.dict(os.environ, AUTHOR):
            for text in self.series(self.out):
                self.assertIn("\nFrom: A Name <a@example.com>\n", text)

    def test_version_and_base(self):
        with mock.patch.dict(os.environ, AUTHOR):
            cover, mail = self.series(self.out)
        subject = export.cover().split("\n")[0]
        self.assertIn(f"\nSubject: [PATCH {export.version()} 0/1] {subject}\n", cover)
        self.assertIn(f"\nSubject: [PATCH {export.version()} 1/1] topic: do it\n", mail)
        self.assertIn("\nThe series applies to Linux 7.3.4.\n", cover)

    def test_base(self):
        self.put("tree/Makefile", "VERSION = 7\nPATCHLEVEL = 4\nSUBLEVEL = 0\nEXTRAVERSION = -rc2\n")
        self.assertEqual(export.base(self.tree), "7.4-rc2")

    def test_newest_version(self):
        os.unlink(self.at("CHANGELOG.md"))
        self.put("CHANGELOG.md", "# Changes\n\n## v12 - soon\n\n## v11 - June\n")
        self.assertEqual(export.version(), "v12")

    def test_path_of_checks(self):
        """Without an author the mails of checks are apart from those to send."""
        def path(**env):
            return subprocess.run([os.path.join(REPO, "tools/lib/print-path"), "export"], text=True,
                                  env={**BARE, **env}, stdout=subprocess.PIPE).stdout.strip()
        if not subprocess.run(["git", "-C", REPO, "config", "--local", "user.email"], env=BARE,
                              stdout=subprocess.DEVNULL).returncode:
            self.skipTest("this clone has an author of its own")
        self.assertTrue(path().endswith("-anonymous"))
        self.assertEqual(path(**AUTHOR) + "-anonymous", path())


class Contents(unittest.TestCase):
    def test_every_mail_has_a_topic(self):
        kept = []
        for name, topic, also in (("a", "One", ""), ("b", "", ""), ("c", "", "also"), ("d", "Two", "")):
            kept.append(steps.Step(also, "patch", name))
            kept[-1].topic = topic
        self.assertEqual(export.contents(kept), "    1-2  One\n    3-3  Two")

    def test_cover_has_them(self):
        self.assertRegex(export.cover(), r"\n    1-\d+  ")

