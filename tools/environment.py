# SPDX-License-Identifier: GPL-2.0
"""What tools/env.sh says, for tools that are not shell scripts."""

import subprocess

from steps import REPO


def env(name, **variables):
    """The value of a variable of env.sh, with VARIABLES set as make would set them."""
    assignments = "".join(f"{key}='{value}'; export {key}; " for key, value in variables.items())
    script = f'repo={REPO}; {assignments}. "$repo/tools/env.sh"; echo "${name}"'
    return subprocess.run(["sh", "-c", script], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()
