# SPDX-License-Identifier: GPL-2.0
"""Test results: parsing (K)TAP, keeping them in build/log/, the table."""

import json
import os
import re

from tools.lib.environment import REPO

LOG = os.path.join(REPO, "build/log")
LINE = re.compile(r"^( *)(not ok|ok|skip)\b[ \d]*(?:- )?(.*)$")
SUBTEST = re.compile(r"^( *)# Subtest: (.*)$")
PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#\s*SKIP\b(.*))?$", re.I)
BAIL = re.compile(r"^ *Bail out!")


class Suite:
    def __init__(self, name, seconds=0.0, **kept):
        self.name, self.seconds = name, seconds
        self.passed = kept.get("passed", 0)
        self.failed = kept.get("failed", [])    # texts
        self.skipped = kept.get("skipped", [])  # texts

    def fail(self, text):
        self.failed.append(text)

    def take(self, lines):
        """Count the results in the lines of a test's output; a parent's line is not one."""
        plan = None
        for line in lines:
            planned = PLAN.match(line)
            if planned and planned[2] is not None:
                self.skipped.append(planned[2].strip() or "all of it")
            elif planned:
                plan = (plan or 0) + int(planned[1])
            elif BAIL.match(line):
                self.fail(line.strip())
        for _, word, text in leaves(lines):
            self.count(word, text)
        seen = sum(bool(match and not match[1]) for match in map(LINE.match, lines))
        if plan is not None and plan != seen:
            self.fail(f"{seen} results of the {plan} that were planned")

    def count(self, word, text):
        if word == "skip" or re.search(r"# *SKIP\b", text, re.I):
            self.skipped.append(text)
        elif word == "ok":
            self.passed += 1
        else:
            self.fail(text or "(no name)")

    @property
    def total(self):
        return self.passed + len(self.failed) + len(self.skipped)


def leaves(lines):
    """(names of its parents, result, words) of each test without parts.

    A parent that fails though no part of it does is one as well.
    """
    parents, deeper = [], []        # (depth, name), (depth, failed)
    for line in lines:
        subtest, match = SUBTEST.match(line), LINE.match(line)
        if subtest:
            parents = [entry for entry in parents if entry[0] < len(subtest[1])]
            parents.append((len(subtest[1]), subtest[2]))
        if not match:
            continue
        depth, bad = len(match[1]), match[2] == "not ok"
        children = [failed for at, failed in deeper if at > depth]
        parents = [entry for entry in parents if entry[0] <= depth]
        deeper = [entry for entry in deeper if entry[0] <= depth]
        if not children or (bad and not any(children)):
            yield [name for _, name in parents], match[2], match[3]
        deeper.append((depth, bad or any(children)))


def path(name, kind="json"):
    """A file that NAME leaves."""
    return os.path.join(LOG, f"{name}.{kind}")


def read(file):
    """The text of a log or of results, which can have the line endings of a serial port."""
    with open(file, errors="replace") as text:
        return text.read().replace("\r", "")


def forget(name):
    """Take away what an earlier run of NAME has left."""
    for kind in "json", "kunit.json", "log", "results":
        if os.path.exists(path(name, kind)):
            os.unlink(path(name, kind))


def save(name, suites):
    os.makedirs(LOG, exist_ok=True)
    with open(path(name), "w") as file:
        json.dump([vars(suite) for suite in suites], file, indent=1)


def saved(name):
    return os.path.exists(path(name))


def load(name):
    """The suites of NAME; one that failed, if it has left none."""
    if not saved(name):
        return [Suite(name, failed=["gave no results; see above"])]
    with open(path(name)) as file:
        return [Suite(**entry) for entry in json.load(file)]


def table(suites):
    """The table, the failures, and the last line."""
    width = max([len(suite.name) for suite in suites] + [5])
    lines = [f"{'suite':{width}}  passed  failed  skipped    time"]
    for suite in suites:
        lines.append(f"{suite.name:{width}}  {suite.passed:6}  {len(suite.failed):6}  "
                     f"{len(suite.skipped):7}  {suite.seconds:5.0f} s")
    for suite in suites:
        lines += [f"skipped: {suite.name}: {text}" for text in suite.skipped]
    for suite in suites:
        lines += [f"FAILED: {suite.name}: {text}" for text in suite.failed]
    return "\n".join([*lines, counts(suites)])


def counts(suites):
    passed = sum(suite.passed for suite in suites)
    failed = sum(len(suite.failed) for suite in suites)
    skipped = sum(len(suite.skipped) for suite in suites)
    return f"{passed} passed, {failed} failed, {skipped} skipped"
