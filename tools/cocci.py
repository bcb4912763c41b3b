# SPDX-License-Identifier: GPL-2.0
"""Semantic patches (tools/cocci/*.cocci): which files they are for, and what they make of them.

Two comments at the top of a semantic patch say where it is to be run:
`// Directories:` names folders of a kernel tree, `// Files:` is an extended
regular expression that a file has to contain.  Without them it is drivers/,
and every C file there.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WIDTH = 80
# A second line would not be part of the directive, of the macro, or of the comment.
ONE_LINE = re.compile(r"\s*#|.*(?://|/\*|\\\s*$)")


def where(source):
    """Folders and pattern of the semantic patch in the file SOURCE."""
    folders, pattern = ["drivers"], ""
    with open(source) as file:
        for line in file:
            if line.startswith("// Directories:"):
                folders = line.split(":", 1)[1].split()
            elif line.startswith("// Files:"):
                pattern = line.split(":", 1)[1].strip()
    return folders, pattern


def candidates(source, top, folders=None):
    """C files below TOP, as paths relative to it, that SOURCE is for.  Links are not followed."""
    wanted, pattern = where(source)
    found = [folder for folder in folders or wanted if os.path.exists(os.path.join(top, folder))]
    if not found:
        return []
    run = subprocess.run(["grep", "-rlE", "--include=*.[ch]", "--exclude-dir=.?*", "--",
                          pattern, *found], cwd=top, text=True, stdout=subprocess.PIPE)
    if run.returncode > 1:
        sys.exit(f"cannot search {top}")
    return sorted(os.path.normpath(path) for path in run.stdout.splitlines())


def columns(line):
    return len(line.rstrip("\n").expandtabs(8))


def spaces(width):
    return "\t" * (width // 8) + " " * (width % 8)


def fold(line):
    """A line that got too wide, in two: behind a comma, in line with the innermost bracket."""
    if columns(line) <= WIDTH or ONE_LINE.match(line):
        return [line]
    open_at, best = [], None
    for at, char in enumerate(line):
        if char == "(":
            open_at.append(columns(line[:at + 1]))
        elif char == ")" and open_at:
            open_at.pop()
        elif char == '"':
            break           # strings stay together
        elif line[at:at + 2] == ", " and open_at and columns(line[:at + 1]) <= WIDTH:
            best = (at + 1, open_at[-1])
    if not best:
        return [line]
    at, indent = best
    return [line[:at] + "\n", *fold(spaces(indent) + line[at + 1:])]


def tidy(before, after):
    """Without the empty lines that spatch leaves where it took something out."""
    lines = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, _, _, start, end in matcher.get_opcodes():
        for at, line in enumerate(after[start:end], start):
            if kind == "equal" or at and after[at - 1].rstrip().endswith("\\"):
                lines.append(line)
            elif line.strip() or line == "\n":
                lines += fold(line)
    return lines


def spatch(source, folder, jobs, what):
    run = subprocess.run(["spatch", "--very-quiet", "--include-headers", "-j", str(jobs),
                          "--sp-file", source, *what, "--in-place"],
                         cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode:
        sys.exit(f"{run.stderr}spatch failed with {os.path.basename(source)}")


def with_types(folder, paths, headers):
    """Options for the files PATHS of FOLDER, with what HEADERS there declare."""
    groups = os.path.join(folder, "groups")
    with open(groups, "w") as file:
        file.write("\n\n".join(os.path.join(folder, path) for path in paths))
    places = {os.path.dirname(os.path.join(folder, path)) for path in headers}
    # Files without a word of the semantic patch are left out otherwise: a header may have it.
    return ["--file-groups", groups, "--disable-worth-trying-opt", "--recursive-includes",
            "--include-headers-for-types", *(arg for place in sorted(places)
                                             for arg in ("-I", place))]


def convert(source, top, paths, headers=None):
    """{path: new text} for those of PATHS below TOP that the semantic patch changes.

    With HEADERS, of a driver, their types are known in all of PATHS.
    """
    changed = {}
    if not paths:
        return changed
    with tempfile.TemporaryDirectory() as folder:
        for path in {*paths, *(headers or ())}:
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            shutil.copyfile(os.path.join(top, path), os.path.join(folder, path))
        spatch(source, folder, os.cpu_count() or 1,
               ["--dir", folder] if headers is None else with_types(folder, paths, headers))
        for path in paths:
            with open(os.path.join(top, path), errors="surrogateescape") as file:
                before = file.readlines()
            with open(os.path.join(folder, path), errors="surrogateescape") as file:
                after = file.readlines()
            if before != after:
                changed[path] = "".join(tidy(before, after))
    return changed


def diff(top, path, text):
    """The change of one file as a patch with -p1."""
    run = subprocess.run(["diff", "-up", f"--label=a/{path}", f"--label=b/{path}",
                          os.path.join(top, path), "-"], input=text, text=True,
                         errors="surrogateescape", stdout=subprocess.PIPE)
    return run.stdout
