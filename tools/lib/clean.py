# SPDX-License-Identifier: GPL-2.0
"""What was found, and is not asked again while all that it depends on is the same: build/clean/."""

import hashlib
import os

from tools.lib.environment import REPO

CLEAN = os.path.join(REPO, "build/clean")


def digest(words, files, before=None):
    """A digest of WORDS and of the content of FILES, after what BEFORE is of."""
    made = before.copy() if before else hashlib.sha1()
    for word in words:
        made.update(word.encode())
    for path in files:
        with open(path, "rb") as file:
            made.update(file.read())
    return made


def load(made):
    """The text that was kept with a digest, None if none was."""
    try:
        with open(os.path.join(CLEAN, made.hexdigest())) as file:
            return file.read()
    except FileNotFoundError:
        return None


def keep(made, text=""):
    os.makedirs(CLEAN, exist_ok=True)
    path = os.path.join(CLEAN, made.hexdigest())
    new = f"{path}.{os.getpid()}"
    with open(new, "w") as file:
        file.write(text)
    os.replace(new, path)
