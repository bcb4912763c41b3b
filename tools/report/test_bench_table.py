# SPDX-License-Identifier: GPL-2.0
"""Tests of what the table of the benchmark fails for."""

import contextlib
import io
from unittest import mock

from tools.lib import tool_module
from tools.lib.testing import Case

table = tool_module.load("report/bench-table")

# What /bench says on the unpatched kernel
CANNOT = ["import+unmap, 16 ranges", "import+unmap, 256 ranges", "import+unmap, 4096 ranges",
          "slice", "4096-range slice", "revoke"]
NEW = [name for name in table.NAMES if any(table.is_one_of(name, what) for what in CANNOT)]
SAME = {name: 1000 for name in table.NAMES}


def without(lines, *names):
    return {name: count for name, count in lines.items() if name not in names}


def text(lines, cannot=()):
    return "# begin bench\r\n" + "".join(f"{name:36} {count}\r\n" for name, count in lines.items()) + \
        "".join(f"# {name}: not on this kernel\r\n" for name in cannot) + "\n# end bench 0 9.1\r\n"


class BenchTable(Case):
    def failed(self, before, after, *options):
        """What is said to have failed."""
        paths = [self.put("before", before), self.put("after", after)]
        with mock.patch("sys.argv", ["bench-table", *options, *paths]), \
                contextlib.redirect_stdout(io.StringIO()) as said:
            status = table.main()
        found = [line for line in said.getvalue().splitlines() if line.startswith("FAILED: ")]
        self.assertEqual(status, 1 if found else 0)
        return [line.removeprefix("FAILED: ") for line in found]

    def test_same(self):
        self.assertEqual(len(NEW), 19)
        self.assertEqual(self.failed(text(SAME), text(SAME)), [])
        self.assertEqual(self.failed(text(without(SAME, *NEW), CANNOT), text(SAME)), [])

    def test_line_is_lost(self):
        self.assertEqual(self.failed(text(SAME), text(without(SAME, "BAR page fault"))),
                         ["ours has no line: BAR page fault"])
        self.assertEqual(self.failed(text(without(SAME, "SGT attach+map, 16")), text(SAME)),
                         ["the unpatched kernel has no line: SGT attach+map, 16"])

    def test_ours_cannot(self):
        found = self.failed(text(SAME), text(without(SAME, *NEW), CANNOT))
        self.assertEqual(found, [f"ours has no line: {name}" for name in NEW])

    def test_nothing(self):
        self.assertEqual(len(self.failed("", "")), 2 * len(table.NAMES))

    def test_scatterlists(self):
        name = "SGT attach+map, vgem"
        self.assertEqual(self.failed(text(SAME), text({**SAME, name: 1035})), [])
        self.assertEqual(self.failed(text(SAME), text({**SAME, name: 1036})),
                         [f"above 1.035 times the unpatched kernel: {name}"])

    def test_by_address(self):
        name = "MAP+unmap of a BAR, 4 KiB"
        old = without(SAME, *(name for name in SAME if name.startswith("MAP+unmap of a BAR")))
        self.assertEqual(self.failed(text(old, ["MAP+unmap of a BAR"]),
                                     text({**SAME, name: 1100})), [])
        self.assertEqual(self.failed(text(old, ["MAP+unmap of a BAR"]),
                                     text({**SAME, name: 1101})),
                         [f"above 1.1 times MAP_FILE+unmap, 4 KiB: {name}"])

    def test_blobs(self):
        same = {name: 1000 for name in table.BLOBS}
        evicts = "blob access that evicts"
        self.assertEqual(self.failed(text(without(same, evicts), [evicts]), text(same), "--blobs"), [])
        self.assertEqual(self.failed(text(same), text(without(same, evicts)), "--blobs"),
                         [f"ours has no line: {evicts}"])
        for first in ("blob first mmap+access", "blob first mmap+access, all of 8 MiB"):
            self.assertEqual(self.failed(text(same), text({**same, first: 1100}), "--blobs"), [])
            self.assertEqual(self.failed(text(same), text({**same, first: 1101}), "--blobs"),
                             [f"above 1.1 times the unpatched kernel: {first}"])

    def test_no_reason(self):
        name = "BAR huge fault, 2 MiB"
        self.assertEqual(self.failed(text(SAME), text({**SAME, name: 1020})), [])
        self.assertEqual(self.failed(text(SAME), text({**SAME, name: 1021})),
                         [f"above 1.02 times the unpatched kernel: {name}"])

    def test_more_has_a_reason(self):
        for name, (limit, reason) in table.LIMITS.items():
            self.assertEqual(limit > table.LIMIT, bool(reason), name)

    def test_less_than_nothing(self):
        self.assertEqual(self.failed(text(SAME), text({**SAME, "slice page fault": -3})), [])
