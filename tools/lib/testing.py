# SPDX-License-Identifier: GPL-2.0
"""What tests of the tools share: a folder of their own, and files in it."""

import os
import shutil
import tempfile
import unittest
from unittest import mock

from tools.lib.environment import REPO


class Case(unittest.TestCase):
    """A test with the folder self.top, which goes when it ends."""

    def setUp(self):
        self.top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.top)

    def at(self, name):
        return os.path.join(self.top, name)

    def put(self, name, text="", mode=None):
        """Write a file, and return its path."""
        path = self.at(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        if mode:
            os.chmod(path, mode)
        return path

    def read(self, name):
        with open(self.at(name)) as file:
            return file.read()

    def patch(self, where, name, value):
        """Give an object another attribute for the time of the test."""
        patched = mock.patch.object(where, name, value)
        patched.start()
        self.addCleanup(patched.stop)

    def copy_tools(self, *without):
        """Tools that find their own repository: Python would follow a link to this one."""
        shutil.copytree(os.path.join(REPO, "tools"), self.at("tools"),
                        ignore=shutil.ignore_patterns("__pycache__", "testing", *without))
