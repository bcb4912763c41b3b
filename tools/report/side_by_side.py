# SPDX-License-Identifier: GPL-2.0
"""Two runs of the same tests, on the unpatched kernel and on ours, compared.

A test that passes unpatched has to pass.  A test that fails or is skipped unpatched
is reported as skipped if it does so on ours.  A test that only one of them has
fails unless it is a new one and passes.
"""

import re

from tools.report import results

# The values that a test saw, where its message contains them.
SEEN = re.compile(r"^# seen: (.*)$")
# The place in the kernel in a report: functions, without what the compiler adds.
RIP = re.compile(r"RIP: 0010:(\w+)")
FRAME = re.compile(r"^(?:guest: leak:)? *(?:\[<[0-9a-f]+>\] *)?(\w+)[\w.]*\+0x[0-9a-f]+")
FRAMES = 3
# A busy host causes these, wherever the kernel is.
ANYWHERE = re.compile(r"stall|soft lockup|hard LOCKUP")
# These are at the top of every stack.
SAYS_SO = re.compile(r"_*(dump_stack|show_stack|print_|kasan_|kmemleak_|might_|k\w*alloc|kmem_cache_|"
                     r"lock_acquire|(ww_)?mutex_|down_|raw_\w*lock)")


def blocks(text):
    """Names and lines of the tests in a results file of tools/guest/run."""
    for match in re.finditer(r"^# begin (\S+)$(.*?)^# end \1 \d+ ", text, re.M | re.S):
        yield match[1], match[2].split("\n")


def leaves(lines):
    """The results in (K)TAP: name, with those of its parents; result; then what was seen."""
    for parents, word, text in results.leaves(lines):
        name, _, comment = text.partition("#")
        skip = re.match(r" *SKIP *", comment, re.I)
        # A kselftest says why it skips, and no name.
        name = name.strip() or (comment[skip.end():] if skip else "")
        yield ".".join([*parents, name]), "skip" if skip else word
    yield from ((seen[1], "ok") for seen in map(SEEN.match, lines) if seen)


def numbered(found, pairs):
    """Add PAIRS of name and result to FOUND, with a number if the name is there already."""
    for leaf, word in pairs:
        count, unique = 2, leaf
        while unique in found:
            unique = f"{leaf} ({count})"
            count += 1
        found[unique] = word
    return found


def read(path, wanted):
    """{name: result} of the test WANTED in a results file."""
    found = {}
    for name, lines in blocks(results.read(path)):
        if name == wanted:
            numbered(found, leaves(lines))
    return found


def compare(suite, before, after, count=None):
    """Judge AFTER by BEFORE, both results of read().

    With COUNT, BEFORE has only those of so many results that did not pass.
    """
    for name, word in after.items():
        was = before.get(name, "no result" if count is None else "not listed")
        if word == "ok":
            suite.count("ok", name)
        elif word == was or (word, was) == ("skip", "not ok"):
            suite.count("skip", f"{name} ({word}, unpatched as well)")
        else:
            suite.fail(f"{name} ({word}, unpatched: {was})")
    for name, was in before.items():
        if name not in after and was == "ok":
            suite.fail(f"{name} (no result, unpatched: ok)")
    if len(after) < (count or 0):
        suite.fail(f"{len(after)} results, unpatched: {count}")
    if not (before or count) or not after:
        suite.fail("one of the kernels gave no results")


def statuses(path):
    """{test: exit status} of the tests whose end is in a results file."""
    ends = re.findall(r"^# end (\S+) (\d+) ", results.read(path), re.M)
    return {name: int(status) for name, status in ends}


def compare_status(suite, test, before, after):
    """Judge how TEST ended, BEFORE and AFTER being results of statuses()."""
    status, was = (found.get(test, "none") for found in (after, before))
    if status not in (0, was):
        suite.fail(f"exit status {status} (unpatched: {was})")


def shape(line):
    """A line without the parts that change from build to build and from run to run."""
    return re.sub(r"0x[0-9a-f]+|\d+", "N", line)


def fingerprint(report):
    """The shape of a report's first line, and the place in the kernel."""
    if ANYWHERE.search(report[0]):
        return (shape(report[0]),)
    at = [match[1] for match in map(RIP.search, report) if match][:1]
    return (shape(report[0]), *(at or top(report[1:])))


def top(lines):
    """The first functions of the first stack."""
    found = []
    for line in lines:
        match = FRAME.match(line)
        if match and not SAYS_SO.match(match[1]):
            found.append(match[1])
        elif found and not match and not line.lstrip().startswith(("?", "<")):
            break
    return found[:FRAMES]
