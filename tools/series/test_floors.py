# SPDX-License-Identifier: GPL-2.0
"""Our files of vfio-pci: each uses only those above it.

The order is in the head comment of the first one.
"""

import glob
import os
import re
import unittest

from tools.lib.environment import REPO

FOLDER = os.path.join(REPO, "drivers/vfio/pci")
FIRST = "vfio_pci_slice_map"
# What others can name: functions, objects, and what a header defines in place of one.
DEFINED = re.compile(r"^(?!static|extern|typedef|#)[a-z][\w \t*\n]*?\b(vfio_pci_\w+)\([^;{}]*\)\n\{|"
                     r"^(?:const )?struct \w+ (vfio_pci_\w+) = \{|"
                     r"^static inline [\w \t*\n]*?\b(vfio_pci_\w+)\([^;{}]*\)\n\{|"
                     r"^#define (vfio_pci_\w+)", re.M)


def order(files):
    """The floors, from the first down, as its head comment names them."""
    head = files[FIRST + ".c"].split("*/")[0]
    return re.findall(r"^ \*\t(vfio_pci_\w+)\t", head, re.M)


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)


def owners(files):
    """{name: floor} of what our files define for others."""
    found = {}
    for path, text in files.items():
        for names in DEFINED.findall(without_comments(text)):
            found["".join(names)] = path.rsplit(".", 1)[0]
    return found


def upward(files):
    """What is wrong, a line each, in FILES: {name: text}."""
    floors = order(files)
    level = {name: number for number, name in enumerate(floors)}
    here = {path.rsplit(".", 1)[0] for path in files}
    wrong = [f"{name} has no floor" for name in sorted(here - level.keys())]
    wrong += [f"there is no {name}" for name in floors if name not in here]
    wrong += [f"{name} has no header" for name in floors if name + ".h" not in files]
    owner = owners(files)
    for path, text in sorted(files.items()):
        text = without_comments(text)
        mine = level.get(path.rsplit(".", 1)[0], -1)
        wrong += [f"{path} includes {name}.h" for name in re.findall(r'#include "(\w+)\.h"', text)
                  if level.get(name, -1) > mine]
        wrong += [f"{path} uses {name} of {owner[name]}"
                  for name in sorted(set(re.findall(r"\bvfio_pci_\w+", text)))
                  if level.get(owner.get(name), -1) > mine]
    return wrong


def read_all():
    files = {}
    for path in glob.glob(os.path.join(FOLDER, "vfio_pci_*.[ch]")):
        with open(path) as file:
            files[os.path.basename(path)] = file.read()
    return files


class Floors(unittest.TestCase):
    def setUp(self):
        self.files = read_all()

    def test_each_uses_those_above(self):
        self.assertEqual(upward(self.files), [])

    def test_all_functions_are_known(self):
        owner = owners(self.files)
        for name in ("vfio_pci_slice_lookup", "vfio_pci_bars_new", "vfio_pci_dma_buf_alloc",
                     "vfio_pci_bars_next", "vfio_pci_bars_outside_begin", "vfio_pci_slice_page",
                     "vfio_pci_core_get_iomap", "vfio_pci_slice_ops", "vfio_pci_dma_buf_select"):
            self.assertIn(name, owner)
        declared = set()
        for path, text in self.files.items():
            if path.endswith(".h"):
                declared |= set(re.findall(r"\b(vfio_pci_\w+)\([^()]*\)?;", without_comments(text)))
        self.assertGreater(len(declared), 60)
        self.assertEqual(declared - owner.keys(), set())

    def test_call_upward(self):
        self.files["vfio_pci_bars.c"] += "\nvoid f(void)\n{\n\tvfio_pci_bars_stop(NULL);\n}\n"
        self.assertEqual(upward(self.files),
                         ["vfio_pci_bars.c uses vfio_pci_bars_stop of vfio_pci_transition"])

    def test_upward_as_a_pointer(self):
        self.files["vfio_pci_slice.h"] += "\n#define OPS (&vfio_pci_slice_ops)\n"
        self.assertEqual(upward(self.files),
                         ["vfio_pci_slice.h uses vfio_pci_slice_ops of vfio_pci_bar_mmap"])

    def test_include_upward(self):
        self.files["vfio_pci_transition.h"] += '#include "vfio_pci_wc.h"\n'
        self.assertEqual(upward(self.files), ["vfio_pci_transition.h includes vfio_pci_wc.h"])

    def test_comments_may_look_up(self):
        self.files["vfio_pci_slice_map.h"] += "/* see vfio_pci_bars_stop() */\n"
        self.assertEqual(upward(self.files), [])

    def test_file_without_floor(self):
        self.files["vfio_pci_more.c"] = "\n"
        self.assertEqual(upward(self.files), ["vfio_pci_more has no floor"])

    def test_file_without_header(self):
        del self.files["vfio_pci_open.h"]
        self.assertEqual(upward(self.files), ["vfio_pci_open has no header"])
