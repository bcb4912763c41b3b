# SPDX-License-Identifier: GPL-2.0
"""Tests of what is made of a guest's results file."""

import os
import re
import subprocess
import unittest
from unittest import mock

from tools.lib import tool_module

run = tool_module.load("guest/run")

ONE = "# begin one\nok 1 a\n\n# end one 0 1.0\n"
TWO = "# begin two\nok 1 a\nnot ok 2 b\n\n# end two 1 1.0\n"


def judge(text, what="one,two"):
    """{name: what failed} of the suites, passed ones too."""
    return {suite.name: suite.failed for suite in run.blocks(text) + run.absent(what, text)}


LOCKUP = """[   84.684774] watchdog: CPU0: Watchdog detected hard LOCKUP on cpu 1
[   84.685024] irq event stamp: 241046
[   84.688615] Sending NMI from CPU 0 to CPUs 1:
"""
BUSY = """[   45.846297] NMI backtrace for cpu 1
[   45.846297] CPU: 1 UID: 0 PID: 783 Comm: mapstress.test Not tainted 7.3.4 #1 PREEMPT(lazy)
[   45.846297] RIP: 0010:lock_is_held_type+0xfa/0x140
[   45.846297] RSP: 0018:ffffc9000261f4f8 EFLAGS: 00000206
[   45.846297] RAX: 0000000000000000 RBX: 0000000000000000 RCX: 0000000000000001
[   45.846297] RSP: 002b:00007ff7b3dff078 EFLAGS: 00000246 ORIG_RAX: 00000000000000ca
"""
IDLES = "[   45.846297] NMI backtrace for cpu 1 skipped: idling at default_idle+0x13/0x20\n"


class Timer(unittest.TestCase):
    """A CPU that no longer gets interrupts from the emulator, and one that hangs."""

    def test_lost(self):
        self.assertTrue(run.NO_TIMER.search(LOCKUP + IDLES))
        self.assertTrue(run.NO_TIMER.search(LOCKUP + BUSY))

    def test_hangs(self):
        self.assertFalse(run.NO_TIMER.search(LOCKUP + "[   84.69] NMI backtrace for cpu 1\n"))
        self.assertFalse(run.NO_TIMER.search(LOCKUP + IDLES.replace("cpu 1", "cpu 0")))
        for flags in "00000046", "00000097", "00000002":
            self.assertFalse(run.NO_TIMER.search(LOCKUP + BUSY.replace("00000206", flags)))
        self.assertFalse(run.NO_TIMER.search(LOCKUP + BUSY.replace("cpu 1", "cpu 0")))

    def test_all_sleep(self):
        """Seen once: both CPUs waited for an interrupt, and the guest for its limit."""
        def slept(*ran):
            now = [0]
            cpus = run.Cpus(lambda: now[0])
            said = []
            for now[0] in range(60, 60 * len(ran) + 1, 60):
                cpus.time = mock.Mock(return_value=ran[now[0] // 60 - 1])
                said.append(cpus.sleep(1))
            return said
        self.assertEqual(slept(5, 6, 7, 8), [False] * 4)
        self.assertEqual(slept(5, 6, 6, 6), [False, False, False, True])
        self.assertEqual(slept(5, 6, 6, 7), [False] * 4)
        self.assertEqual(slept(0, 0, 0, 0), [False] * 4)

    def test_threads_that_emulate(self):
        """A thread of this name counts, others do not."""
        with subprocess.Popen(["sh", "-c", "printf '0/TCG' > /proc/$$/comm; "
                               "i=0; while [ $i -lt 9999 ]; do i=$((i + 1)); done; echo; read x"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            self.assertGreater(run.Cpus.time(process.pid), 0)
            process.stdin.close()
        self.assertEqual(run.Cpus.time(os.getpid()), 0)

    def boots(self, *ends):
        guest = run.Guest.__new__(run.Guest)
        guest.args = mock.Mock(one_thread=False)
        guest.boot_once, guest.empty = mock.Mock(side_effect=ends), mock.Mock()
        with mock.patch("builtins.print"):
            return guest.boot(), guest.boot_once.call_count, len(guest.notes)

    def test_once_more(self):
        self.assertEqual(self.boots(5.0), (5.0, 1, 0))
        self.assertEqual(self.boots(run.NoTimer, 7.0), (7.0, 2, 1))
        lost = [run.NoTimer] * 3
        self.assertEqual(self.boots(*lost), (None, 3, 3))


class Devices(unittest.TestCase):
    def test_sockets_fit(self):
        """A path of more than 107 characters is none for a socket."""
        guest = run.Guest.__new__(run.Guest)
        guest.dir = os.path.join(run.REPO, "build/log/guest-linux-7.3-check-own.dir")
        for name in "guest/devices", "vgpu/devices", "vgpu/devices-blobs":
            guest.args = mock.Mock(devices=os.path.join(run.TOOLS, name))
            options, _, start = guest.devices()
            text = " ".join(options + start)
            self.assertIn("build/log/", text)
            self.assertNotIn(run.REPO, text)


class GuestRun(unittest.TestCase):
    def test_both(self):
        self.assertEqual(judge(ONE + TWO), {"one": [], "two": ["b"]})

    def test_end_is_lost(self):
        text = TWO.replace("# end", "") + ONE
        self.assertEqual(judge(text), {"one": [], "two": ["b", "did not come to its end"]})

    def test_last_end_is_lost(self):
        text = TWO + ONE.replace("# end", "")
        self.assertEqual(judge(text), {"two": ["b"], "one": ["did not come to its end"]})

    def test_begin_is_lost(self):
        self.assertEqual(judge(ONE + TWO.replace("# begin", "")),
                         {"one": [], "two": ["ended and did not begin"]})

    def test_an_end_and_a_begin_are_lost(self):
        text = ONE.replace("# end", "") + TWO.replace("# begin", "")
        self.assertEqual(judge(text), {"one": ["b", "did not come to its end"],
                                       "two": ["ended and did not begin"]})

    def test_nothing_ran(self):
        self.assertEqual(judge(""), {"one": ["did not run"], "two": ["did not run"]})
        self.assertEqual(judge("", "own"), {"tests (own)": ["did not run"]})

    def test_groups_are_those_of_init(self):
        with open(os.path.join(run.TOOLS, "guest/init")) as file:
            groups = re.findall(r"^\t(\w+)\) set -- ", file.read(), re.M)
        self.assertEqual(sorted(groups), sorted(run.GROUPS))
        for group in groups:
            self.assertEqual(list(judge("", group)), [f"tests ({group})"])

    def test_one_did_not_run(self):
        self.assertEqual(judge(ONE), {"one": [], "two": ["did not run"]})
        self.assertEqual(judge("# tests one two\n" + ONE, "all"), {"one": [], "two": ["did not run"]})
        self.assertEqual(judge("# tests one two\n" + ONE + TWO, "all"), {"one": [], "two": ["b"]})

    def test_bench(self):
        self.assertEqual(run.ended("bench", "# begin bench\na 1\n\n# end bench 0 9.1\n"), [])
        self.assertEqual(run.ended("bench", "# begin bench\na 1\n\n# end bench 1 9.1\n"),
                         ["bench: exit status 1"])
        self.assertEqual(run.ended("bench", "# begin bench\na 1\n"),
                         ["bench did not come to its end"])

    def test_all_is_skipped(self):
        suite, = run.blocks("# begin one\n1..0 # SKIP no device\n\n# end one 4 1.0\n")
        self.assertEqual((suite.failed, suite.skipped), ([], ["no device"]))
