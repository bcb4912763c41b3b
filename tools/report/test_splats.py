# SPDX-License-Identifier: GPL-2.0
"""Tests of what counts as a report of a checker."""

import unittest

from tools.report import splats


class Splats(unittest.TestCase):
    LOG = "[    1.0] fine\n[    2.0] BUG: KASAN: bad in f+0x1\n[    2.1] more\n"

    def test_clean(self):
        self.assertEqual(splats.find("[ 1.0] DMA-API: preallocated 65536 debug entries\n"
                                     "[ 1.1] [Firmware Bug]: TSC\n"), [])

    def test_found(self):
        self.assertEqual(splats.find(self.LOG)[0][0], "BUG: KASAN: bad in f+0x1")

    def test_kmemleak_off(self):
        off = "[ 0.5] kmemleak: Kernel memory leak detector disabled\n"
        self.assertEqual(len(splats.find("[ 0.0] Command line: limit=9\n" + off)), 1)
        self.assertEqual(splats.find("[ 0.0] Command line: limit=9 kmemleak=off\n" + off), [])
        self.assertEqual(splats.find("[ 0.0] Kernel command line: kmemleak=off\n" + off), [])

    def test_two_reports(self):
        end = "---[ end trace 0 ]---\n"
        self.assertEqual(len(splats.find(self.LOG + end + self.LOG)), 2)

    def test_expected(self):
        log = f"expect-splat: begin KASAN: bad in f\n{self.LOG}expect-splat: end\n"
        self.assertEqual(splats.find(log), [])

    def test_expected_is_another(self):
        log = f"expect-splat: begin refcount_t\n{self.LOG}expect-splat: end\n"
        self.assertEqual(len(splats.find(log)), 2)

    def test_expected_did_not_come(self):
        self.assertIn("did not come", splats.find("expect-splat: begin x\nexpect-splat: end")[0][0])

    def test_after_the_end(self):
        log = f"expect-splat: begin KASAN\n{self.LOG}expect-splat: end\n{self.LOG}"
        self.assertEqual(len(splats.find(log)), 1)

    def test_each_leak(self):
        leak = "guest: leak: unreferenced object 0x1\nguest: leak:   f+0x1\n"
        self.assertEqual([len(report) for report in splats.find(3 * leak)], [2, 2, 2])

    def test_between_bars(self):
        bar = 66 * "=" + "\n"
        race = f"{bar}BUG: KCSAN: data-race in f / g\nread\n{bar}"
        self.assertEqual([len(report) for report in splats.find(2 * race)], [2, 2])
        self.assertEqual(len(splats.find(race + "WARNING: at h\n")), 2)

    def test_known(self):
        leak = "guest: leak: unreferenced object 0x1\nguest: leak:  comm \"iommufd_fail_nt\"\n" \
               "guest: leak: dev_iommu_get+0x1\nguest: leak: iommu_mock_device_add+0x1\n"
        other = leak.replace("mock_device", "other")
        self.assertEqual(len(splats.find(leak + other + leak)), 1)

    def test_every_kind(self):
        for line in ("WARNING: CPU: 0 PID: 1", "refcount_t: underflow", "DMA-API: x: unfreed",
                     "general protection fault", "WARNING: possible circular locking dependency",
                     "BUG: sleeping function called from invalid context", "Oops: 0000 [#1]",
                     "guest: leak: unreferenced object 0xff", "UBSAN: shift-out-of-bounds",
                     "rcu: INFO: rcu_sched self-detected stall on CPU",
                     "rcu: INFO: rcu_sched detected stalls on CPUs/tasks",
                     "INFO: trying to register non-static key.",
                     "turning off the locking correctness validator.",
                     "guest: lockdep is turned off: nobody has looked at locks since",
                     "CPU0: Watchdog detected hard LOCKUP on cpu 0",
                     "BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!",
                     "ODEBUG: Out of memory. ODEBUG disabled",
                     "sysfs: cannot create duplicate filename '/class/x'",
                     "kobject (00000000a1b2c3d4): tried to init an initialized object, "
                     "something is seriously wrong.",
                     "irq 16: nobody cared (try booting with the \"irqpoll\" option)"):
            self.assertTrue(splats.find(line), line)
