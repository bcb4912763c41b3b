# SPDX-License-Identifier: GPL-2.0
"""The ordered list of steps, patches/steps, whose head says what its lines mean.

An overlay file is what it is after the last step.  What earlier steps need of it
besides is a patch on overlay files, see `with` and `without` there.
"""

import filecmp
import os
import re
import shutil
import subprocess
import sys
import tempfile

from tools.lib.environment import REPO


class Step:
    """One line of patches/steps with the overlay files named below it."""

    def __init__(self, also, kind, name):
        self.also = bool(also)          # part of the step before
        self.kind = kind                # "patch", "cocci" or "files"
        self.name = name
        self.topic = ""                 # that begins with this step
        self.files = []                 # paths, the same in the repository and in the tree
        self.changes = []               # ("with" or "without", patch on overlay files)

    @property
    def source(self):
        folder = "tools/series/cocci" if self.kind == "cocci" else "patches"
        return os.path.join(REPO, folder, self.name)

    def add(self, line):
        """Take one indented line: the path of a file, or a change."""
        change = re.fullmatch(r"(with|without)\s+(\S+[.]patch)", line)
        if change:
            self.changes.append(change.groups())
        elif os.path.isfile(os.path.join(REPO, line)):
            self.files.append(line)
        else:
            sys.exit(f"patches/steps: {self.name}: no such file: {line}")

    def message(self):
        """The mail-like header: (subject, body)."""
        with open(self.source) as file:
            text = file.read()
        if self.kind == "cocci":
            text = "\n".join(line[3:].strip() for line in text.splitlines()
                             if line.startswith("///"))
        text = re.split(r"^(?:---|diff |Index: )", text, maxsplit=1, flags=re.M)[0]
        match = re.search(r"^Subject:[ \t]*(.*(?:\n[ \t]+\S.*)*)$", text, re.M)
        if not match:
            sys.exit(f"{self.source}: no Subject: line")
        _, _, body = text[match.start():].partition("\n\n")
        return " ".join(match[1].split()), body.strip()


def read_steps():
    """All steps in order; none if there is no list."""
    path = os.path.join(REPO, "patches/steps")
    steps, topic = [], ""
    if not os.path.exists(path):
        return steps
    with open(path) as file:
        for number, raw in enumerate(file, 1):
            line = raw.split("#")[0].rstrip()
            if not line:
                continue
            if line[0].isspace() and steps:
                steps[-1].add(line.strip())
                continue
            if line.startswith("topic "):
                topic = line.split(maxsplit=1)[1]
                continue
            match = re.fullmatch(r"(also\s+)?(patch|cocci|files)\s+(\S+)", line)
            if not match or (match[1] and not steps):
                sys.exit(f"patches/steps:{number}: cannot read: {line}")
            steps.append(Step(*match.groups()))
            steps[-1].topic, topic = topic, ""
    return steps


def hooks(steps):
    """The steps that change files of the kernel; the others only bring in files of ours."""
    return [step for step in steps if step.kind != "files"]


def apply(source, folder):
    """Apply a patch without fuzz; what patch says, and its status."""
    return subprocess.run(["patch", "-p1", "--fuzz=0", "--force", "--no-backup-if-mismatch",
                           "-d", folder, "-i", source], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def patched(name, files):
    """Overlay files as the patch NAME makes them: {path in the tree: generated file}."""
    source = os.path.join(REPO, "patches", name)
    with open(source) as file:
        touched = re.findall(r"^\+\+\+ b/(\S+)", file.read(), re.M)
    made = {path: os.path.join(REPO, "build/overlay", name, path) for path in touched}
    with tempfile.TemporaryDirectory() as folder:
        for path in touched:
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            if path in files:
                shutil.copyfile(files[path], os.path.join(folder, path))
        run = apply(source, folder)
        if run.returncode:
            sys.exit(f"{run.stdout}{name} does not apply to our files any more")
        for path, out in made.items():
            new = os.path.join(folder, path)
            os.makedirs(os.path.dirname(out), exist_ok=True)
            if not os.path.exists(out) or not filecmp.cmp(new, out, shallow=False):
                shutil.copyfile(new, out)
    return made


def overlays(steps):
    """The overlay files after STEPS: {path in the tree: file to take}."""
    files = {path: os.path.join(REPO, path) for step in steps for path in step.files}
    active = []
    for step in steps:
        for word, name in step.changes:
            active = active + [name] if word == "with" else [old for old in active if old != name]
    for name in active:
        files.update(patched(name, files))
    return files


def first_steps(steps, count):
    """The first COUNT steps, each with all that it also applies."""
    if count is None:
        return steps
    ends = [i for i, step in enumerate(steps) if not step.also] + [len(steps)]
    return steps[:ends[min(count, len(ends) - 1)]]
