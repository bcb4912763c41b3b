# SPDX-License-Identifier: GPL-2.0
"""Tests of `make convert` on drivers outside of the tree, and of what finds the old interface."""

import concurrent.futures
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from unittest import mock

from tools.lib import tool_module
from tools.lib.environment import REPO, env
from tools.lib.testing import Case
from tools.series import cocci, old_interface

SAMPLES = os.path.join(REPO, "tools/convert/samples")
CONVERT = os.path.join(REPO, "tools/convert/convert")


class Base(Case):
    def convert(self, driver=None, *options):
        """What is said about a copy of DRIVER, or about the same copy again."""
        if driver:
            shutil.copytree(os.path.join(SAMPLES, driver), self.top, dirs_exist_ok=True)
        run = subprocess.run([CONVERT, *options, self.top],
                             text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        counts = re.search(r"^(\d+) files (?:to be )?changed, (\d+) places must be changed, (\d+) "
                           r"to be checked, (\d+) mentioned$", run.stdout, re.M)
        self.counts = tuple(map(int, counts.groups())) if counts else None
        self.assertEqual(run.returncode, int(not counts or self.counts[1] > 0), run.stdout)
        return run.stdout

    def assert_counts(self, *counts):
        """So many files are changed, places must be changed, are to be checked, mentioned."""
        self.assertEqual(self.counts[:len(counts)], counts)

    def source(self, driver):
        return self.read(f"{driver}.c")


class Convert(Base):
    def test_samples_are_old(self):
        for driver in "importer", "exporter", "gpu", "local", "split":
            self.assertTrue(list(old_interface.report(os.path.join(SAMPLES, driver), ["."])))

    def test_importer(self):
        self.convert("importer")
        self.assert_counts(1, 0)
        text = self.source("importer")
        self.assertIn("dma_buf_dynamic_attach(dmabuf, imp->dev, &importer_ops,", text)
        self.assertIn("imp->sgt = dma_buf_sgt_map_attachment(attach, DMA_BIDIRECTIONAL);", text)
        self.assertIn("dma_buf_sgt_unmap_attachment(attach, imp->sgt, DMA_BIDIRECTIONAL);", text)
        self.assertIn("dma_buf_sgt_dma_device(imp->attach) == dev", text)

    def test_exporter(self):
        self.convert("exporter")
        self.assert_counts(1, 0)
        text = self.source("exporter")
        self.assertIn("\tDMA_BUF_SIMPLE_SGT_EXP_MATCH(exporter_map_dma_buf,\n"
                      "\t\t\t\t     exporter_unmap_dma_buf),\n\t.release", text)
        self.assertNotIn("attach->dev", text)

    def test_twice(self):
        self.convert("exporter")
        text = self.source("exporter")
        self.convert()
        self.assert_counts(0, 0)
        self.assertEqual(self.source("exporter"), text)

    def test_types_of_headers(self):
        said = self.convert("split")
        self.assert_counts(1, 1)
        self.assertIn("core/import.c:5: an attachment has no dev", said)
        text = self.source("core/import")
        self.assertIn("return dma_buf_sgt_dma_device(imp->attach) == dev || "
                      "dma_buf_sgt_dma_device(imp->others[0]) == dev;", text)
        self.assertIn("heap->attached->dev", text)

    def test_header_beside(self):
        self.put("x.h", "struct x { struct dma_buf_attachment *attach; };\n")
        self.put("x.c", '#include "x.h"\nvoid *f(struct x *x) { return x->attach->dev; }\n')
        self.convert()
        self.assert_counts(1, 0)

    def test_choice_is_left(self):
        said = self.convert("gpu")
        self.assertIn("gpu.c:26: an attachment has no peer2peer", said)
        self.assertIn("gpu.c:43: struct dma_buf_ops has no map_dma_buf", said)
        self.assertIn("gpu.c:24: the core asks for the distance", said)
        self.assertIn("gpu.c:35: attachments of other types have no device", said)
        self.assertIn("gpu.c: no file has MODULE_IMPORT_NS", self.finish_gpu())

    def test_links(self):
        elsewhere = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, elsewhere)
        other = os.path.join(elsewhere, "exporter.c")
        shutil.copy(os.path.join(SAMPLES, "exporter/exporter.c"), other)
        self.put("clean.h", "struct x;\n")
        self.put("sub/y.c", "void *f(void *a) { return dma_buf_map_attachment(a, 0); }\n")
        for path, target in (("x.c", other), ("gone.c", "/nowhere/gone.c"), ("below.c", "sub/y.c"),
                             ("sub/more", elsewhere), ("sub/again", "."),
                             ("out.h", os.path.join(SAMPLES, "split/Makefile"))):
            os.symlink(target, os.path.join(self.top, path))
        said = self.convert()
        self.assertIn(f"x.c: skipped, a link to {other}: convert it there", said)
        self.assertIn("x.c:50: struct dma_buf_ops has no map_dma_buf", said)
        self.assertIn("gone.c: skipped, a link to /nowhere/gone.c, where no file is", said)
        self.assertIn(f"sub/more: skipped, a link to {elsewhere}: convert it there", said)
        self.assertEqual(said.count("skipped"), 3)
        self.assertNotIn("below.c", said)
        self.assertIn("sub/y.c: calls map", said)
        self.assertTrue(os.path.islink(os.path.join(self.top, "x.c")))
        with open(other) as file, open(os.path.join(SAMPLES, "exporter/exporter.c")) as sample:
            self.assertEqual(file.read(), sample.read())

    def test_dos(self):
        lines = ["struct dma_buf_attachment *f(struct dma_buf *d)", "{",
                 "\treturn dma_buf_map_attachment(d, 0);", "}", ""]
        self.put("x.c", "\r\n".join(lines) + "/* of Unix */\n/* of DOS */\r\n")
        self.assertIn("x.c: calls map", self.convert())
        lines[2] = lines[2].replace("map", "sgt_map")
        with open(os.path.join(self.top, "x.c"), newline="") as file:
            self.assertEqual(file.read(), "\r\n".join(lines) + "/* of Unix */\n/* of DOS */\r\n")

    def test_names_of_files(self):
        for path in "sub dir/a b.c", "sub dir/a_b.c", "sub dir/c'$(d).c":
            self.put(path, '#include "x.h"\nvoid *f(struct x *x) { return x->attach->dev; }\n')
        self.put("sub dir/x.h", "struct x { struct dma_buf_attachment *attach; };\n")
        self.convert()
        self.assert_counts(3, 0)

    def test_comments(self):
        self.put("x.c", "const struct dma_buf_ops a = {\n\t.unmap_dma_buf = unmap, // first\n"
                          "\t.map_dma_buf = map, // second\n\t.release = release, // third\n};\n"
                          "const struct dma_buf_ops b = {\n\t.map_dma_buf = map,\n"
                          "\t.unmap_dma_buf = unmap, // fourth\n};\n"
                          "const struct dma_buf_ops c = {\n\t.map_dma_buf = map, /* fifth */\n"
                          "\t.release = release,\n\t.unmap_dma_buf = unmap, /* sixth */\n};\n")
        self.convert()
        text = self.source("x")
        self.assertIn("\t// first\n\tDMA_BUF_SIMPLE_SGT_EXP_MATCH(map, unmap), // second\n"
                      "\t.release = release, // third\n", text)
        for word in "fourth", "fifth", "sixth":
            self.assertEqual(text.count(word), 1)

    def test_namespace(self):
        words = 'no file has MODULE_IMPORT_NS("DMA_BUF") in {}; one file of each module needs it'
        user = "void f(void *a) { dma_buf_sgt_map_attachment(a, 0); }\n"
        for path in "one/a.c", "one/two.c", "three.c", "four/a.c", "include/six.h":
            self.put(path, user)
        self.put("one/b.c", 'MODULE_IMPORT_NS("DMA_BUF");\n')
        self.put("six.c", '#include "six.h"\n')
        self.put("Kbuild", "ccflags-y := -I$(src)/include\nobj-$(CONFIG_ONE) += one.o\n"
                             "one-y := one/a.o \\\n\tone/b.o\nobj-m += three.o six.o\n")
        self.put("one/Makefile", "obj-m := two.o # three.o\n")
        self.put("seven/Makefile", "obj-m := seven.o\nseven-y := $(addprefix x/,a.o) b.o\n")
        self.put("seven/x/a.c", user)
        self.put("seven/b.c", 'MODULE_IMPORT_NS("DMA_BUF");\n')
        said = self.convert()
        for path, place in (("one/two.c", "the module two"), ("three.c", "the module three"),
                            ("six.c", "the module six"), ("four/a.c", "four/")):
            self.assertIn(f"{path}: {words.format(place)}", said)
        self.assert_counts(0, 4)

    def test_no_invalidation(self):
        words = "exporters that revoke refuse an importer without invalidate_mappings"
        head, tail = "const struct dma_buf_attach_ops {} = {{\n", "\t.allow_peer2peer = true,\n"
        ops = head + tail + "}};\n" + head + "\t.invalidate_mappings = f,\n" + tail + "}};\n"
        ops += head + tail + "\t.nested = {{ 1 }},\n\t.invalidate_mappings = f,\n}};\n"
        self.put("x.c", ops.format("without", "before", "behind"))
        said = self.convert()
        self.assertIn(f"x.c:2: {words}", said)
        self.assertEqual(said.count(words), 1)

    def test_choice_elsewhere(self):
        shutil.copy(os.path.join(SAMPLES, "exporter/exporter.c"), self.top)
        self.put("sub/attach.c", "int f(struct dma_buf_attachment *attach)\n{\n"
                                   "\treturn attach->peer2peer ? 0 : -EOPNOTSUPP;\n}\n")
        said = self.convert()
        for name, line in ("map_dma_buf", 50), ("unmap_dma_buf", 51):
            self.assertIn(f"exporter.c:{line}: struct dma_buf_ops has no {name}: make offers in "
                          "match_mapping, because sub/attach.c:3 asks for peer2peer", said)
        self.assertIn("sub/attach.c:3: an attachment has no peer2peer", said)
        self.assert_counts(1, 3)
        self.assertIn("dma_map_sgtable(dma_buf_sgt_dma_device(attach)", self.source("exporter"))

    def finish_gpu(self):
        """A person converts it by hand, and forgets the namespace."""
        path = os.path.join(self.top, "gpu.c")
        text = self.source("gpu").replace("attach->peer2peer", "true").replace(
            "pci_p2pdma_distance(bo->pdev, ", "compare(").replace("attach->dev", "attach")
        with open(path, "w") as file:
            file.write(text)
        said = self.convert()
        self.assertIn("DMA_BUF_SIMPLE_SGT_EXP_MATCH(gpu_map, gpu_unmap)", self.source("gpu"))
        return said

    def test_functions_are_left(self):
        said = self.convert("local")
        self.assert_counts(1, 6)
        for line in 38, 46, 61:
            self.assertIn(f"local.c:{line}: struct dma_buf_ops has no map_dma_buf: move this out of "
                          "the function", said)
        text = self.source("local")
        self.assertEqual(text.count(".unmap_dma_buf = local_unmap"), 3)
        self.assertIn("ops = {\n\tDMA_BUF_SIMPLE_SGT_EXP_MATCH(local_map, local_unmap),", text)
        self.assertIn("\t.ops = {\n\t\tDMA_BUF_SIMPLE_SGT_EXP_MATCH(local_map,", text)

    def test_nothing_to_do(self):
        self.assertIn("no C files are there", self.convert())
        self.put("x.c", "int x;\n")
        self.convert()
        self.assert_counts(0, 0)


class Fold(unittest.TestCase):
    CALL = "\tattachment = dma_buf_sgt_unmap_attachment_unlocked(attachment, scatter, direction);"

    def test_code(self):
        self.assertEqual(cocci.fold(self.CALL + "\n"),
                         [self.CALL.replace(" direction);", "\n"),
                          "\t\t\t\t\t\t\t   direction);\n"])

    def test_directive(self):
        for start in "#define F(a) ", "\t# define F ":
            line = f"{start}{self.CALL.strip()}\n"
            self.assertEqual(cocci.fold(line), [line])

    def test_continued(self):
        for end in "\\", "\t\\ ":
            line = f"{self.CALL}{end}\n"
            self.assertEqual(cocci.fold(line), [line])

    def test_comment(self):
        for end in "// not (this, that)", "/* not (this, that) */":
            line = f"{self.CALL} {end}\n"
            self.assertEqual(cocci.fold(line), [line])

    def test_end_of_macro(self):
        macro = ["#define ATTACH() \\\n", self.CALL + "\n"]
        old = [line.replace("_sgt_", "_") for line in macro]
        self.assertEqual(cocci.tidy(old, macro), macro)


class Shapes(Base):
    """Small inputs of shapes that real drivers have, each with what is made and said of it."""

    FOLDER = os.path.join(SAMPLES, "shapes")
    NAMES = sorted(name[:-2] for name in os.listdir(FOLDER) if name.endswith(".c"))

    def file(self, name):
        with open(os.path.join(self.FOLDER, name), encoding="latin-1") as file:
            return file.read()

    def dry(self, name):
        with tempfile.TemporaryDirectory() as top:
            shutil.copy(os.path.join(self.FOLDER, f"{name}.c"), top)
            run = subprocess.run([CONVERT, "--dry", top], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
            with open(os.path.join(top, f"{name}.c"), encoding="latin-1") as file:
                kept = file.read() == self.file(f"{name}.c")
            return run.returncode, run.stdout.decode("latin-1"), kept, os.listdir(top)

    def test_each(self):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for name, found in zip(self.NAMES, pool.map(self.dry, self.NAMES)):
                status, said, kept, there = found
                with self.subTest(name):
                    self.assertEqual(said, self.file(f"{name}.expected"))
                    self.assertEqual(status, int(" 0 places must be" not in said))
                    self.assertTrue(kept)
                    self.assertEqual(there, [f"{name}.c"])

    def test_twice(self):
        """All that can be changed is changed at once."""
        for name in self.NAMES:
            shutil.copy(os.path.join(self.FOLDER, f"{name}.c"), self.top)
        self.convert()
        self.assertGreater(self.counts[0], 10)
        self.convert()
        self.assertEqual(self.counts[0], 0)

    def test_ready_made(self):
        """What is printed for an exporter with a choice compiles in its place."""
        kernel = our_kernel(self)
        for name in "maps_a_bar", "p2p_cond":
            said, text = self.file(f"{name}.expected"), self.file(f"{name}.c")
            offer = re.search(r"^\t/\* .*?^\t}$", said, re.M | re.S)[0] + \
                re.search(r"^\t}$(.*?)(?=^\d)", said, re.M | re.S)[1]
            text = re.sub(r"\t\.map_dma_buf = (\w+),\n\t\.unmap_dma_buf = \w+,\n",
                          r"\t.match_mapping = \1_match,\n", text)
            at = re.search(r"^(?:static )?const struct dma_buf_ops", text, re.M).start()
            self.put(f"{name}.c", "#include <linux/dma-buf-mapping.h>\n" + text[:at] + offer +
                       "\n" + text[at:])
        self.convert(None, "--kdir", kernel)
        self.assertEqual(self.counts[1], 0)


class Options(Base):
    OLD = "struct device *f(struct dma_buf_attachment *a) { return a->dev; }\n"

    def test_no_folder(self):
        run = subprocess.run([CONVERT, "/nowhere"], text=True, stderr=subprocess.PIPE)
        self.assertIn("there is no directory /nowhere", run.stderr)
        self.assertEqual(run.returncode, 1)
        self.assertIn("is not a kernel's build directory", self.convert(None, "--kdir", self.top))

    def test_all_or_nothing(self):
        for name in "a.c", "b.c", "c.c":
            self.put(name, self.OLD)
        os.mkdir(os.path.join(self.top, "b.c.convert-new"))
        self.assertIn("b.c.convert-new: Is a directory; no file was changed", self.convert())
        os.rmdir(os.path.join(self.top, "b.c.convert-new"))
        self.assertEqual(sorted(os.listdir(self.top)), ["a.c", "b.c", "c.c"])
        for name in "abc":
            self.assertEqual(self.source(name), self.OLD)
        os.chmod(os.path.join(self.top, "a.c"), 0o640)
        self.convert()
        self.assert_counts(3, 0)
        self.assertEqual(sorted(os.listdir(self.top)), ["a.c", "b.c", "c.c"])
        self.assertEqual(os.stat(os.path.join(self.top, "a.c")).st_mode & 0o777, 0o640)

    def test_nothing_is_added(self):
        """A file that was not there before goes when a later one cannot be replaced."""
        self.put("a.c", self.OLD)
        replace, convert = os.replace, tool_module.load("convert/convert")

        def fails(source, target):
            if source.endswith("a.c.convert-new"):
                raise OSError(28, "No space left on device", source)
            replace(source, target)

        with mock.patch("os.replace", fails), self.assertRaises(SystemExit):
            convert.write(self.top, {"new.h": "", "a.c": "changed"})
        self.assertEqual(os.listdir(self.top), ["a.c"])
        self.assertEqual(self.source("a"), self.OLD)

    def test_choice_of_one_file(self):
        """The exporter itself asks for a distance; importers next to it do not count."""
        ops = "const struct dma_buf_ops {0} = {{\n\t.map_dma_buf = {0}_map,\n" \
            "\t.unmap_dma_buf = {0}_unmap,\n}};\n"
        asks = "int f(void) { return pci_p2pdma_distance(0, 0, 0); }\n"
        self.put("a.c", ops.format("a") + asks)
        self.put("b.c", ops.format("b"))
        said = self.convert()
        self.assertIn("b.c: declares plain SGT", said)
        self.assertIn("a.c:2: struct dma_buf_ops has no map_dma_buf: make offers in match_mapping, "
                      "because a.c:5 asks for the distance", said)
        self.put("b.c", ops.format("b"))
        self.put("c.c", "bool g(struct dma_buf_attachment *a)\n"
                          "{ return a->importer_ops->allow_peer2peer; }\n")
        said = self.convert()
        self.assertIn("b.c:2: struct dma_buf_ops has no map_dma_buf: make offers in match_mapping, "
                      "because c.c:2 asks the importer for peer-to-peer", said)
        self.assert_counts(0, 4, 3)

    def test_uncommitted(self):
        self.put("a.c", self.OLD)
        self.assertNotIn("not committed", self.convert())
        subprocess.run(["git", "init", "-q", self.top], check=True)
        self.assertIn("1 files there had changes that were not committed", self.convert())

    def test_scripts(self):
        self.put("a.c", "int x;\n")
        self.put("conftest.sh", "echo 'offsetof(struct dma_buf_attachment, peer2peer)'\n")
        self.put("Kbuild", "# .map_dma_buf\nobj-m += a.o\n")
        self.put("README", "\ncalls dma_buf_map_attachment()\n")
        self.put("a.bin", "\0peer2peer")
        said = self.convert()
        for line in ("conftest.sh:1: peer2peer; if this looks for it in the kernel",
                     "Kbuild:1: map_dma_buf;", "README:2: dma_buf_map_attachment;"):
            self.assertIn(line, said)
        self.assert_counts(0, 0, 0, 3)

    KERNEL = """%.o:
\t@grep -q dma_buf_sgt_dma_device $(M)/$*.c && grep -q '$@' $(M)/Kbuild
\t@echo "$(M)/$*.c:7:2: warning: odd"
\t@echo "$(M)/$*.c:8: error: bad"; exit 1
"""

    def test_compiler(self):
        self.put("sub/a.c", self.OLD)
        self.put("b.c", "int x;\n")
        self.put("c.h", self.OLD)
        with tempfile.TemporaryDirectory() as kernel:
            with open(os.path.join(kernel, "Makefile"), "w") as file:
                file.write(self.KERNEL)
            said = self.convert(None, "--kdir", kernel, "--dry")
            self.assertIn("sub/a.c:8: the compiler says: bad", said.split("To be checked")[0])
            self.assertIn("sub/a.c:7: the compiler says: odd", said.split("To be checked")[1])
            self.assert_counts(2, 1, 1)
            with open(os.path.join(kernel, "Makefile"), "w") as file:
                file.write("%.o:\n\t@echo 'no such compiler'; exit 1\n")
            self.assertIn("they could not be compiled: no such compiler",
                          self.convert(None, "--kdir", kernel, "--dry"))
        self.assertEqual(sorted(os.listdir(self.top)), ["b.c", "c.h", "sub"])


def our_kernel(test):
    """The kernel that was built last, as a directory for modules."""
    obj = env("obj")
    if not os.path.exists(os.path.join(obj, "vmlinux")):
        test.skipTest("no kernel was built yet: make kernel")
    return obj


class Older(Base):
    """Two modules build on the kernel before mapping types, on ours, and on both."""

    def headers(self):
        run = subprocess.run([os.path.join(REPO, "tools/convert/fetch-headers"), "6.1",
                              os.path.join(REPO, "build/dl")], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if run.returncode or not shutil.which("gcc-12"):
            last = (run.stderr.strip().splitlines() or ["there is no gcc-12"])[-1]
            self.skipTest(f"no headers of 6.1: {last}")
        return run.stdout.strip()

    def modules(self, kernel):
        run = subprocess.run(["make", "-s", "-C", kernel, f"M={self.top}", "modules"], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env={**os.environ, "MAKEFLAGS": ""})
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertNotIn("warning", run.stdout.lower())
        return sorted(name for name in os.listdir(self.top) if name.endswith(".ko"))

    MODULES = ["older_exporter.ko", "older_importer.ko"]

    def test_header(self):
        self.assertIn("+#define dma_buf_sgt_dma_device(attach)",
                      self.convert("older", "--compat", "--dry"))
        self.assert_counts(3, 0, 0)
        self.assertFalse(os.path.exists(os.path.join(self.top, "dma_buf_compat.h")))
        self.convert("older", "--compat")
        self.assert_counts(3, 0, 0)
        for name in "older_exporter", "older_importer":
            self.assertEqual(self.source(name).count('#include "dma_buf_compat.h"\n'), 1)
            self.assertNotRegex(self.source(name), r"(?m)^#if[^\n]*\n#include \"dma_buf_compat")
        self.convert(None, "--compat")
        self.assert_counts(0, 0, 0)

    def test_header_below(self):
        self.put("sub/a.c", '#include "x.h"\n#ifdef X\n#include <linux/dma-buf.h>\n#endif\n' +
                   Options.OLD)
        self.convert(None, "--compat")
        self.assertTrue(self.source("sub/a").startswith(
            '#include "x.h"\n#include "../dma_buf_compat.h"\n#ifdef X\n'))

    def test_old_kernel(self):
        kernel = self.headers()
        shutil.copytree(os.path.join(SAMPLES, "older"), self.top, dirs_exist_ok=True)
        self.assertEqual(self.modules(kernel), self.MODULES)
        self.convert("older", "--compat")
        self.assert_counts(3, 0)
        self.assertEqual(self.modules(kernel), self.MODULES)

    def test_without_header(self):
        """That it is the header which does it."""
        self.convert("older", "--kdir", self.headers())
        self.assertGreater(self.counts[1], 0)

    def test_our_kernel(self):
        kernel = our_kernel(self)
        self.convert("older", "--compat", "--kdir", kernel)
        self.assert_counts(3, 0, 0)


class OldInterface(unittest.TestCase):
    def old(self, text, code=True):
        return [words for _, words in old_interface.findings(text, code)]

    def test_names(self):
        for name in ("map_attachment", "unmap_attachment", "map_attachment_unlocked",
                     "unmap_attachment_unlocked"):
            self.assertEqual(len(self.old(f" * calls dma_buf_{name}().\n", code=False)), 1)
            self.assertEqual(self.old(f"dma_buf_sgt_{name}(a);\n"), [])

    def test_attach(self):
        self.assertEqual(self.old("a = dma_buf_attach(d, dev);\n"), [])
        self.assertEqual(self.old("attach = dma_buf_dynamic_attach(d, dev, ops, p);\n"), [])

    def test_initialiser(self):
        body = "{\n\t.map_dma_buf = foo,\n};\n"
        self.assertEqual(len(self.old(f"const struct dma_buf_ops ops = {body}")), 1)
        self.assertEqual(self.old(f"const struct dma_buf_mapping_sgt_exp_ops ops = {body}"), [])

    def test_nested_initialiser(self):
        self.assertEqual(len(self.old("static const struct virtio_dma_buf_ops ops = {\n"
                                      "\t.ops = {\n\t\t.unmap_dma_buf = foo,\n\t},\n};\n")), 1)

    def test_in_function(self):
        body = "{\n\t.map_dma_buf = foo,\n};\n"
        for before, local in (("int f(void)\n{\n\tstruct dma_buf_ops ops = ", True),
                              ("int f(void) {\n\tif (a) {\n\t\t*ops = (struct dma_buf_ops) ", True),
                              ("int f(void)\n{\n#ifdef A\n\tif (a) {\n#else\n\tif (b) {\n#endif\n"
                               "\t}\n}\nstruct dma_buf_ops ops = ", False),
                              ("int f(void) { return 0; }\nstruct dma_buf_ops ops = ", False),
                              ("struct x x = {\n\t.ops = ", False),
                              ("struct dma_buf_ops *ops = &(struct dma_buf_ops)", False),
                              ("#define OPS(foo) ", False)):
            [words] = self.old(before + body)
            self.assertEqual("move this out of the function" in words, local, before)

    def test_callback(self):
        self.assertEqual(len(self.old("if (dma_buf->ops->map_dma_buf == foo)\n")), 1)
        for use in ("tdev->ops.unmap_dma_buf = foo", "drv_ops.map_dma_buf = foo",
                    "o->map_dma_buf = foo", "b->o[0].map_dma_buf = foo",
                    "(*o).map_dma_buf = foo", "f(b)->map_dma_buf = foo"):
            for text in "{};\n", "void f(struct dma_buf_ops *o)\n{{\n\t{};\n}}\n":
                [words] = self.old(text.format(use))
                self.assertIn("to be set", words)
        self.assertEqual(len(self.old("x = { .o.map_dma_buf = foo, [1].map_dma_buf = foo };\n")), 2)

    def test_callback_of_sgt(self):
        for use in "o->map_dma_buf(a, dir)", "b->o->map_dma_buf == map", "p.unmap_dma_buf = unmap":
            self.assertEqual(self.old("struct bo {\n\tstruct dma_buf_mapping_sgt_exp_ops *o;\n};\n"
                                      "struct dma_buf_mapping_sgt_exp_ops p;\n"
                                      "void f(const struct dma_buf_mapping_sgt_exp_ops *o,\n"
                                      f"       struct bo *b)\n{{\n\t{use};\n}}\n"), [])
        self.assertEqual(self.old(" * &dma_buf_mapping_sgt_exp_ops.map_dma_buf\n"
                                  " * their own ->map_dma_buf() do not\n"), [])

    def test_members(self):
        attach = "struct dma_buf_attachment *attach = f();\n"
        other = "struct heap_attachment *attach = f();\n"
        self.assertEqual(len(self.old(attach + "x(attach->dev);\n")), 1)
        self.assertEqual(len(self.old(attach + "x(attach->peer2peer);\n")), 1)
        self.assertEqual(self.old(other + "x(attach->dev);\n"), [])
        self.assertEqual(self.old(attach + other + "x(attach->dev);\n"), [])
        self.assertEqual(len(self.old("x(obj->import_attach->dev);\n")), 1)


class SeveralFiles(Case):
    """What is used in one file and declared in another, as in the tree."""

    HEADER = "struct imp {\n\tstruct dma_buf_attachment *at, *more[2];\n\tstruct bus *bus;\n};\n" \
             "struct outer {\n\tstruct imp imp;\n};\n" \
             "struct dma_buf_attachment *find(struct bus *at);\n"

    def old(self, text, header=HEADER):
        self.put("drivers/a/x.c", text)
        self.put("include/b/x.h", header)
        return [line.split(":")[:2] for line in old_interface.report(self.top,
                                                                     old_interface.FOLDERS)]

    def test_found(self):
        for use in ("imp->at->dev", "(imp)->at->dev", "(*imp->at).dev", "imp->more[1]->dev",
                    "outer->imp.at->dev", "find(imp)->dev", "obj->import_attach->dev",
                    "imp->at->peer2peer", "unknown->peer2peer", "find(bus)->peer2peer"):
            self.assertEqual(self.old(f"\nx({use});\n"), [["drivers/a/x.c", "2"]], use)

    def test_planted(self):
        """Each kind in the sample of a driver that has been moved over."""
        with open(os.path.join(SAMPLES, "split/core/import.c")) as file:
            lines = file.read().replace("->dev", "->bus").splitlines(True)
        with open(os.path.join(SAMPLES, "split/include/split.h")) as file:
            header = file.read()
        at = lines.index("{\n") + 1
        self.assertEqual(self.old("".join(lines), header), [])
        for old in ("\timp->sgt = dma_buf_map_attachment(imp->attach, dir);", "\t/* as dma_buf_map_attachment() */",
                    "\treturn dev == imp->attach->dev;", "\tdev = (*imp->others[1]).dev;",
                    "\tif (imp->attach->peer2peer)", "\tops.unmap_dma_buf = unmap;",
                    "\timp->ops->map_dma_buf = map;", "\tif (imp->ops->map_dma_buf == map)",
                    "\treturn imp->o.unmap_dma_buf(imp->attach, sgt, dir);",
                    "\tstruct dma_buf_ops o = { .map_dma_buf = map };"):
            planted = "".join(lines[:at] + [old + "\n"] + lines[at:])
            self.assertEqual(self.old(planted, header), [["drivers/a/x.c", str(at + 1)]], old)

    def test_of_others(self):
        for use in ("imp->bus->dev", "at->dev", "imp->dev", "x.dev"):
            self.assertEqual(self.old(f"x({use});\n"), [], use)
        self.assertEqual(self.old("void f(struct iwarp *i)\n{\n\tx(i->peer2peer);\n}\n"), [])
        self.assertEqual(self.old("void f(struct other *o)\n{\n\tx(o->at->dev);\n}\n",
                                  self.HEADER + "struct other {\n\tstruct bus *at;\n};\n"), [])

    def test_link(self):
        source = os.path.join(self.top, "x.c")
        with open(source, "w") as file:
            file.write("dma_buf_map_attachment(a, b);\n")
        tree = os.path.join(self.top, "tree")
        os.makedirs(os.path.join(tree, "drivers"))
        os.symlink(source, os.path.join(tree, "drivers/y.c"))
        [said] = old_interface.report(tree, old_interface.FOLDERS)
        self.assertTrue(said.startswith("drivers/y.c:1: dma_buf_map_attachment()"))

    def test_whole_attachment(self):
        self.assertEqual(self.old("x(bo->base.dev);\nx(bo->base->dev);\n",
                                  "struct fake {\n\tstruct dma_buf_attachment base;\n};\n"), [])

    def test_clean(self):
        self.assertEqual(self.old("x(dma_buf_sgt_dma_device(imp->at));\n"), [])
