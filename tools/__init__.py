# SPDX-License-Identifier: GPL-2.0
"""The rooms of tools/ are packages: tools.lib.environment is tools/lib/environment.py."""
