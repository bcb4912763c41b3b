# SPDX-License-Identifier: GPL-2.0
"""Tests of what is known of the conditions in a driver."""

import re
import unittest

from tools.convert import conditions


class Conditions(unittest.TestCase):
    def value(self, text):
        return conditions.evaluate("if", text)

    def test_values(self):
        for text, value in (("1", 1), ("0", 0), ("!0", 1), ("X", None), ("defined(X)", None),
                            ("LINUX_VERSION_CODE >= KERNEL_VERSION(5, 0, 0)", 1),
                            ("LINUX_VERSION_CODE < KERNEL_VERSION(6,1,300)", 0),
                            ("(KERNEL_VERSION(6, 2, 0) > LINUX_VERSION_CODE)", 0),
                            ("LINUX_VERSION_CODE >= KERNEL_VERSION(99, 0, 0)", 0),
                            ("0 && X", 0), ("X && 0", 0), ("1 && X", None), ("X || 1", 1),
                            ("X || 0", None), ("!X", None), ("IS_ENABLED(CONFIG_X) || 1", None),
                            ("X > 3", None), ("defined DMA_BUF_SIMPLE_SGT_EXP_MATCH", 1),
                            ("!defined(DMA_BUF_SIMPLE_SGT_EXP_MATCH)", 0),
                            ("!defined(DMA_BUF_SIMPLE_SGT_EXP_MATCHES)", None),
                            ("1 \\\n&& 0", 0), ("", None), ("(1", None)):
            self.assertEqual(self.value(text), value, text)

    def dead(self, text):
        branches = conditions.Branches(text)
        return "".join(match[1] for match in re.finditer(r"\n_([A-Z])", "\n" + text)
                       if branches.dead(match.start()))

    def test_branches(self):
        new, old = "#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0)\n", \
            "#ifndef DMA_BUF_SIMPLE_SGT_EXP_MATCH\n"
        for text, dead in ((f"_A\n{new}_B\n#else\n_C\n#endif\n_D", "C"),
                           (f"{old}_A\n#else\n_B\n#endif\n_C", "A"),
                           ("#ifdef X\n_A\n#elif 1\n_B\n#else\n_C\n#endif\n", "C"),
                           (f"#ifdef X\n_A\n{old}_B\n#ifdef Y\n_C\n#endif\n#endif\n_D\n#endif", "BC"),
                           ("#if 0\n_A", "A"), ("#endif\n#else\n_A\n", ""),
                           ("  #  if 0\n_A\n  # endif\n_B", "A"),
                           ("#if 0\n#else\n_A\n#endif", "")):
            self.assertEqual(self.dead(text), dead, text)

    def test_same_branch(self):
        text = "A\n#if x\nB\n#if y\nC\n#endif\nE\n#else\nF\n#endif\nG\n"
        at = {c.lower(): conditions.Branches(text).at(text.index(c)) for c in "ABCEFG"}
        self.assertEqual(at["b"], at["e"])
        self.assertEqual(at["a"], at["g"])
        self.assertNotEqual(at["b"], at["f"])
