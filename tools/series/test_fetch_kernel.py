# SPDX-License-Identifier: GPL-2.0
"""Tests of when a mirror is said to have no kernel of a series."""

import os
import subprocess

from tools.lib.environment import REPO
from tools.lib.testing import Case

# They do as the environment says: UPDATE and STRICT are statuses, KNOWN is what
# the lists have.
APT_GET = """\
#!/bin/sh
case " $* " in
*indextargets*) echo http://mirror.example/debian/ ;;
*Error-Mode=any*) exit $STRICT ;;
*' update '*) exit $UPDATE ;;
*) exit 100 ;;
esac
"""
APT_CACHE = """\
#!/bin/sh
case " $* " in
*' pkgnames linux-source- '*) for series in $HAS; do echo "linux-source-$series"; done ;;
*) [ -z "$KNOWN" ] || echo "$KNOWN" ;;
esac
"""


class FetchKernel(Case):
    def setUp(self):
        super().setUp()
        os.symlink(os.path.join(REPO, "tools"), self.at("tools"))
        self.put("bin/apt-get", APT_GET, 0o755)
        self.put("bin/apt-cache", APT_CACHE, 0o755)

    def run_tool(self, *command, update=0, strict=0, known="", linux="7.2", has=""):
        path = self.at("bin") + ":" + os.environ["PATH"]
        env = {name: text for name, text in os.environ.items() if name not in ("KSRC", "TREE")}
        return subprocess.run([self.at(f"tools/{command[0]}"), *command[1:]], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=dict(env, PATH=path, repo=self.top, UPDATE=str(update),
                                       STRICT=str(strict), KNOWN=known, HAS=has, KEYRING="/dev/null",
                                       LINUX=linux, BASELINE="1", PROFILE="check"))

    def fetch(self, **kept):
        return self.run_tool("series/fetch-kernel", "7.2", self.at("build/dl"), **kept)

    def test_absent(self):
        made = self.fetch()
        self.assertEqual(made.returncode, 3)
        self.assertIn("the mirror has no linux-source-7.2", made.stdout)

    def test_known_but_cannot_be_had(self):
        made = self.fetch(known="linux-source-7.2 | 7.2.1-1 | http://mirror.example/debian")
        self.assertEqual(made.returncode, 1)
        self.assertIn("try again", made.stdout)

    def test_lists_cannot_all_be_read(self):
        for status in {"strict": 100}, {"strict": 100, "update": 100}:
            made = self.fetch(**status)
            self.assertEqual(made.returncode, 1)
            self.assertIn("try again", made.stdout)

    def after(self, has, **kept):
        return self.run_tool("series/fetch-kernel", "--after", "7.3", self.at("build/dl"),
                             has=has, **kept)

    def test_nothing_after(self):
        for has in "", "7.2 7.3 6.12 7.3-rt x":
            made = self.after(has)
            self.assertEqual(made.returncode, 3)
            self.assertIn("the mirror has no series after 7.3", made.stdout)

    def test_nobody_knows_if_there_is_one_after(self):
        self.assertEqual(self.after("", strict=100).returncode, 1)

    def test_newest_after(self):
        self.put("build/dl/linux-source-7.10-7.10~rc3-1.tar.xz")
        self.put("build/dl/linux-source-7.4-7.4-1.tar.xz")
        self.assertEqual(self.after("7.2 7.10 7.3 7.4").stdout,
                         self.at("build/dl/linux-source-7.10-7.10~rc3-1.tar.xz\n"))

    def test_another_series_instead(self):
        self.put("build/dl/linux-source-7.3-7.3.1-1.tar.xz")
        self.put("build/baseline-7.3/Makefile")
        made = self.run_tool("series/prepare-tree")
        self.assertEqual(made.returncode, 0, made.stdout)
        self.assertIn("using 7.3 instead", made.stdout)
        self.assertEqual(self.run_tool("lib/print-path", "name").stdout, "baseline-7.3\n")
        # As make clean does
        for name in os.listdir(self.at("build")):
            if name != "dl":
                subprocess.run(["rm", "-r", self.at(f"build/{name}")], check=True)
        self.assertEqual(self.run_tool("lib/print-path", "name").stdout, "baseline-7.2\n")

    def test_nothing_instead_of_a_mirror_that_fails(self):
        self.put("build/dl/linux-source-7.3-7.3.1-1.tar.xz")
        self.put("build/baseline-7.3/Makefile")
        self.assertEqual(self.run_tool("series/prepare-tree", strict=100).returncode, 1)
        self.assertEqual(self.run_tool("lib/print-path", "name").stdout, "baseline-7.2\n")
