# SPDX-License-Identifier: GPL-2.0
"""Is the C code of our chapters code that is compiled, and does Sphinx take the chapters?"""

import os
import re
import shutil
import subprocess
import unittest

from tools.lib.environment import REPO
from tools.lib.testing import Case
from tools.series.steps import read_steps

# A line of a literal block that is C and nothing else.
C_LINE = re.compile(r"^\s+(#include\b|static\b|struct \w+ (\w+ = )?\{|return\b.*;|\w[\w>.\-]*\(.*\);$|"
                    r".*\) \{$|\w[\w\->.\[\]]* \|?= .*;$)")
INCLUDE = re.compile(r"^\.\. literalinclude:: (\S+)\n((?:   :.*\n)*)", re.M)


def sources():
    return [path for step in read_steps() for path in step.files]


def chapters():
    return [path for path in sources() if path.endswith(".rst")]


def read(path):
    with open(os.path.join(REPO, path)) as file:
        return file.read()


def literal_c(text):
    """Lines of C that stand in the chapter itself, in blocks of more than one line."""
    return [line for block in re.findall(r"::\n\n((?:[ \t].*\n|\n)+)", text)
            for line in block.splitlines() if C_LINE.match(line) and len(block.split("\n")) > 3]


def included(text):
    """The files that a chapter includes, with the marks between which."""
    for path, options in INCLUDE.findall(text):
        yield path, *(re.search(f"{name}: (.*)", options)[1] for name in ("start-after",
                                                                          "end-before"))


class Chapters(unittest.TestCase):
    def test_no_code_that_nobody_compiles(self):
        for chapter in chapters():
            with self.subTest(chapter):
                self.assertEqual(literal_c(read(chapter)), [])

    def test_what_is_included_is_there(self):
        for chapter in chapters():
            for path, start, end in included(read(chapter)):
                target = os.path.normpath(os.path.join(os.path.dirname(chapter), path))
                with self.subTest(chapter=chapter, path=path, start=start):
                    self.assertIn(target, sources())
                    _, *after = read(target).split(start)
                    self.assertEqual(len(after), 1)
                    self.assertTrue(after[0].split(end)[0].strip("/* \n"))
                    self.assertIn(end, after[0])

    def test_examples_are_compiled(self):
        """An example is a test of its own, or a test includes it."""
        for path in sources():
            if not os.path.basename(path).startswith("example-"):
                continue
            users = [other for other in sources() if other.endswith(("-test.c", "-window.c"))
                     and f'#include "{os.path.basename(path)}"' in read(other)]
            with self.subTest(path):
                self.assertTrue(users)

    def test_c_is_found(self):
        self.assertEqual(len(literal_c("text::\n\n\tret = f(a);\n\tstatic int g(void)\n\n"
                                       "\t{\n\t\treturn 0;\n\t}\n\nmore\n")), 3)
        self.assertEqual(literal_c("text::\n\n\t# cat /proc/1\n\tsize    flags\n\nmore\n"), [])


class Readme(unittest.TestCase):
    def test_packages(self):
        """The list for other systems is that of install-deps, Debian's own keys aside."""
        packages = re.search(r'packages="([^"]*)"', read("tools/lib/install-deps"))[1].split()
        listed = re.search(r"names of your system:\n\n((?:    .*\n)+)", read("README.md"))[1].split()
        self.assertEqual(sorted(listed), sorted(set(packages) - {"debian-archive-keyring"}))

    def test_links(self):
        for page in "README.md", "CONTRIBUTING.md":
            for target in re.findall(r"\]\(([^)]+)\)", read(page)):
                with self.subTest(page=page, target=target):
                    self.assertTrue(os.path.exists(os.path.join(REPO, target)))


class Sphinx(Case):
    """tools/docs/docs, which runs the kernel's own target."""

    def docs(self, tree):
        made = subprocess.run([os.path.join(REPO, "tools/docs/docs"), tree, self.at("out")], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return made.stdout, made.returncode

    def fake(self, *commands):
        """What is said of a tree in which htmldocs runs these commands."""
        os.makedirs(self.at("tree/Documentation"))
        self.put("tree/Makefile", "htmldocs:\n" + "".join(f"\t@{command}\n" for command in commands))
        return self.docs(self.at("tree"))

    def test_chapters(self):
        tree = subprocess.run([os.path.join(REPO, "tools/lib/print-path"), "tree"], text=True,
                              stdout=subprocess.PIPE).stdout.strip()
        if not os.path.exists(os.path.join(tree, ".pc/overlay.json")):
            self.skipTest("no prepared tree: make tree")
        if not shutil.which("sphinx-build"):
            self.skipTest("sphinx-build is not installed: make deps")
        self.assertEqual(self.docs(tree), ("", 0))

    def test_warning(self):
        line = "x.rst:7: WARNING: Unexpected indentation."
        self.assertEqual(self.fake(f"echo '{line}'"), (line + "\n", 1))

    def test_failure(self):
        said, status = self.fake("echo broken", "exit 1")
        self.assertIn("broken", said)
        self.assertNotEqual(status, 0)

    def test_nothing(self):
        self.assertEqual(self.fake("true"), ("", 0))
