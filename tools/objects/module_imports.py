# SPDX-License-Identifier: GPL-2.0
"""Does a module import the namespace of dma-buf's symbols?

The kernel's modpost checks a module that is linked; this checks the objects that were
compiled, for drivers that no kernel of ours links.
"""

import collections
import os
import re
import subprocess

IMPORT = 'MODULE_IMPORT_NS("DMA_BUF")'


def exported(tree):
    """The symbols of the namespace."""
    found = set()
    folder = os.path.join(tree, "drivers/dma-buf")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".c"):
            with open(os.path.join(folder, name)) as file:
                found |= set(re.findall(r'EXPORT_SYMBOL_NS(?:_GPL)?\((\w+),\s*"DMA_BUF"\)',
                                        file.read()))
    return found


def importing_neighbours(tree, files):
    """C files next to FILES with a module's import: often part of the same module."""
    found = set()
    for folder in {os.path.dirname(path) for path in files}:
        for name in os.listdir(os.path.join(tree, folder)):
            path = os.path.join(folder, name)
            if name.endswith(".c"):
                with open(os.path.join(tree, path), errors="replace") as file:
                    found |= {path} if IMPORT in file.read() else set()
    return found


def module_of(path):
    """The name of the module that the object at PATH was compiled for, None if built in."""
    folder, name = os.path.split(path)
    with open(os.path.join(folder, f".{name}.cmd")) as file:
        command = file.read()
    match = re.search(r"-DKBUILD_MODNAME='\"(\w+)\"'", command)
    return match[1] if match and " -DMODULE " in command else None


def undefined(nm, path):
    return set(re.findall(r"^ +U (\w+)$", subprocess.run(
        [nm, path], check=True, text=True, stdout=subprocess.PIPE).stdout, re.M))


def imports(path):
    with open(path, "rb") as file:
        return b"import_ns=DMA_BUF\0" in file.read()


def check(nm, paths, symbols):
    """{module that uses SYMBOLS: those without an import}, of the objects at PATHS."""
    uses, importing = collections.defaultdict(set), set()
    for path in paths:
        module = module_of(path)
        if module and imports(path):
            importing.add(module)
        if module:
            uses[module] |= undefined(nm, path) & symbols
    return {module: [] if module in importing else sorted(used)
            for module, used in sorted(uses.items()) if used}
