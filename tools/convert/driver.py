# SPDX-License-Identifier: GPL-2.0
"""A driver outside of the kernel tree: its files, and the changes that move it to mapping types.

convert.cocci finds where the old interface is used.  This decides what can be changed there
without harm; everything else is left as it is, with a reason for the report.

Files are read as Latin-1, in which each byte is a character: no byte is lost, and the columns that
spatch counts are right.
"""

import difflib
import os
import re

from tools.convert import conditions
from tools.lib.environment import REPO
from tools.series import cocci, old_interface

SOURCE = os.path.join(REPO, "tools/convert/convert.cocci")
NEW_NAMES = r"(?:dma_buf_sgt_(?:un)?map_attachment(?:_unlocked)?|dma_buf_sgt_dma_device|" \
            r"dma_buf_sgt_p2p_allowed|DMA_BUF_SIMPLE_SGT_EXP_MATCH)"
# A macro, or the head of a function
DEFINED = re.compile(rf"^[ \t]*#[ \t]*define[ \t]+{NEW_NAMES}\b(?:\\\n|[^\n])*|"
                     rf"\b{NEW_NAMES}\s*\([^;{{}}()]*\)\s*(?={{)", re.M)
COMPAT = "dma_buf_compat.h"
# A file without any of these has nothing to do with dma-buf, or gets it from another file.
WORDS = ("dma_buf", "dma-buf", "import_attach", "peer2peer", "move_notify", "DMA_BUF")
DONE = {"name": "calls map and unmap of the SGT type", "ops": "declares plain SGT",
        "device": "asks the mapping type for the device"}
LEFT = {"name": "a line of the preprocessor is in the way",
        "ops": "not both callbacks depend on the same #if, or more than these two are there",
        "device": "a line of the preprocessor is in the way"}


def files(top, wanted):
    """Paths of the files below TOP for which WANTED returns true.  Links may lead to some again."""
    found = []
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name != ".git"]
        found += [os.path.join(folder, name) for name in names if wanted(name)]
    return sorted(os.path.normpath(os.path.relpath(path, top)) for path in found
                  if os.path.isfile(path))


def closing(code, position):
    """The position after the brace that closes the one at POSITION."""
    depth = 0
    for match in re.compile("[{}]").finditer(code, position):
        depth += 1 if match[0] == "{" else -1
        if not depth:
            return match.end()
    return len(code)


def bracket(text):
    """The position after the bracket that closes the one at the start of TEXT."""
    depth = 0
    for at, char in enumerate(text):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if not depth:
            return at + 1
    return 0


def block(code, position):
    """(start, end) of the text between the braces around POSITION."""
    start, depth = position, 0
    while start > 0 and (depth or code[start] != "{"):
        depth += {"}": 1, "{": -1}.get(code[start], 0)
        start -= 1
    return start + 1, max(closing(code, start) - 1, start + 1)


class File:
    """Results about one file that are needed repeatedly."""

    def __init__(self, text):
        self.text = text
        self.code = old_interface.code_of(text)
        self.branches = conditions.Branches(self.code)
        self.lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.defines = []           # (start, end, name) of definitions with the name of a new one
        for match in DEFINED.finditer(self.code):
            end = match.end()
            if self.code[end:end + 1] == "{":
                end = closing(self.code, end)
            name = re.search(NEW_NAMES, match[0])[0]
            self.defines.append((match.start(), end, name))

    def offset(self, line, column):
        return self.lines[line - 1] + column

    def defined_around(self, position):
        return next((name for start, end, name in self.defines if start <= position < end), None)


class Driver:
    def __init__(self, top):
        self.top = top
        paths = files(top, lambda name: name.endswith((".c", ".h")))
        self.links = {path for path in paths if os.path.islink(os.path.join(top, path))}
        # Files below DIR are there by their own name as well.
        below = os.path.realpath(top) + os.sep
        paths = [path for path in paths if path not in self.links or
                 not os.path.realpath(os.path.join(top, path)).startswith(below)]
        self.raw = {path: self.read(path) for path in paths}
        texts = {path: re.sub("\r\n?", "\n", raw) for path, raw in self.raw.items()}
        self.headers = {path: text for path, text in texts.items() if path.endswith(".h")}
        self.files = {path: File(text) for path, text in texts.items()
                      if any(word in text for word in WORDS)}
        self.learn()
        # A file that uses an attachment which is declared elsewhere need not name its type.
        words = self.types.strings()
        self.files |= {path: File(text) for path, text in texts.items()
                       if path not in self.files and any(word in text for word in words)}
        self.learn()
        self.left = {}              # {(path, line): the reason why a place was left as it is}

    def learn(self):
        self.types = old_interface.Types(file.code for file in self.files.values())

    def read(self, path):
        with open(os.path.join(self.top, path), encoding="latin-1", newline="") as file:
            return file.read()

    def set(self, path, text):
        """Set the text of the file, with the line ends that it had."""
        old = self.files.get(path)
        self.files[path] = File(text)
        raw = self.raw.get(path, "")
        if "\r\n" in raw:
            text = cocci.keep_endings(raw, old.text.splitlines(True), text)
        self.raw[path] = text

    def convert(self, choice):
        """{path: changes}; leaves the exporters of files alone that have a CHOICE."""
        texts = {path: file.text for path, file in self.files.items()}
        paths = sorted(set(texts) - self.links)
        done, edits = {}, {}
        for kind, *places in cocci.report(SOURCE, {**self.headers, **texts}, paths):
            path = places[-1][0]
            if path not in paths or kind == "ops" and (path in choice or self.is_own(places[0])):
                continue
            found = list(getattr(self, kind)(self.files[path], path, *places))
            for start, end, words in found:
                edits.setdefault(path, {})[start, end] = words
                done.setdefault(path, {})[DONE[kind]] = None
            if not found:
                self.leave(path, kind, places)
        for path, changes in edits.items():
            before = self.files[path].text.splitlines(True)
            self.set(path, changed(self.files[path], changes))
            self.move(path, before)
        self.learn()
        return {path: list(words) for path, words in done.items()}

    def leave(self, path, kind, places):
        """Record that this place was left as it is, unless that is intended."""
        file = self.files[path]
        for place in places[1::2] if kind == "ops" else places[:1]:
            start = self.span(file, place)[0]
            if not self.is_fine(file, start):
                self.left[path, place[1]] = LEFT[kind]

    def move(self, path, before):
        """Set the lines of the places that were left to those in the new text."""
        after = self.files[path].text.splitlines(True)
        now = {}
        for old, new, size in difflib.SequenceMatcher(None, before, after,
                                                      autojunk=False).get_matching_blocks():
            now.update((old + i + 1, new + i + 1) for i in range(size))
        self.left = {(name, now.get(line, line) if name == path else line): why
                     for (name, line), why in self.left.items()}

    def is_fine(self, file, position):
        """Is that code for older kernels, or code that defines a new name by an old one?"""
        return file.branches.dead(position) or file.defined_around(position)

    def can_change(self, file, start, end):
        """A change must not reach over a line of the preprocessor."""
        return not self.is_fine(file, start) and \
            not re.search(r"\n[ \t]*#", file.text[start:end])

    def span(self, file, place):
        _, line, column, end_line, end_column = place
        return file.offset(line, column), file.offset(end_line, end_column)

    def name(self, file, path, place):
        start, end = self.span(file, place)
        if re.fullmatch(old_interface.NAMES, file.text[start:end]) and \
                self.can_change(file, start, end):
            yield start, end, file.text[start:end].replace("dma_buf_", "dma_buf_sgt_")

    def device(self, file, path, base, member):
        start, base_end = self.span(file, base)
        member_start, end = self.span(file, member)
        text = file.text[start:base_end]
        between = re.fullmatch(r"(\)?)\s*->\s*", file.text[base_end:member_start])
        if file.text[member_start:end] != "dev" or not between:
            return
        if between[1]:
            start -= 1
            if file.text[start] != "(":
                return
        if text[0] == "(" and bracket(text) == len(text):
            text = text[1:-1]
        if self.can_change(file, start, end):
            yield start, end, f"dma_buf_sgt_dma_device({text})"

    def ops(self, file, path, kind, *places):
        (m, m_end), (value, value_end), (u, u_end), (other, other_end) = (
            self.span(file, place) for place in places)
        if file.text[m:m_end] != "map_dma_buf" or file.text[u:u_end] != "unmap_dma_buf" or \
                file.text[m - 1] != "." or file.text[u - 1] != "." or \
                not self.is_ops(kind) or not self.can_change(file, m - 1, value_end) or \
                not self.can_change(file, u - 1, other_end):
            return
        start, end = block(file.code, m)
        members = [match for match in re.finditer(r"\.(?:un)?map_dma_buf\b", file.code[start:end])
                   if not file.branches.dead(start + match.start())]
        if len(members) != 2 or file.branches.at(m) != file.branches.at(u):
            return
        yield m - 1, value_end, "DMA_BUF_SIMPLE_SGT_EXP_MATCH(" \
            f"{file.text[value:value_end]}, {file.text[other:other_end]})"
        yield (*without(file.text, u - 1, other_end), "")

    def is_own(self, kind):
        """Is that a struct of the driver with members of the old names?"""
        return bool(self.types.own & set(re.findall(r"\w+", kind)))

    def is_ops(self, kind):
        """Is that type dma_buf_ops, or another name of the driver for it?"""
        if re.search(r"\bstruct dma_buf_ops\b", kind):
            return True
        name = kind.split()[-1]
        alias = re.compile(rf"\btypedef\b[^;{{}}]*\bstruct\s+dma_buf_ops\s+(?:const\s+)?{name}\s*;")
        return any(alias.search(file.code) for file in self.files.values())


def without(text, start, end):
    """(start, end) of the member with everything that belongs to it: comma, white space, line."""
    end = re.compile(r"\s*,|").match(text, end).end()
    line = text.rfind("\n", 0, start) + 1
    rest = re.compile(r"[ \t]*").match(text, end).end()
    alone = not text[line:start].strip()
    if alone and text[rest:rest + 1] == "\n":
        return line, rest + 1
    if text[rest:rest + 1] == "\n":
        return line + len(text[line:start].rstrip()), rest
    return start, rest


def apply(text, edits, start=0, end=None):
    """TEXT from START to END with those of EDITS, {(start, end): new}, that lie in it."""
    done, at = [], start
    end = len(text) if end is None else end
    for (first, last), words in sorted(edits.items()):
        if start <= first and last <= end:
            done += [text[at:first], words]
            at = last
    return "".join(done) + text[at:end]


def realigned(file, edits):
    """Edits that keep the following lines aligned with the bracket that a line leaves open."""
    more = {}
    for line, start in enumerate(file.lines[:-1]):
        opened = []
        for match in re.compile(r"[()]").finditer(file.code, start, file.lines[line + 1]):
            if match[0] == "(":
                opened.append(match.end())
            elif opened:
                opened.pop()
        if opened:
            was = cocci.columns(file.text[start:opened[-1]])
            now = cocci.columns(apply(file.text, edits, start, opened[-1]))
            if was != now:
                more.update(shifted(file, line + 1, was, now))
    return more


def shifted(file, line, was, now):
    """Edits of the lines from LINE on that begin in column WAS, until the bracket is closed."""
    depth = 1
    while depth > 0 and line < len(file.lines) - 1:
        start, end = file.lines[line:line + 2]
        blank = re.compile(r"[ \t]*").match(file.text, start).end()
        if file.code[blank:blank + 1] == "#":
            return
        if cocci.columns(file.text[start:blank]) == was:
            yield (start, blank), cocci.spaces(now)
        depth += file.code.count("(", start, end) - file.code.count(")", start, end)
        line += 1


def changed(file, edits):
    """The text of FILE with EDITS made; lines that got too wide by that are folded."""
    before = file.text.splitlines(True)
    after = apply(file.text, {**realigned(file, edits), **edits}).splitlines(True)
    lines = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, old, old_end, start, end in matcher.get_opcodes():
        wide = max(map(cocci.columns, before[old:old_end]), default=0)
        for line in after[start:end]:
            keep = kind == "equal" or cocci.columns(line) <= wide
            lines += [line] if keep else cocci.fold(line)
    return "".join(lines)


def compat_include(driver, path):
    """Include the header for older kernels in a file that was changed."""
    file = driver.files[path]
    if COMPAT in file.text or os.path.basename(path) == COMPAT:
        return
    found = list(re.finditer(r"^[ \t]*#[ \t]*include\b[^\n]*\n", file.code, re.M))
    depth = len(file.branches.at(found[0].start())) if found else 0
    position = max((match.end() for match in found
                    if len(file.branches.at(match.start())) == depth), default=0)
    name = os.path.relpath(COMPAT, os.path.dirname(path) or ".")
    driver.set(path, f'{file.text[:position]}#include "{name}"\n{file.text[position:]}')
