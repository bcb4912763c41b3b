# SPDX-License-Identifier: GPL-2.0
"""What tools/lib/env.sh says, for tools that are not shell scripts."""

import os
import subprocess
import sys

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def tool(name):
    """The path of the tool ROOM/NAME."""
    return os.path.join(REPO, "tools", name)


def ask(name, *args):
    """What a tool prints."""
    return subprocess.run([tool(name), *args], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def alone():
    """Start this tool again with the lock on this clone, unless its run has it already."""
    if os.environ.get("BUILD_LOCKED") != os.path.realpath(REPO):
        os.execv(tool("lib/lock"), [tool("lib/lock"), os.path.abspath(sys.argv[0]), *sys.argv[1:]])


def env(name, **variables):
    """The value of a variable of env.sh, with VARIABLES set as make would set them."""
    assignments = "".join(f"{key}='{value}'; export {key}; " for key, value in variables.items())
    script = f'repo={REPO}; {assignments}. "$repo/tools/lib/env.sh"; echo "${name}"'
    return subprocess.run(["sh", "-c", script], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()
