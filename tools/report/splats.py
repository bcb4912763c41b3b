# SPDX-License-Identifier: GPL-2.0
"""Find what a kernel log must not have.

A test that provokes a report announces it in the log (by way of /dev/kmsg):
"expect-splat: begin PATTERN" and, afterwards, "expect-splat: end".  Reports
between the two that match PATTERN (a regular expression) are fine, and there
must be one.  Reports that the unpatched kernel gives as well are named in
tools/report/known-reports.
"""

import os
import re

BAD = re.compile("|".join((
    r"BUG:", r"kernel BUG at", r"WARNING:", r"KASAN:", r"UBSAN:", r"Oops", r"Kernel panic",
    r"general protection", r"possible circular locking", r"INFO: possible",
    r"inconsistent lock state", r"possible recursive locking", r"suspicious RCU usage",
    r"lockdep is turned off", r"turning off the locking correctness validator",
    r"INFO: trying to register non-static key",
    r"sleeping function called", r"INFO: task .* blocked",
    r"rcu.*detected.*stall", r"RCU stall", r"soft lockup", r"hard LOCKUP", r"refcount_t:",
    r"ODEBUG: (?!selftest)",
    r"sysfs: cannot create duplicate filename", r"kobject \(.*\): tried to init an initialized object",
    r"irq \d+: nobody cared",
    r"DMA-API:(?! (preallocated|debugging enabled))",
    r"guest: leak: unreferenced", r"kmemleak: .*(disabled|exceeded|[Cc]annot)",
    r"Out of memory:", r"Bad page",
)))
STAMP = re.compile(r"^\[ *\d+\.\d+\](\[[^\]]*\])? ?")
BAR = re.compile(r"={50,}$")        # above and below a report of KASAN or KCSAN
LEAK = "guest: leak: unreferenced"
ASKED = re.compile(r"^(Kernel c|C)ommand line:.* kmemleak=off\b")
OFF = "kmemleak: Kernel memory leak detector disabled"
LINES = 45      # of one report
KNOWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "known-reports")


def known():
    with open(KNOWN) as file:
        return [re.compile(line.strip()) for line in file if line.strip() and line[0] != "#"]


def find(log):
    """The unexpected reports in the text of a kernel log, each a list of lines."""
    found, lines = [], [STAMP.sub("", line) for line in log.splitlines()]
    if any(ASKED.search(line) for line in lines):
        lines = [line for line in lines if line != OFF]
    expected, seen, last = None, False, -LINES
    for number, line in enumerate(lines):
        if "expect-splat: begin" in line:
            expected, seen = line.split("expect-splat: begin", 1)[1].strip(), False
        elif "expect-splat: end" in line:
            if expected and not seen:
                found.append([f"expected, but did not come: {expected}"])
            expected, last = None, -LINES
        elif BAR.match(line):
            last = -LINES
        elif BAD.search(line):
            if expected and re.search(expected, line):
                seen, last = True, number
            elif LEAK in line or number - last >= LINES or "---[ end trace" in "".join(lines[last:number]):
                found.append(lines[number:number + LINES])
                last = number
    if expected and not seen:
        found.append([f"expected, but did not come: {expected}"])
    reports = [trim(report) for report in found]
    patterns = known()
    return [report for report in reports
            if not any(pattern.search("\n".join(report)) for pattern in patterns)]


def trim(report):
    """Cut a report at its end mark, a leak before the next one."""
    for number, line in enumerate(report[1:], 1):
        if "---[ end trace" in line or LEAK in line or BAR.match(line) or \
                (line.startswith("guest: ") and "guest: leak:" not in line):
            return report[:number]
    return report
