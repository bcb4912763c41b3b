# SPDX-License-Identifier: GPL-2.0
"""Import a tool that has no .py in its name: load("ROOM/NAME")."""

import importlib.machinery
import importlib.util
import os

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def load(name):
    loader = importlib.machinery.SourceFileLoader(os.path.basename(name), os.path.join(TOOLS, name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    made = importlib.util.module_from_spec(spec)
    loader.exec_module(made)
    return made
