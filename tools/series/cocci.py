# SPDX-License-Identifier: GPL-2.0
"""Semantic patches (tools/series/cocci/*.cocci): the files that they are for, and their results.

Two comments at the top of a semantic patch say where to run it: `// Directories:`
names folders of a kernel tree, `// Files:` is an extended regular expression that a
file has to contain.  Without them it runs on every C file in drivers/.
"""

import difflib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile

WIDTH = 80
# A second line would not be part of the directive, of the macro, or of the comment.
ONE_LINE = re.compile(r"\s*#|.*(?://|/\*|\\\s*$)")


def where(source):
    """Folders and pattern in the semantic patch SOURCE."""
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
    """Split a line that got too wide: after a comma, aligned with the innermost bracket."""
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
    """Remove the empty lines that spatch leaves where it removed something."""
    lines = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, _, _, start, end in matcher.get_opcodes():
        for at, line in enumerate(after[start:end], start):
            if kind == "equal" or at and after[at - 1].rstrip().endswith("\\"):
                lines.append(line)
            elif line.strip() or line == "\n":
                lines += fold(line)
    return lines


def spatch(source, folder, *what):
    run = subprocess.run(["spatch", "--very-quiet", "--include-headers", "-j",
                          str(os.cpu_count() or 1), "--sp-file", source, *what],
                         cwd=folder, text=True, errors="replace", stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    if run.returncode:
        sys.exit(f"{run.stderr}spatch failed with {os.path.basename(source)}")
    return run.stdout


def with_types(folder, paths, headers):
    """Options for the files PATHS of FOLDER, with the declarations of HEADERS there."""
    groups = os.path.join(folder, "groups")
    with open(groups, "w") as file:
        file.write("\n\n".join(os.path.join(folder, path) for path in paths))
    places = {os.path.dirname(os.path.join(folder, path)) for path in headers}
    # spatch skips files without a word of the semantic patch; a header may have the word.
    return ["--file-groups", groups, "--disable-worth-trying-opt", "--recursive-includes",
            "--include-headers-for-types", *(arg for place in sorted(places)
                                             for arg in ("-I", place))]


def plain(paths):
    """{path: name without characters that confuse the shell that spatch starts}"""
    names = {}
    for path in sorted(paths):
        name = re.sub(r"[^\w./+-]", "_", path)
        while name in names.values():
            name += "_" + os.path.basename(name)
        names[path] = name
    return names


def keep_endings(raw, before, text):
    """TEXT with the line endings of RAW, which has those of DOS; BEFORE is RAW without them."""
    raw, after, lines = io.StringIO(raw, newline="").readlines(), text.splitlines(True), []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, old, old_end, start, end in matcher.get_opcodes():
        lines += raw[old:old_end] if kind == "equal" else \
            [line.replace("\n", "\r\n") for line in after[start:end]]
    return "".join(lines)


def convert(source, top, paths):
    """{path: new text} for those of PATHS below TOP that the semantic patch changes."""
    changed = {}
    if not paths:
        return changed
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            shutil.copyfile(os.path.join(top, path), os.path.join(folder, path))
        spatch(source, folder, "--dir", folder, "--in-place")
        for path in paths:
            with open(os.path.join(top, path), errors="surrogateescape") as file:
                before = file.readlines()
            with open(os.path.join(folder, path), errors="surrogateescape") as file:
                after = file.readlines()
            if before != after:
                changed[path] = "".join(tidy(before, after))
    return changed


def report(source, texts, paths):
    """The output of the semantic patch for PATHS of a driver, with the types of all TEXTS known.

    A list of words per line; a position is (path, line, column, its end's line and column).
    """
    if not paths:
        return []
    names = plain(texts)
    with tempfile.TemporaryDirectory() as folder:
        for path, name in names.items():
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            with open(os.path.join(folder, name), "w", encoding="latin-1") as file:
                file.write(texts[path])
        printed = spatch(source, folder, *with_types(
            folder, [names[path] for path in paths],
            [name for name in names.values() if name.endswith(".h")]))
        paths = {os.path.join(folder, name): path for path, name in names.items()}
        return [[place(word, paths) for word in line.split("\t")] for line in printed.splitlines()
                if "\t" in line]


def place(word, paths):
    """The position in WORD, or WORD."""
    name, *numbers = word.rsplit(":", 4)
    return (paths[name], *map(int, numbers)) if len(numbers) == 4 and name in paths else word


def diff(top, path, text):
    """The change of one file as a patch with -p1."""
    run = subprocess.run(["diff", "-up", f"--label=a/{path}", f"--label=b/{path}",
                          os.path.join(top, path), "-"], input=text, text=True,
                         errors="surrogateescape", stdout=subprocess.PIPE)
    return run.stdout
