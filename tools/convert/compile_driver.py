# SPDX-License-Identifier: GPL-2.0
"""Compile files of a driver for a kernel, and sort the compiler's messages."""

import os
import re
import shutil
import subprocess
import tempfile

SAID = re.compile(r"^(?P<path>[^:\s][^:\n]*):(?P<line>\d+):(?:\d+:)? "
                  r"(?P<kind>fatal error|error|warning): (?P<words>.*)$", re.M)


def has_kbuild(folder):
    for name in "Kbuild", "Makefile":
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, errors="replace") as file:
                if re.search(r"^\s*obj-", file.read(), re.M):
                    return True
    return False


def make(kdir, folder, names):
    """The output of make for all these objects."""
    run = subprocess.run(["make", "-k", "-s", "-C", os.path.realpath(kdir), f"M={folder}", *names],
                         text=True, errors="replace", stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT,
                         env={key: value for key, value in os.environ.items()
                              if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "DIR", "KDIR",
                                             "LINUX", "O", "M")})
    return run.returncode, run.stdout


def run(top, changes, paths, kdir):
    """(errors, warnings): lines of the compiler about the files PATHS.

    CHANGES, {path: text}, are made in a copy: the driver's own folder stays as it is.
    """
    names = sorted(f"{path[:-2]}.o" for path in paths)
    if not names:
        return [], []
    with tempfile.TemporaryDirectory() as folder:
        folder = os.path.join(os.path.realpath(folder), "driver")
        shutil.copytree(top, folder, ignore=shutil.ignore_patterns(".git", "*.o", "*.cmd"),
                        ignore_dangling_symlinks=True)
        for path, text in changes.items():
            with open(os.path.join(folder, path), "w", encoding="latin-1", newline="") as file:
                file.write(text)
        if not has_kbuild(folder):
            with open(os.path.join(folder, "Kbuild"), "w") as file:
                file.write("".join(f"obj-m += {name}\n" for name in names))
        status, said = make(kdir, folder, names)
    errors, warnings = [], []
    for match in SAID.finditer(said):
        path = match["path"]
        path = os.path.relpath(path, folder) if path.startswith(folder + os.sep) else path
        line = f"{path}:{match['line']}: the compiler says: {match['words']}"
        (warnings if match["kind"] == "warning" else errors).append(line)
    if status and not errors:
        last = [line for line in said.splitlines() if line.strip()][-3:]
        errors.append("they could not be compiled: " + "; ".join(last))
    return list(dict.fromkeys(errors)), list(dict.fromkeys(warnings))
