# SPDX-License-Identifier: GPL-2.0
"""Parts of a run that run at the same time, with a running total.

A part is a name, a command that leaves its results in build/log/NAME.json, and
where it runs: parts that compile use all CPUs and run one after the other, a
guest keeps one or two CPUs busy.  When nothing is left to compile, GUESTS of them
run at once, and one less before.  A guest's output is printed at its end.

How long each part took is kept in build/seconds.json, so that the next run can
print how long it will take.
"""

import collections
import json
import os
import subprocess
import threading
import time

from tools.lib.environment import REPO
from tools.report import results

Part = collections.namedtuple("Part", "name command guest", defaults=(False,))
SECONDS = os.path.join(REPO, "build/seconds.json")


def known():
    """{part: the seconds that it took last time}"""
    try:
        with open(SECONDS) as file:
            return json.load(file)
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def minutes(seconds):
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


class Schedule:
    def __init__(self, parts, run=None, guests=0):
        self.guests = guests or int(os.environ.get("GUESTS") or max(2, os.cpu_count() // 2))
        self.parts, self.start = parts, time.monotonic()
        self.run = run or self.run_part
        self.took, self.before = {}, known()
        self.over = threading.Lock()
        self.waiting = {guest: collections.deque(part for part in parts if part.guest == guest)
                        for guest in (False, True)}

    def elapsed(self):
        return time.monotonic() - self.start

    def left(self):
        """About how many seconds there still are; None if that is not known."""
        left = [part for part in self.parts if part.name not in self.took]
        if not all(part.name in self.before for part in left):
            return None
        host = sum(self.before[part.name] for part in left if not part.guest)
        guests = [self.before[part.name] for part in left if part.guest]
        return max(host, (host + sum(guests)) / self.guests, *guests, 0)

    def so_far(self, part):
        """The line at the end of a part."""
        counts = results.counts([suite for name in self.took for suite in results.load(name)])
        left = self.left()
        rest = f"; about {minutes(left)} to go" if left else ""
        return (f"== {len(self.took)} of {len(self.parts)} parts: {part.name} took "
                f"{minutes(self.took[part.name])}; {counts} after {minutes(self.elapsed())}{rest}")

    @staticmethod
    def run_part(part, quiet):
        """Run one; returns its output, if it is to be quiet."""
        command = [os.path.join(REPO, "tools/report/run-part"), part.name, *part.command]
        made = subprocess.run(command, text=True, errors="replace", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE if quiet else None,
                              stderr=subprocess.STDOUT if quiet else None)
        return made.stdout or ""

    def work(self, kinds):
        """Run what is waiting of these kinds, those of the first kind first."""
        for guest in kinds:
            while self.waiting[guest]:
                try:
                    part = self.waiting[guest].popleft()
                except IndexError:
                    break       # the other one took it
                start = time.monotonic()
                said = self.run(part, guest)
                with self.over:
                    self.took[part.name] = time.monotonic() - start
                    print(said, end="")
                    print(self.so_far(part), flush=True)

    def go(self):
        """Run all."""
        # They are not waited for when this run is interrupted.
        beside = [threading.Thread(target=self.work, args=((True,),), daemon=True)
                  for _ in range(self.guests - 1)]
        for thread in beside:
            thread.start()
        self.work((False, True))
        for thread in beside:
            thread.join()
        os.makedirs(os.path.dirname(SECONDS), exist_ok=True)
        with open(SECONDS + ".new", "w") as file:
            json.dump({**self.before, **self.took}, file, indent=1)
        os.replace(SECONDS + ".new", SECONDS)
