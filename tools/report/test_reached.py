# SPDX-License-Identifier: GPL-2.0
"""Tests of what is said of places that random programs have not reached."""

import contextlib
import io

from tools.lib import tool_module
from tools.lib.testing import Case

reached = tool_module.load("report/reached")


class Step:
    files = ["drivers/vfio/pci/a.c", "drivers/dma-buf/b.c", "include/linux/c.h"]


class Reached(Case):
    def setUp(self):
        super().setUp()
        self.patch(reached, "read_steps", lambda: [Step])
        self.patch(reached, "all_places", lambda vmlinux: [1, 2, 3, 4, 5])
        self.patch(reached, "sources", lambda vmlinux, places: {
            1: ("/k/drivers/vfio/pci/a.c", "open"), 2: ("/k/drivers/vfio/pci/a.c", "open"),
            3: ("/k/drivers/vfio/pci/a.c", "close"), 4: ("/k/drivers/dma-buf/b.c", "work"),
            5: ("/k/mm/gup.c", "pin")})

    def told(self, pcs, reasons):
        self.patch(reached, "REASONS", self.put("reasons", reasons))
        said = self.put("said.results", "".join(f"# pc {pc:#x}\r\n" for pc in pcs))
        self.patch(reached.sys, "argv", ["reached", "reached-x", "vmlinux", said])
        self.patch(reached.results, "LOG", self.top)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            status = reached.main()
        [self.suite] = reached.results.load("reached-x")
        return status, out.getvalue().splitlines()

    def test_all_known(self):
        status, lines = self.told([2, 5], "# Why\nclose\tnobody closes\nb.c  a worker\n")
        self.assertEqual(status, 0)
        self.assertEqual(lines, ["drivers/dma-buf/b.c: 0 of 1 places", "   work: a worker",
                                 "drivers/vfio/pci/a.c: 1 of 3 places",
                                 "   close: nobody closes",
                                 "all: 1 of 4 places, 25 %"])
        self.assertEqual((self.suite.passed, self.suite.failed), (3, []))

    def test_unknown(self):
        status, lines = self.told([2], "b.c a worker\n")
        self.assertEqual(status, 1)
        self.assertIn("   close: not reached", lines)
        self.assertEqual((self.suite.passed, self.suite.failed), (2, ["close"]))

    def test_nothing(self):
        self.assertEqual(self.told([], "b.c a worker\na.c never\n")[0], 1)
        self.assertEqual(self.suite.failed, ["nothing was reached"])
