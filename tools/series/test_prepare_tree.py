# SPDX-License-Identifier: GPL-2.0
"""Tests of the copy of a user's own kernel tree."""

import os
import subprocess
from unittest import mock

from tools.lib.environment import REPO
from tools.lib.testing import Case

SOURCES = ["Kbuild", "Makefile", "arch/x86/kernel/vmlinux.lds.S",
           "arch/x86/boot/compressed/vmlinux.lds.S", "include/asm-generic/vmlinux.lds.h",
           "scripts/gdb/vmlinux-gdb.py", "tools/perf/util/bpf_skel/vmlinux/vmlinux.h"]
LEFT = ["vmlinux", "vmlinux.o", "vmlinux.a", "vmlinux.map", "vmlinux.unstripped",
        ".vmlinux.export.c", ".tmp_vmlinux1", "init/main.o", "init/.main.o.cmd", "modules.order",
        ".git/HEAD"]


class Copy(Case):
    def setUp(self):
        super().setUp()
        self.ksrc = self.at("ksrc")
        os.symlink(os.path.join(REPO, "tools"), self.at("tools"))

    def sources(self, names):
        for name in names:
            self.put(f"ksrc/{name}")

    def copied(self):
        """The files of the copy, and whether it was made now."""
        made = subprocess.run([self.at("tools/series/prepare-tree")], check=True, text=True,
                              env=dict(os.environ, repo=self.top, KSRC=self.ksrc, BASELINE="1"),
                              stdout=subprocess.PIPE)
        tree = self.at("build/baseline-ksrc")
        return sorted(os.path.relpath(os.path.join(top, name), tree)
                      for top, _, names in os.walk(tree) for name in names), bool(made.stdout)

    def test_sources_alone(self):
        self.sources(SOURCES + LEFT)
        self.assertEqual(self.copied(), (sorted(SOURCES), True))

    def test_copy_was_interrupted(self):
        self.sources(SOURCES)
        self.copied()
        tree = self.at("build/baseline-ksrc")
        # What a run leaves that is killed while it copies
        for kind in "stamp", "from":
            os.unlink(f"{tree}.{kind}")
        os.unlink(os.path.join(tree, SOURCES[-1]))
        self.assertEqual(self.copied(), (sorted(SOURCES), True))

    def test_nothing_vouches_for_half_a_copy(self):
        self.sources(SOURCES)
        self.copied()
        path = self.put("bin/rsync", "#!/bin/sh\nkill -9 $PPID\n", 0o755)
        self.touch(SOURCES[0])
        with mock.patch.dict(os.environ, PATH=os.path.dirname(path) + ":" + os.environ["PATH"]):
            self.assertRaises(subprocess.CalledProcessError, self.copied)
        self.assertEqual([name for name in os.listdir(self.at("build"))
                          if name in ("baseline-ksrc.stamp", "baseline-ksrc.from")], [])

    def touch(self, name):
        """Changed after the copy was made, and nothing else was."""
        for top, _, names in os.walk(self.ksrc):
            for path in [top] + [os.path.join(top, entry) for entry in names]:
                os.utime(path, (0, 0))
        later = os.path.getmtime(self.at("build/baseline-ksrc.stamp")) + 1
        os.utime(os.path.join(self.ksrc, name), (later, later))

    def test_change_of_a_source(self):
        self.sources(SOURCES)
        for name in SOURCES:
            self.copied()
            self.touch(name)
            self.assertTrue(self.copied()[1], name)

    def test_a_build_is_no_change(self):
        self.sources(SOURCES + LEFT)
        self.copied()
        for name in LEFT:
            self.touch(name)
            self.assertFalse(self.copied()[1], name)
