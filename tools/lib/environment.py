# SPDX-License-Identifier: GPL-2.0
"""What tools/lib/env.sh says, for tools that are not shell scripts."""

import os
import subprocess

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def env(name, **variables):
    """The value of a variable of env.sh, with VARIABLES set as make would set them."""
    assignments = "".join(f"{key}='{value}'; export {key}; " for key, value in variables.items())
    script = f'repo={REPO}; {assignments}. "$repo/tools/lib/env.sh"; echo "${name}"'
    return subprocess.run(["sh", "-c", script], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()
