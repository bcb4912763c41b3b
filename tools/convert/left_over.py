# SPDX-License-Identifier: GPL-2.0
"""The rest of the old interface in a driver after convert, for a person to change."""

import collections
import os
import re

from tools.convert import conditions, driver
from tools.series import old_interface

ATTACHMENT = r"struct\s+dma_buf_attachment\b"
OPS = r"\bstruct\s+dma_buf_ops\b|\bdma_buf_export\b"

MOVE_NOTIFY = "the callback move_notify is invalidate_mappings by now"

# Names in old code other than a function's old name and the member of a known variable
MUST = [
    (r"(?<![\w.>?])(?:un)?map_dma_buf\s*:(?!:)\s*&?\w+\s*[,}]",
     "struct dma_buf_ops has no {0}: say DMA_BUF_SIMPLE_SGT_EXP_MATCH(map, unmap), or make offers "
     "in match_mapping"),
    (rf"\b(?:list_\w*entry\w*|container_of)\s*\([^;{{}}]*?{ATTACHMENT}[^;{{}}]*?\)\s*->\s*"
     r"(?:dev|peer2peer)\b",
     "an attachment has no dev or peer2peer: put it into a variable, then say "
     "dma_buf_sgt_dma_device()"),
    (r"\bimporter_ops\s*->\s*move_notify\b", MOVE_NOTIFY),
    (r"\bdma_buf_move_notify\b", "{0}() is dma_buf_invalidate_mappings() by now"),
    (r"\bMODULE_IMPORT_NS\s*\(\s*DMA_BUF\s*\)",
     'a namespace is a string: MODULE_IMPORT_NS("DMA_BUF")'),
]
CHECK = [
    (r"\bdma_buf_phys_vec_to_sgt\s*\(", "",
     "an exporter that knows the physical ranges offers them as DMA_BUF_EMAPPING_PAL_P2P(); the "
     "core makes the scatterlist"),
    (r"\bpci_p2pdma_distance(?:_many)?\s*\(", OPS,
     "the core asks for the distance while it matches DMA_BUF_EMAPPING_SGT_P2P(): if this is for "
     "an attachment, it can go"),
    (r"\b\w*for_each_entry\w*\s*\([^;{]*\battachments\s*,\s*node\s*\)", "",
     "attachments of other types have no device; to find out if the buffer may be in device "
     "memory, ask each of them dma_buf_attach_accepts_sgt_p2p()"),
    (r"\bdma_buf_##\w+|\b\w+##_(?:un)?map_attachment\w*", "",
     "a name is pasted together: see that it does not become dma_buf_map_attachment() or "
     "another that is gone"),
]
PARTED = "if what is before the #if is an attachment, it has no dev: say dma_buf_sgt_dma_device()"
NO_INVALIDATE = "exporters that revoke refuse an importer without invalidate_mappings"
P2P = r"\ballow_peer2peer\s*=\s*(?:true|1)\b"
NAMESPACE = r"\bMODULE_IMPORT_NS\s*\(\s*\"?DMA_BUF\b"
NEEDS_NAMESPACE = r"\bDMA_BUF_(?:SIMPLE_SGT_EXP_MATCH|EMAPPING_\w+)\b|\bdma_buf_sgt_\w*map"
LIST = re.compile(r"^\s*([\w-]+)-(y|m|objs|\$\([^()]*\))\s*[:+]?=([^#\n]*)", re.M)
MENTION = re.compile(rf"{old_interface.NAMES}|\bpeer2peer\b|\bdma_buf_move_notify\b")
NOW = {"peer2peer": "is no longer there",
       "dma_buf_move_notify": "is now dma_buf_invalidate_mappings()"}
# A script that tests for features of the kernel would not find them, and turn them off.
SCRIPT = re.compile(rf"{MENTION.pattern}|\b(?:un)?map_dma_buf\b")
LARGEST = 1 << 20

OFFER = """\
	/* {path}: in place of both callbacks: .match_mapping = {map}_match */
	static const struct dma_buf_mapping_sgt_exp_ops {map}_ops = {{
		.map_dma_buf = {map},
		.unmap_dma_buf = {unmap},
	}};

	static int {map}_match(const struct dma_buf_match_args *args)
	{{
		struct pci_dev *pdev = NULL; /* TODO: in whose BAR args->dmabuf is */
		const struct dma_buf_mapping_match exp[] = {{
			DMA_BUF_EMAPPING_SGT_P2P(&{map}_ops, pdev),
			DMA_BUF_EMAPPING_SGT(&{map}_ops), /* if it can be in memory */
		}};

		return dma_buf_match_mapping(args, exp, ARRAY_SIZE(exp));
	}}"""
OFFER_RANGES = """\
	/* {path}: in place of both callbacks: .match_mapping = {map}_match */
	/* It needs <linux/dma-buf-mapping.h>. */
	static const struct dma_buf_phys_list *{map}_phys(struct dma_buf_attachment *attach)
	{{
		/* TODO: the ranges that {map}() makes a scatterlist of */
		return ERR_PTR(-ENODEV);
	}}

	static void {unmap}_phys(struct dma_buf_attachment *attach,
				 const struct dma_buf_phys_list *list)
	{{
		/* TODO: undo it; nothing is left of {unmap}() but that */
	}}

	static const struct dma_buf_mapping_pal_exp_ops {map}_ops = {{
		.map_phys = {map}_phys,
		.unmap_phys = {unmap}_phys,
	}};

	static int {map}_match(const struct dma_buf_match_args *args)
	{{
		struct p2pdma_provider *provider = NULL; /* TODO: of the BAR of args->dmabuf */
		const struct dma_buf_mapping_match exp[] = {{
			DMA_BUF_EMAPPING_PAL_P2P(&{map}_ops, provider),
		}};

		return dma_buf_match_mapping(args, exp, ARRAY_SIZE(exp));
	}}"""
MAPS_A_BAR = "maps a BAR"
ASKS_IMPORTER = "asks the importer for peer-to-peer"
# Code that makes an exporter more than one of plain SGT: (pattern, only in files with, words)
CHOICES = [
    (r"->\s*allow_peer2peer\b(?!\s*=[^=])", "", ASKS_IMPORTER),
    (r"\bpci_p2pdma_distance(?:_many)?\s*\(", OPS, "asks for the distance"),
    (r"\bdma_map_resource\s*\(", OPS, MAPS_A_BAR),
]
ADVICE = "this exporter has a choice to offer; see DMA_BUF_EMAPPING_SGT_P2P(), and for one that " \
         "has only ranges of a BAR DMA_BUF_EMAPPING_PAL_P2P(). To begin with:"


def live(file, pattern):
    """Matches in code that a kernel with mapping types compiles, without comments and strings."""
    for match in re.finditer(pattern, file.code):
        if not file.branches.dead(match.start()):
            yield match


def where(path, file, position):
    return f"{path}:{old_interface.line_of(file.text, position)}"


def choices(source):
    """{path: "FILE:LINE does this"} of code that makes the exporters of a file choose.

    Attachments, and code that uses them, get around, so that peer-to-peer is of interest
    for all files of a driver.
    """
    found = {}
    for path, file in sorted(source.files.items(), reverse=True):
        for pattern, only, words in reversed(CHOICES):
            for match in live(file, pattern):
                if re.search(only, file.code):
                    found[path] = f"{where(path, file, match.start())} {words}"
    asked = [words for words in sorted(found.values()) if words.endswith(ASKS_IMPORTER)]
    for path, file in sorted(source.files.items(), reverse=True):
        for position, _, _ in old_interface.uses(file.code, source.types, "peer2peer"):
            if not file.branches.dead(position):
                asked.insert(0, f"{where(path, file, position)} asks for peer2peer")
                break
    return {path: asked[0] for path in source.files} if asked else found


def macros(path, file):
    """->dev of a macro's parameter, whose type no declaration has."""
    for match in live(file, r"(?m)^[ \t]*#[ \t]*define[ \t]+\w+\(([^()]*)\)((?:\\\n|[^\n])*)"):
        for name in re.findall(r"\w+", match[1]):
            if re.search(rf"\(?\b{name}\)?\s*->\s*dev\b", match[2]) and \
                    "dma_buf" in file.code and "attach" in match[0]:
                yield match.start(), f"if {name} is an attachment, it has no dev: say " \
                    f"dma_buf_sgt_dma_device({name})"


def initialised(file, struct, members):
    """Where such members are in the initialiser of a variable of that struct."""
    for match in live(file, rf"\bstruct\s+{struct}\s+\w+(?:\[\w*\])?\s*=\s*\{{"):
        end = driver.closing(file.code, match.end() - 1)
        for member in re.finditer(rf"\.\s*(?:{members})\s*=", file.code[match.end():end]):
            position = match.end() + member.start()
            if not file.branches.dead(position):
                yield position


def must_of(source, file, choice):
    """(position, words) of code that does not compile, or has changed its meaning."""
    for position, words in old_interface.findings(file.code, True, source.types, choice):
        if not file.branches.dead(position) and not file.defined_around(position):
            yield position, words
    for position in initialised(file, "dma_buf_attachment", "dev|peer2peer"):
        yield position, old_interface.OLD_WRITE
    for position in initialised(file, "dma_buf_attach_ops", "move_notify"):
        yield position, MOVE_NOTIFY
    for pattern, words in MUST:
        for match in live(file, pattern):
            yield match.start(), words.format(re.search(r"\w+", match[0])[0])
    for start, _, name in file.defines:
        if not file.branches.dead(start):
            yield start, f"{name} is the kernel's own by now: put this under " \
                f"#ifndef {conditions.FEATURE}"


def check_of(path, file, choice):
    for pattern, only, words in CHECK:
        for match in live(file, pattern):
            if re.search(only, file.code):
                yield match.start(), words
    for match in live(file, P2P):
        start, end = driver.block(file.code, match.start())
        if not re.search(r"\b(?:invalidate_mappings|move_notify)\s*=", file.code[start:end]):
            yield match.start(), NO_INVALIDATE
    yield from macros(path, file)
    yield from offers(path, file, choice) if choice else ()
    if re.search(ATTACHMENT, file.code):
        for match in live(file, r"(?m)^[ \t]*#[^\n]*\n\s*->\s*dev\b"):
            yield match.end(), PARTED


def mentioned_of(file):
    for match in MENTION.finditer(file.text):
        position = match.start()
        if file.code[position] == " ":
            place = "in a comment or a string"
        elif file.branches.dead(position):
            place = "for older kernels"
        else:
            continue
        now = "is now " + match[0].replace("dma_buf_", "dma_buf_sgt_") + "()"
        yield position, f"{place}: {match[0]} {NOW.get(match[0], now)}"


def offers(path, file, choice):
    """A match_mapping for each pair of callbacks that could not become plain SGT."""
    pair = re.compile(r"\.map_dma_buf\s*=\s*(\w+)\s*,(?:[^{}]*?)\.unmap_dma_buf\s*=\s*(\w+)")
    words = OFFER_RANGES if choice.endswith(MAPS_A_BAR) else OFFER
    for match in live(file, pair):
        place = where(path, file, match.start())
        yield match.start(), f"{ADVICE}\n" + words.format(path=place, map=match[1], unmap=match[2])


def other_files(source):
    """Old names in configure scripts, makefiles and documents."""
    for path in driver.files(source.top, lambda name: not name.endswith((".c", ".h"))):
        full = os.path.join(source.top, path)
        if os.path.islink(full) or os.path.getsize(full) > LARGEST:
            continue
        text = source.read(path)
        if "\0" in text:
            continue
        for match in SCRIPT.finditer(text):
            yield f"{path}:{old_interface.line_of(text, match.start())}: {match[0]}; if this " \
                "looks for it in the kernel, it finds none"


def report(source, choice):
    """Lines about what must be changed, what is to be checked, and what is only mentioned.

    CHOICE is the result of choices() before anything was changed.
    """
    parts, told = ([], [], []), set()
    for path, file in sorted(source.files.items()):
        if os.path.basename(path) == driver.COMPAT:
            continue
        why = choice.get(path)
        for lines, found in zip(parts, (must_of(source, file, why), check_of(path, file, why),
                                        mentioned_of(file))):
            for position, words in sorted(set(found)):
                line = old_interface.line_of(file.text, position)
                if lines is parts[0] and (path, line) in source.left:
                    told.add((path, line))
                    words += f" (left alone: {source.left[path, line]})"
                lines.append(f"{path}:{line}: {words}")
    must, check, mentioned = parts
    must += [f"{path}:{line}: the old interface (left alone: {why})"
             for (path, line), why in sorted(source.left.items()) if (path, line) not in told]
    must += [*namespaces(source), *skipped(source)]
    return must, check, mentioned + list(other_files(source))


def namespaces(source):
    codes = {path: file.text for path, file in source.files.items()}
    texts = {**source.raw, **codes}
    need, have = ({path for path, text in texts.items() if re.search(pattern, text)}
                  for pattern in (NEEDS_NAMESPACE, NAMESPACE))
    included = including(texts)
    for place, sources in groups(source, texts):
        parts = {path: with_headers(path, included) for path in sorted(sources)}
        users = [path for path, headers in parts.items() if headers & need]
        if users and not any(headers & have for headers in parts.values()):
            yield f'{users[0]}: no file has MODULE_IMPORT_NS("DMA_BUF") in {place}; one file of ' \
                  "each module needs it"


def including(texts):
    """{path: the files below DIR that it includes}"""
    named = collections.defaultdict(list)
    for path in texts:
        named[os.path.basename(path)].append(path)
    return {path: {other for name in re.findall(r'^\s*#\s*include\s*[<"](?:\.\.?/)*([^>"]+)[>"]',
                                                text, re.M)
                   for other in named[os.path.basename(name)]
                   if f"/{other}".endswith(f"/{name}")} for path, text in texts.items()}


def with_headers(path, included):
    found, new = set(), {path}
    while new:
        found |= new
        new = set().union(*(included[path] for path in new)) - found
    return found


def groups(source, texts):
    """(words, C files) of each module that a Makefile lists, and of each directory for the rest."""
    rest, unclear = {path for path in texts if path.endswith(".c")}, set()
    for path in driver.files(source.top, ("Makefile", "Kbuild").__contains__):
        lists = {}
        for name, kind, words in LIST.findall(source.read(path).replace("\\\n", " ")):
            if (name, kind) != ("obj", "y"):
                lists.setdefault(name, []).extend(words.split())
        for module in lists.get("obj", ()):
            parts = lists.get(module.removesuffix(".o"), [module])
            folder = os.path.dirname(path)
            sources = {os.path.normpath(os.path.join(folder, part[:-1] + "c"))
                       for part in parts if part.endswith(".o")} & set(texts)
            if any("$" in part for part in parts):
                unclear.add(folder)
            elif sources:
                rest -= sources
                yield f"the module {module.removesuffix('.o')}", sources
    places = collections.defaultdict(set)
    for path in rest:
        # A module that is listed with variables may contain everything below.
        above = [folder for folder in unclear if path.startswith(os.path.join(folder, ""))]
        places[max(above, key=len, default=os.path.dirname(path))].add(path)
    for folder, sources in sorted(places.items()):
        yield f"{folder or '.'}/", sources


def users(source):
    """C files that use dma-buf; links belong to another driver."""
    wanted = re.compile(rf"{driver.NEW_NAMES}|{old_interface.NAMES}|dma_buf_")
    return {path for path, file in source.files.items()
            if path.endswith(".c") and path not in source.links and wanted.search(file.code)}


def is_old(source, path):
    file = source.files.get(path)
    return file and any(must_of(source, file, None))


def skipped(source):
    """Links that lead out of DIR, where a change would affect others as well."""
    below = os.path.realpath(source.top) + os.sep
    for folder, folders, names in os.walk(source.top):
        for name in sorted(folders + names):
            path = os.path.join(folder, name)
            target = os.path.realpath(path)
            if not os.path.islink(path) or (target + os.sep).startswith(below):
                continue
            shown = os.path.relpath(path, source.top)
            if name in names and not name.endswith((".c", ".h")):
                continue
            if not os.path.exists(target):
                yield f"{shown}: skipped, a link to {target}, where no file is"
            elif is_old(source, shown) if name in names else \
                    any(old_interface.report(target, ["."])):
                yield f"{shown}: skipped, a link to {target}: convert it there"
