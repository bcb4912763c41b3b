#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""old-interface TREE - does anything in the kernel tree still use the old dma-buf interface?

Before mapping types an exporter had map_dma_buf() among its dma_buf_ops, an
attachment had a device and a peer2peer flag, and importers mapped by functions
of other names.  Searches all C files, headers and documents of the folders below,
also those that no configuration here builds, and comments as well.  Prints a line
per finding and ends with 1 if there is one.

The attachment in front of ->dev may be declared elsewhere, in a driver's header
for one, so declarations are taken from all files that are searched.
"""

import collections
import os
import re
import subprocess
import sys

FOLDERS = ["Documentation", "arch", "block", "drivers", "fs", "include", "io_uring", "kernel",
           "lib", "mm", "net", "rust", "samples", "sound", "tools/testing", "virt"]
NAMES = r"\bdma_buf_(?:un)?map_attachment(?:_unlocked)?\b"
# Documents that describe the past.
HISTORY = {"Documentation/driver-api/dma-buf-mapping-migration.rst"}

OLD_NAME = "{0}() is now dma_buf_sgt_{1}()"
OLD_OPS = "struct dma_buf_ops has no {0}: say DMA_BUF_SIMPLE_SGT_EXP_MATCH(map, unmap), or make " \
          "offers in match_mapping"
OLD_LOCAL_OPS = "struct dma_buf_ops has no {0}: move this out of the function, where " \
                "DMA_BUF_SIMPLE_SGT_EXP_MATCH(map, unmap) would point to the stack, or make offers " \
                "in match_mapping"
OLD_CHOICE = "struct dma_buf_ops has no {0}: make offers in match_mapping, because {1}"
OLD_CALL = "an exporter's {0}() is for the core to call"
OLD_SET = "struct dma_buf_ops has no {0} to be set: say DMA_BUF_SIMPLE_SGT_EXP_MATCH(map, unmap) " \
          "in an initialiser out of a function, or make offers in match_mapping"
OLD_DEVICE = "an attachment has no dev: say dma_buf_sgt_dma_device({0}), which is NULL if it is " \
             "not SGT"
OLD_WRITE = "an attachment has no dev to be set or pointed to: its device is that of the attach " \
            "call, and dma_buf_sgt_dma_device() returns it"
OLD_P2P = "an attachment has no peer2peer: offer DMA_BUF_EMAPPING_SGT_P2P() and ask " \
          "dma_buf_sgt_p2p_allowed({0}); to give it up later, select another offer in select_mapping"


ATTACHMENT = "dma_buf_attachment"
SGT_OPS = "dma_buf_mapping_sgt_exp_ops"
# Members of the kernel's structs, which a driver's own headers do not have.
KERNEL = {"drm_gem_object": "import_attach", "ib_umem_dmabuf": "attach",
          "host1x_bo_mapping": "attach"}

# A name, and the declarations of further names after a comma.
DECLARATOR = r"[\s*]*(?:(?:const|volatile|__\w+)\b[\s*]+)*(\w+)\s*(?:\[[^][]*\]\s*)*"
VALUE = r"(?:=(?:[^,;(){}]|\((?:[^()]|\([^()]*\))*\))*)?"
DECLARATION = re.compile(rf"[{{}}]|\bstruct\s+(\w+)\b(?=[\s*]*[a-zA-Z_]){DECLARATOR}{VALUE}")
NEXT = re.compile(rf",{DECLARATOR}(?=[,;=)]){VALUE}")
HEAD = re.compile(r"\b(?:struct|union)\b(?:\s+__\w+(?:\([^()]*\))?)*\s*(\w*)\s*$")
OWN = re.compile(r"\bstruct\s+(\w+)\s*\{[^{}]*\(\s*\*\s*(?:un)?map_dma_buf\s*\)")
# The text before an arrow: a name, brackets, and such as are opened before the name.
BASE = re.compile(r"\b(\w+)(?:\[[^][]*\]|\((?:[^()]|\([^()]*\))*\)|\))*$")


def code_of(text):
    """TEXT with comments and strings emptied, everything else in its place."""
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)+'",
                  lambda match: re.sub(r"[^\n]", " ", match[0]), text, flags=re.S)


def base(text, position):
    """(name, its position) in front of the arrow or dot at POSITION."""
    start = max(0, position - 200)
    before = text[start:position]
    if text[position] == "-":
        before = re.sub(r"\s*\n\s*$", "", before)
    match = BASE.search(before)
    return (match[1], start + match.start(1)) if match else (None, position)


class Types:
    """The structs that the variables and members of some files are declared as."""

    def __init__(self, texts=()):
        self.structs = collections.defaultdict(lambda: collections.defaultdict(set))
        self.members = collections.defaultdict(set)     # of any struct
        self.shared = collections.defaultdict(set)      # variables and functions of any file
        self.variables = {}                             # {text: {name: [(position, struct)]}}
        self.own = {SGT_OPS}                            # with members of the old names
        for owner, name in KERNEL.items():
            self.structs[owner][name].add(ATTACHMENT)
        self.members["import_attach"].add(ATTACHMENT)
        for text in texts:
            self.learn(text)

    def learn(self, text):
        code, blocks, last = code_of(text), [], 0
        self.own |= {match[1] for match in OWN.finditer(code)} - {"dma_buf_ops"}
        self.variables[text] = collections.defaultdict(list)
        for match in DECLARATION.finditer(code):
            start = match.start()
            before = code[max(last, code.rfind(";", last, start) + 1):start]
            last = match.end() if match[0] in "{}" else last
            if match[0] == "{":
                head = HEAD.search(before)
                blocks.append(head and head[1])
            elif match[0] == "}":
                # A brace in the first column ends all, however many #ifdef made of the others.
                blocks = blocks[:-1] if start and code[start - 1] != "\n" else []
            else:
                self.declare(text, code, match, before, blocks)

    def declare(self, text, code, match, before, blocks):
        kind, names, more = match[1], [match[2]], NEXT.match(code, match.end())
        while more:
            names.append(more[1])
            more = NEXT.match(code, more.end())
        parameter = before.count("(") > before.count(")")
        local = blocks or parameter or re.search(r"\bstatic\b(?!\s+inline)", before)
        pointer = "*" in code[match.end(1):match.start(2)]
        for name in names:
            if not blocks or blocks[-1] is None:
                self.variables[text][name].append((match.start(), kind))
                if not local:
                    self.shared[name].add(kind)
            elif not parameter:
                # Where others have a base, a test may have a whole attachment.
                if pointer or kind != ATTACHMENT:
                    self.members[name].add(kind)
                for owner in filter(None, blocks):
                    self.structs[owner][name].add(kind)

    def of(self, text, position):
        """The structs that the arrow or dot at POSITION can lead into; none if unknown."""
        name, start = base(text, position)
        arrow = re.search(r"(?:->|\.)\s*$", text[max(0, start - 40):start])
        declared = self.variables[text].get(name, [])
        if not arrow:
            before = [kind for where, kind in declared if where < start]
            return {before[-1]} if before else self.shared.get(name, set())
        owners = self.of(text, max(0, start - 40) + arrow.start())
        if owners and all(owner in self.structs for owner in owners):
            return set().union(*(self.structs[owner].get(name, ()) for owner in owners))
        return self.members.get(name) or {kind for _, kind in declared[-1:]}

    def strings(self):
        """The shape of the device of an attachment that is declared in another file."""
        found = [name + behind for name, kinds in self.shared.items() if ATTACHMENT in kinds
                 for behind in ("(", "->dev")]
        for name, kinds in self.members.items():
            if ATTACHMENT in kinds:
                found += [f"{arrow}{name}{behind}" for arrow in (">", ".")
                          for behind in ("->dev", ")->dev", ").dev", "[")]
        return found


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def names(text):
    """The functions; members of the same name belong to other structs."""
    for match in re.finditer(rf"(?<!->)(?<!\.)(?<!\(\*){NAMES}", text):
        yield match.start(), OLD_NAME.format(match[0], match[0].removeprefix("dma_buf_"))


def in_function(text):
    """Does TEXT, which ends in an initialiser, end in a function?"""
    start = text.rfind("\n}") + 1      # a brace in the first column ends everything before it
    opened = []
    for brace in re.finditer(r"[{}]", text[start:]):
        if brace[0] == "{":
            opened.append(start + brace.start())
        elif opened:
            opened.pop()
    # The first may be of a value or a macro.
    return bool(opened) and not re.search(r"(?:=\s*(?:&?\s*\([^()]*\)\s*)?|#[^\n]*)$",
                                          text[:opened[0]])


def initialisers(text, types, choice):
    """[.](un)map_dma_buf outside of the operations of the SGT type."""
    for match in re.finditer(r"(?<![\w)\]])(?:\[\w+\])?(\.(?:un)?map_dma_buf)\s*=[^=]", text):
        heads = list(re.finditer(r"\bstruct\s+(\w+)[^;{}()]*(?:\{|\)\s*\{)|"
                                 r"\(\s*const\s+struct\s+(\w+)\s*\)\s*\{",
                                 text[:match.start()]))
        kinds = {head[1] or head[2] for head in heads[-1:]}
        if not kinds or kinds - types.own:
            words = OLD_CHOICE if choice else \
                OLD_LOCAL_OPS if in_function(text[:match.start()]) else OLD_OPS
            yield match.start(), words.format(match[1].strip("."), choice)


def calls(text, types):
    """Exporters' callbacks that code other than the core calls, compares or sets."""
    for match in re.finditer(r"(?:->|\.)\s*((?:un)?map_dma_buf)\b(\s*=[^=])?", text):
        name, _ = base(text, match.start())
        kinds = types.of(text, match.start()) if name else set()
        if name and name != SGT_OPS and (not kinds or kinds - types.own):
            yield match.start(1), (OLD_SET if match[2] else OLD_CALL).format(match[1])


def uses(text, types, member):
    """(position, its name, what follows) of each attachment whose MEMBER is used."""
    for match in re.finditer(rf"(?:->|\.)\s*{member}\b", text):
        name, position = base(text, match.start())
        kinds = types.of(text, match.start()) if name else set()
        # No other struct of the kernel's own headers has this flag.
        if name and (kinds == {ATTACHMENT} or ATTACHMENT in kinds and match[0][0] == "-" or
                     member == "peer2peer" and not kinds):
            yield position, name, text[match.end():match.end() + 8]


def is_written(text, position, behind):
    """Is the member of the attachment at POSITION assigned to, or its address taken?"""
    return re.match(r"\s*(?:=(?!=)|[-+*/%|&^]=|\+\+|--|<<=|>>=)", behind) or \
        not re.match(r"\s*(?:->|\.)", behind) and \
        re.search(r"(?<!&)&\s*[\w.>()\[\]-]*$", text[max(0, position - 80):position])


def members(text, types):
    """The device and the flag of attachments."""
    for member, words in ("dev", OLD_DEVICE), ("peer2peer", OLD_P2P):
        for position, name, behind in uses(text, types, member):
            written = member == "dev" and is_written(text, position, behind)
            yield position, OLD_WRITE if written else words.format(name)


def findings(text, code, types=None, choice=None):
    """(position, words) of everything old in the text of a file."""
    yield from names(text)
    if code:
        types = types or Types([text])
        yield from initialisers(text, types, choice)
        yield from calls(text, types)
        yield from members(text, types)


def present(top, folders):
    return [name for name in folders if os.path.isdir(os.path.join(top, name))]


def search(top, folders, strings):
    """Files that have one of the strings."""
    run = subprocess.run(["grep", "-rlF", "--include=*.[chS]", "--include=*.rst",
                          "--include=*.rs", "--include=*.txt", "--exclude-dir=.?*", "--",
                          "\n".join(strings), *present(top, folders)], cwd=top, text=True,
                         stdout=subprocess.PIPE, env=dict(os.environ, LC_ALL="C"))
    if run.returncode > 1:
        sys.exit(f"cannot search {top}")
    return {os.path.normpath(path) for path in run.stdout.splitlines()}


def links(top, folders):
    """C files and documents that are links to files outside of TOP: {path: target}."""
    run = subprocess.run(["find", *present(top, folders), "-name", ".?*", "-prune", "-o", "-type",
                          "l", "-print"], cwd=top, check=True, text=True, stdout=subprocess.PIPE)
    below = os.path.realpath(top) + os.sep
    found = {}
    for path in map(os.path.normpath, run.stdout.splitlines()):
        target = os.path.realpath(os.path.join(top, path))
        if path.endswith((".c", ".h", ".rst")) and not target.startswith(below):
            found[path] = target
    return found


class Sources:
    """Files below FOLDERS of TOP that can have something of it at all."""

    STRINGS = ["dma_buf_attach", "dma_buf_dynamic_attach", "dma_buf_map_attachment",
               "dma_buf_unmap_attachment", "map_dma_buf", "import_attach", "peer2peer"]

    def __init__(self, top, folders):
        self.top, self.texts, self.types = top, {}, Types()
        # grep does not follow links, which our own files in a prepared tree are.
        self.links = links(top, folders)
        self.read({path for path, target in self.links.items() if os.path.isfile(target)})
        self.read(search(top, folders, self.STRINGS))
        self.read(search(top, folders, self.types.strings()))

    def read(self, paths):
        for path in sorted(paths - set(self.texts) - HISTORY):
            with open(os.path.join(self.top, path), errors="replace") as file:
                self.texts[path] = file.read()
            if self.is_code(path):
                self.types.learn(self.texts[path])

    def is_code(self, path):
        return path.endswith((".c", ".h"))

    def report(self):
        """One line per finding: FILE:LINE: words."""
        for path, text in sorted(self.texts.items()):
            for position, words in sorted(findings(text, self.is_code(path), self.types)):
                yield f"{path}:{line_of(text, position)}: {words}"


def report(top, folders):
    return Sources(top, folders).report()


def main():
    found = list(report(sys.argv[1], FOLDERS))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
