#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""old-interface TREE - does anything in the kernel tree still use dma-buf as it was?

Before mapping types an exporter had map_dma_buf() among its dma_buf_ops, an
attachment had a device and a peer2peer flag, and importers called functions of
other names.  All C files, headers and documents of the folders below are
searched, also those that no configuration here builds, and comments as well.
Prints a line a finding and ends with 1 if there is one.
"""

import os
import re
import subprocess
import sys

FOLDERS = ["Documentation", "arch", "block", "drivers", "fs", "include", "io_uring", "kernel",
           "lib", "mm", "net", "rust", "samples", "sound", "tools/testing", "virt"]
NAMES = r"\bdma_buf_(?:attach|dynamic_attach|(?:un)?map_attachment(?:_unlocked)?)\b"
# Documents that tell how things were.
HISTORY = {"Documentation/driver-api/dma-buf-mapping.rst"}
# A tracepoint keeps its name for those who use it.
TRACEPOINT = re.compile(r"\b(?:trace_|DEFINE_EVENT\(dma_buf_attach_dev, )dma_buf_dynamic_attach\b")

OLD_NAME = "{0}() is now dma_buf_sgt_{1}()"
OLD_OPS = "struct dma_buf_ops has no {0}: say DMA_BUF_SIMPLE_SGT_EXP_MATCH(map, unmap), or make " \
          "offers in match_mapping"
OLD_LOCAL_OPS = "struct dma_buf_ops has no {0}: move this out of the function, where " \
                "DMA_BUF_SIMPLE_SGT_EXP_MATCH(map, unmap) would point to the stack, or make offers " \
                "in match_mapping"
OLD_CALL = "an exporter's {0}() is for the core to call"
OLD_DEVICE = "an attachment has no dev: say dma_buf_sgt_dma_device({0}), which is NULL if it is " \
             "not SGT"
OLD_P2P = "an attachment has no peer2peer: offer DMA_BUF_EMAPPING_SGT_P2P() and ask " \
          "dma_buf_sgt_p2p_allowed({0}); to give it up in attach, dma_buf_sgt_refine_no_p2p({0})"


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def names(text):
    for match in re.finditer(NAMES, text):
        start = text.rfind("\n", 0, match.start()) + 1
        end = text.find("\n", match.start())
        if not TRACEPOINT.search(text[start:end]):
            yield match.start(), OLD_NAME.format(match[0], match[0].removeprefix("dma_buf_"))


def in_function(text):
    """Does TEXT, which ends in an initialiser, end in a function?"""
    start = text.rfind("\n}") + 1      # a brace in the first column ends all before it
    opened = []
    for brace in re.finditer(r"[{}]", text[start:]):
        if brace[0] == "{":
            opened.append(start + brace.start())
        elif opened:
            opened.pop()
    # The first may be of a value or a macro.
    return bool(opened) and not re.search(r"(?:=\s*(?:&?\s*\([^()]*\)\s*)?|#[^\n]*)$",
                                          text[:opened[0]])


def initialisers(text):
    """[.](un)map_dma_buf outside of the operations of the SGT type."""
    for match in re.finditer(r"(?<![\w)\]])\.(?:un)?map_dma_buf\s*=[^=]", text):
        heads = list(re.finditer(r"\bstruct\s+(\w+)[^;{}()]*(?:\{|\)\s*\{)|"
                                 r"\(\s*const\s+struct\s+(\w+)\s*\)\s*\{",
                                 text[:match.start()]))
        kinds = [head[1] or head[2] for head in heads[-1:]]
        if kinds != ["dma_buf_mapping_sgt_exp_ops"]:
            words = OLD_LOCAL_OPS if in_function(text[:match.start()]) else OLD_OPS
            yield match.start(), words.format(match[0].split("=")[0].strip(" .\t"))


def calls(text):
    """Exporters' callbacks that somebody other than the core calls, compares or sets."""
    for match in re.finditer(r"(?:\bops|dmabuf_ops|dma_buf_ops)\s*(?:->|\.)\s*((?:un)?map_dma_buf)\b",
                             text):
        yield match.start(1), OLD_CALL.format(match[1])


def members(text):
    """The device and the flag of whatever is declared as an attachment in this file."""
    known = set(re.findall(r"\bstruct\s+dma_buf_attachment\s*\*\s*(?:const\s+)?(\w+)", text))
    known.add("import_attach")
    for match in re.finditer(r"\b(\w+)->(dev|peer2peer)\b", text):
        if match[1] in known and (match[2] == "peer2peer" or is_attachment(text, match)):
            words = OLD_DEVICE if match[2] == "dev" else OLD_P2P
            yield match.start(), words.format(match[1])


def is_attachment(text, match):
    """The name may be something else in this function: what was it last declared as?"""
    said = list(re.finditer(r"\bstruct\s+(\w+)\s*\*\s*(?:const\s+)?" + match[1] + r"\b",
                            text[:match.start()]))
    return match[1] == "import_attach" or (said and said[-1][1] == "dma_buf_attachment")


def findings(text, code):
    """(position, words) of all that is old in the text of a file."""
    yield from names(text)
    if code:
        yield from initialisers(text)
        yield from calls(text)
        yield from members(text)


def search(top, folders):
    """Files that can have something of it at all."""
    pattern = NAMES.replace("?:", "") + r"|map_dma_buf|dma_buf_attachment|import_attach"
    run = subprocess.run(["grep", "-rlE", "--include=*.[chS]", "--include=*.rst",
                          "--include=*.rs", "--include=*.txt", "--exclude-dir=.?*", "--", pattern,
                          *[name for name in folders if os.path.isdir(os.path.join(top, name))]],
                         cwd=top, text=True, stdout=subprocess.PIPE)
    if run.returncode > 1:
        sys.exit(f"cannot search {top}")
    return sorted(os.path.normpath(path) for path in run.stdout.splitlines())


def report(top, folders):
    """One line a finding: FILE:LINE: words."""
    for path in search(top, folders):
        if path in HISTORY:
            continue
        with open(os.path.join(top, path), errors="replace") as file:
            text = file.read()
        for position, words in sorted(findings(text, path.endswith((".c", ".h")))):
            yield f"{path}:{line_of(text, position)}: {words}"


def main():
    found = list(report(sys.argv[1], FOLDERS))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
