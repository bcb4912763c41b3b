# SPDX-License-Identifier: GPL-2.0
"""What quilt knows of a tree: the applied patches, and the files that each of them touches."""

import os


def applied(tree):
    """The patches in order; none in a tree that quilt has not touched."""
    path = os.path.join(tree, ".pc/applied-patches")
    if not os.path.exists(path):
        return []
    with open(path) as file:
        return file.read().split()


def backups(tree, patch):
    """The files that a patch touches."""
    base = os.path.join(tree, ".pc", patch)
    return {os.path.relpath(os.path.join(top, name), base)
            for top, _, names in os.walk(base) for name in names if name != ".timestamp"}


def touched(tree):
    """The files that the applied patches touch."""
    return {path for patch in applied(tree) for path in backups(tree, patch)}
