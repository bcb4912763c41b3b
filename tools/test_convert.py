# SPDX-License-Identifier: GPL-2.0
"""Tests of `make convert` on drivers outside of the tree, and of what finds the old interface."""

import os
import shutil
import subprocess
import tempfile
import unittest

import cocci
import old_interface

SAMPLES = os.path.join(cocci.REPO, "tools/testing/convert")


class Convert(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.top)

    def convert(self, driver=None):
        """What is said about a copy of DRIVER, or about the same copy again."""
        if driver:
            shutil.copytree(os.path.join(SAMPLES, driver), self.top, dirs_exist_ok=True)
        run = subprocess.run([os.path.join(cocci.REPO, "tools/convert"), self.top], check=True,
                             text=True, stdout=subprocess.PIPE)
        return run.stdout

    def source(self, driver):
        with open(os.path.join(self.top, f"{driver}.c")) as file:
            return file.read()

    def write(self, path, text):
        os.makedirs(os.path.dirname(os.path.join(self.top, path)), exist_ok=True)
        with open(os.path.join(self.top, path), "w", newline="") as file:
            file.write(text)

    def test_samples_are_old(self):
        for driver in "importer", "exporter", "gpu", "local", "split":
            self.assertTrue(list(old_interface.report(os.path.join(SAMPLES, driver), ["."])))

    def test_importer(self):
        self.assertIn("1 files changed, 0 places left", self.convert("importer"))
        text = self.source("importer")
        self.assertIn("dma_buf_dynamic_attach(dmabuf, imp->dev, &importer_ops,", text)
        self.assertIn("imp->sgt = dma_buf_sgt_map_attachment(attach, DMA_BIDIRECTIONAL);", text)
        self.assertIn("dma_buf_sgt_unmap_attachment(attach, imp->sgt, DMA_BIDIRECTIONAL);", text)
        self.assertIn("dma_buf_sgt_dma_device(imp->attach) == dev", text)

    def test_exporter(self):
        self.assertIn("1 files changed, 0 places left", self.convert("exporter"))
        text = self.source("exporter")
        self.assertIn("\tDMA_BUF_SIMPLE_SGT_EXP_MATCH(exporter_map_dma_buf,\n"
                      "\t\t\t\t     exporter_unmap_dma_buf),\n\t.release", text)
        self.assertNotIn("attach->dev", text)

    def test_twice(self):
        self.convert("exporter")
        text = self.source("exporter")
        self.assertIn("0 files changed, 0 places left", self.convert())
        self.assertEqual(self.source("exporter"), text)

    def test_types_of_headers(self):
        said = self.convert("split")
        self.assertIn("1 files changed, 1 places left", said)
        self.assertIn("core/import.c:5: an attachment has no dev", said)
        text = self.source("core/import")
        self.assertIn("return dma_buf_sgt_dma_device(imp->attach) == dev || "
                      "dma_buf_sgt_dma_device(imp->others[0]) == dev;", text)
        self.assertIn("heap->attached->dev", text)

    def test_header_beside(self):
        self.write("x.h", "struct x { struct dma_buf_attachment *attach; };\n")
        self.write("x.c", '#include "x.h"\nvoid *f(struct x *x) { return x->attach->dev; }\n')
        self.assertIn("1 files changed, 0 places left", self.convert())

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
        self.write("clean.h", "struct x;\n")
        self.write("sub/y.c", "void *f(void *a) { return dma_buf_map_attachment(a, 0); }\n")
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
        self.write("x.c", "\r\n".join(lines) + "/* of Unix */\n/* of DOS */\r\n")
        self.assertIn("x.c: calls map", self.convert())
        lines[2] = lines[2].replace("map", "sgt_map")
        with open(os.path.join(self.top, "x.c"), newline="") as file:
            self.assertEqual(file.read(), "\r\n".join(lines) + "/* of Unix */\n/* of DOS */\r\n")

    def test_names_of_files(self):
        for path in "sub dir/a b.c", "sub dir/a_b.c", "sub dir/c'$(d).c":
            self.write(path, '#include "x.h"\nvoid *f(struct x *x) { return x->attach->dev; }\n')
        self.write("sub dir/x.h", "struct x { struct dma_buf_attachment *attach; };\n")
        self.assertIn("3 files changed, 0 places left", self.convert())

    def test_comments(self):
        self.write("x.c", "const struct dma_buf_ops a = {\n\t.unmap_dma_buf = unmap, // first\n"
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
            self.write(path, user)
        self.write("one/b.c", 'MODULE_IMPORT_NS("DMA_BUF");\n')
        self.write("six.c", '#include "six.h"\n')
        self.write("Kbuild", "ccflags-y := -I$(src)/include\nobj-$(CONFIG_ONE) += one.o\n"
                             "one-y := one/a.o \\\n\tone/b.o\nobj-m += three.o six.o\n")
        self.write("one/Makefile", "obj-m := two.o # three.o\n")
        self.write("seven/Makefile", "obj-m := seven.o\nseven-y := $(addprefix x/,a.o) b.o\n")
        self.write("seven/x/a.c", user)
        self.write("seven/b.c", 'MODULE_IMPORT_NS("DMA_BUF");\n')
        said = self.convert()
        for path, place in (("one/two.c", "the module two"), ("three.c", "the module three"),
                            ("six.c", "the module six"), ("four/a.c", "four/")):
            self.assertIn(f"{path}: {words.format(place)}", said)
        self.assertIn("0 files changed, 4 places left", said)

    def test_no_invalidation(self):
        words = "exporters that revoke refuse an importer without invalidate_mappings"
        head, tail = "const struct dma_buf_attach_ops {} = {{\n", "\t.allow_peer2peer = true,\n"
        ops = head + tail + "}};\n" + head + "\t.invalidate_mappings = f,\n" + tail + "}};\n"
        ops += head + tail + "\t.nested = {{ 1 }},\n\t.invalidate_mappings = f,\n}};\n"
        self.write("x.c", ops.format("without", "before", "behind"))
        said = self.convert()
        self.assertIn(f"x.c:2: {words}", said)
        self.assertEqual(said.count(words), 1)

    def test_choice_elsewhere(self):
        shutil.copy(os.path.join(SAMPLES, "exporter/exporter.c"), self.top)
        self.write("sub/attach.c", "int f(struct dma_buf_attachment *attach)\n{\n"
                                   "\treturn attach->peer2peer ? 0 : -EOPNOTSUPP;\n}\n")
        said = self.convert()
        for name, line in ("map_dma_buf", 50), ("unmap_dma_buf", 51):
            self.assertIn(f"exporter.c:{line}: struct dma_buf_ops has no {name}: make offers in "
                          "match_mapping, because sub/attach.c:3 asks for peer2peer", said)
        self.assertIn("sub/attach.c:3: an attachment has no peer2peer", said)
        self.assertIn("1 files changed, 3 places left", said)
        self.assertIn("dma_map_sgtable(dma_buf_sgt_dma_device(attach)", self.source("exporter"))

    def finish_gpu(self):
        """As a person would do it, who then forgets the namespace."""
        path = os.path.join(self.top, "gpu.c")
        text = self.source("gpu").replace("attach->peer2peer", "true")
        with open(path, "w") as file:
            file.write(text)
        said = self.convert()
        self.assertIn("DMA_BUF_SIMPLE_SGT_EXP_MATCH(gpu_map, gpu_unmap)", self.source("gpu"))
        return said

    def test_functions_are_left(self):
        said = self.convert("local")
        self.assertIn("1 files changed, 6 places left", said)
        for line in 38, 46, 61:
            self.assertIn(f"local.c:{line}: struct dma_buf_ops has no map_dma_buf: move this out of "
                          "the function", said)
        text = self.source("local")
        self.assertEqual(text.count(".unmap_dma_buf = local_unmap"), 3)
        self.assertIn("ops = {\n\tDMA_BUF_SIMPLE_SGT_EXP_MATCH(local_map, local_unmap),", text)
        self.assertIn("\t.ops = {\n\t\tDMA_BUF_SIMPLE_SGT_EXP_MATCH(local_map,", text)

    def test_nothing_to_do(self):
        self.assertIn("0 files changed, 0 places left", self.convert())


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


class SeveralFiles(unittest.TestCase):
    """What is used in one file and declared in another, as in the tree."""

    HEADER = "struct imp {\n\tstruct dma_buf_attachment *at, *more[2];\n\tstruct bus *bus;\n};\n" \
             "struct outer {\n\tstruct imp imp;\n};\n" \
             "struct dma_buf_attachment *find(struct bus *at);\n"

    def setUp(self):
        self.top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.top)

    def old(self, text, header=HEADER):
        for path, content in ("drivers/a/x.c", text), ("include/b/x.h", header):
            os.makedirs(os.path.dirname(os.path.join(self.top, path)), exist_ok=True)
            with open(os.path.join(self.top, path), "w") as file:
                file.write(content)
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


if __name__ == "__main__":
    unittest.main()
