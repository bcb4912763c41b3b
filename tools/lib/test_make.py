# SPDX-License-Identifier: GPL-2.0
"""Tests of the Makefile in a fresh clone: what it refuses, and that two runs do not meet."""

import os
import shutil
import signal
import subprocess

from tools.lib.environment import REPO
from tools.lib.testing import Case

OURS = ("LINUX", "PROFILE", "TESTS", "KSRC", "BASELINE", "TREE", "repo", "BUILD_LOCKED",
        "BUILD_LOCK_FD", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")


class Clone(Case):
    def setUp(self):
        super().setUp()
        shutil.copy(os.path.join(REPO, "Makefile"), self.top)
        os.symlink(os.path.join(REPO, "tools"), self.at("tools"))
        self.env = {name: text for name, text in os.environ.items() if name not in OURS}

    def start(self, *command):
        return subprocess.Popen(command, cwd=self.top, env=self.env, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, start_new_session=True)

    @staticmethod
    def end(process):
        """Together with all that it started."""
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    def run_in(self, *command):
        made = self.start(*command)
        return made.communicate(timeout=60)[0], made.returncode


class Arguments(Clone):
    def refused(self, *args):
        said, status = self.run_in("make", *args)
        self.assertNotEqual(status, 0)
        self.assertFalse(os.path.exists(self.at("build")))
        return said

    def test_series(self):
        self.assertIn("LINUX is 7.3 or 7.2, not 9.9", self.refused("kernel", "LINUX=9.9"))
        self.env["LINUX"] = "9.9"
        self.assertIn("LINUX is 7.3 or 7.2, not 9.9", self.refused("check"))

    def test_next_series(self):
        for goal in "kernel", "check":
            self.assertIn("check-patches alone", self.refused(goal, "LINUX=next"))

    def test_profile(self):
        self.assertIn("PROFILE is check", self.refused("kernel", "PROFILE=fast"))

    def test_no_such_test(self):
        said = self.refused("guest", "TESTS=p2p,nosuch,peer-vfio,vgpu/far,own")
        self.assertIn("there is no test nosuch", said)
        self.assertEqual(said.count("there is no test"), 1)

    def test_no_such_target(self):
        self.assertIn("No rule to make target 'nosuch'", self.run_in("make", "nosuch")[0])

    def test_default(self):
        self.assertEqual(self.run_in("make", "-s", "print-tree"),
                         (self.at("build/linux-7.3\n"), 0))
        self.assertEqual(self.run_in("make", "-s", "print-tree", "LINUX=7.2"),
                         (self.at("build/linux-7.2\n"), 0))

    def test_help(self):
        said, status = self.run_in("make")
        self.assertEqual((said, status), self.run_in("make", "help"))
        for word in "deps", "slicemmap", "peer-iommufd", "vgpu/deferred":
            self.assertRegex(said, rf"(?m)^ .*\b{word}\b")


class Fresh(Clone):
    def test_clean(self):
        for goal in "clean", "distclean":
            self.assertEqual(self.run_in("make", goal)[1], 0)

    def test_clean_keeps_downloads(self):
        for name in "dl", "log":
            os.makedirs(self.at(f"build/{name}"))
        self.run_in("make", "clean")
        self.assertEqual(os.listdir(self.at("build")), ["dl"])
        self.run_in("make", "distclean")
        self.assertFalse(os.path.exists(self.at("build")))

    def test_refresh(self):
        said, status = self.run_in("make", "refresh")
        self.assertNotEqual(status, 0)
        self.assertIn("build/linux-7.3 is not prepared", said)
        self.assertNotIn("Traceback", said)
        self.assertFalse(os.path.exists(self.at("build/dl")))


class Variables(Clone):
    """They come through the make that waits for the lock."""

    def setUp(self):
        super().setUp()
        os.unlink(self.at("tools"))
        self.copy_tools()
        for name in ("lib/install-deps", "series/prepare-tree", "guest/build-kernel",
                     "guest/install-headers", "guest/boot"):
            self.put(f"tools/{name}", '#!/bin/sh\necho "$PROFILE,$LINUX,$BASELINE"\n')

    def test_all(self):
        for args, said in ((["demo"], "bench,,"), (["shell"], "check,,"),
                           (["demo", "PROFILE=check", "LINUX=7.2"], "check,7.2,"),
                           (["-j4", "kernel", "BASELINE=1"], "check,,1")):
            lines, status = self.run_in("make", *args)
            self.assertEqual((set(lines.split()), status), ({said}, 0), args)

    def test_long_run(self):
        """The guest's limit is longer than the programs that it is asked to run."""
        for name in "run-part", "report":
            self.put(f"tools/report/{name}", '#!/bin/sh\necho "$@"\n')
        long = self.run_in("make", "guest", "SECONDS=5000", "HURRY=1")[0]
        self.assertIn("oracle.seconds=5000", long)
        self.assertIn("--limit 6200 --hurry\n", long)
        short = self.run_in("make", "guest", "HURRY=0")[0]
        self.assertIn("tools/guest/boot all", short)
        self.assertNotRegex(short, "--limit|--hurry")


class Lock(Clone):
    def hold(self, command="read line"):
        """A run that has the lock, and ends on request."""
        first = self.start("tools/lib/lock", "sh", "-c", f"echo begun; {command}")
        self.assertEqual(first.stdout.readline(), "begun\n")
        return first

    def test_second_waits(self):
        first = self.hold()
        for command in ("tools/lib/lock", "echo", "mine"), ("make", "clean"):
            second = self.start(*command)
            said = second.stdout.readline()
            self.assertIn("waiting for the end of another run", said)
            self.assertIn("begun; read line", said)
            self.end(second)
        second = self.start("tools/lib/lock", "echo", "mine")
        second.stdout.readline()
        self.assertIsNone(second.poll())
        first.communicate("end\n")
        self.assertEqual(second.communicate(timeout=60)[0], "mine\n")

    def test_who_tells_does_not_wait(self):
        first = self.hold()
        for goal in "print-kernel", "help":
            self.assertEqual(self.run_in("make", goal)[1], 0)
        first.communicate("end\n")

    def test_same_run(self):
        self.assertEqual(self.run_in("tools/lib/lock", "tools/lib/lock", "make", "clean")[1], 0)

    def test_another_clone(self):
        self.env["BUILD_LOCKED"] = "/elsewhere"
        first = self.hold()
        second = self.start("tools/lib/lock", "true")
        self.assertIn("waiting", second.stdout.readline())
        self.end(second)
        first.communicate("end\n")

    def test_tools_alone(self):
        first = self.hold()
        for tool in "series/prepare-tree", "guest/build-kernel", "kunit/kunit", "guest/install-headers":
            second = self.start(f"tools/{tool}")
            self.assertIn("waiting", second.stdout.readline(), tool)
            self.end(second)
        first.communicate("end\n")

    def test_given_up(self):
        first = self.hold('flock -u "$BUILD_LOCK_FD"; echo free; read line')
        self.assertEqual(first.stdout.readline(), "free\n")
        self.assertEqual(self.run_in("tools/lib/lock", "echo", "mine"), ("mine\n", 0))
        first.communicate("end\n")
