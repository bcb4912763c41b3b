# SPDX-License-Identifier: GPL-2.0
"""Tests of what is said about a module's imports."""

import subprocess

from tools.lib.testing import Case
from tools.objects import module_imports

USES = "extern int dma_buf_put(void);\nint {0}_uses(void)\n{{\n\treturn dma_buf_put();\n}}\n"
IMPORTS = 'const char {0}_ns[] = "import_ns=DMA_BUF";\n'
AS_MODULE = "gcc -DMODULE -DKBUILD_MODNAME='\"{0}\"' -c"
BUILT_IN = "gcc -DKBUILD_MODNAME='\"{0}\"' -c"


class ModuleImports(Case):
    def objects(self, *objects):
        """The check of objects given as (name, text, compiled by)."""
        paths = [self.at(name + ".o") for name, _, _ in objects]
        for path, (name, text, command) in zip(paths, objects):
            subprocess.run(["gcc", "-x", "c", "-c", "-o", path, "-"], input=text.format(name),
                           check=True, text=True)
            self.put(f".{name}.o.cmd", command)
        return module_imports.check("nm", paths, {"dma_buf_put"})

    def test_missing(self):
        self.assertEqual(self.objects(("one", USES, AS_MODULE.format("card"))),
                         {"card": ["dma_buf_put"]})

    def test_another_object_imports(self):
        found = self.objects(("one", USES, AS_MODULE.format("card")),
                             ("two", IMPORTS, AS_MODULE.format("card")))
        self.assertEqual(found, {"card": []})

    def test_another_module_imports(self):
        found = self.objects(("one", USES, AS_MODULE.format("card")),
                             ("two", USES + IMPORTS, AS_MODULE.format("other")))
        self.assertEqual(found, {"card": ["dma_buf_put"], "other": []})

    def test_built_in_needs_none(self):
        self.assertEqual(self.objects(("one", USES, BUILT_IN.format("card"))), {})

    def test_use_is_what_counts(self):
        self.assertEqual(self.objects(("one", "int {0};\n", AS_MODULE.format("card"))), {})
