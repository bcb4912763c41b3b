# SPDX-License-Identifier: GPL-2.0
"""The lines of a C file that a kernel with mapping types compiles, by their #if.

Conditions on the version of the kernel, or on the macro that is the test for mapping
types, are decided.  All other conditions can be true or false.
"""

import bisect
import re

# The newest series that the mapping types are for.
VERSION = (7, 3, 0)
FEATURE = "DMA_BUF_SIMPLE_SGT_EXP_MATCH"
DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(ifdef|ifndef|if|elifdef|elifndef|elif|else|endif)\b"
                       r"((?:\\\n|[^\n])*)",
                       re.M)
TOKEN = re.compile(r"\s*(KERNEL_VERSION\s*\(\s*\d+\s*,\s*\d+\s*,\s*\d+\s*\)|"
                   r"defined\s*\(\s*\w+\s*\)|defined\s+\w+|[A-Za-z_]\w*|\d+|&&|\|\||[<>=!]=|.)")


def number(version):
    major, minor, patch = version
    return major << 16 | minor << 8 | min(patch, 255)


class Expression:
    """The value of a condition: a number, or None if it is not known."""

    def __init__(self, text):
        self.tokens = TOKEN.findall(text.replace("\\\n", " ").strip())

    def take(self, *wanted):
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in wanted else None

    def value(self):
        value = self.alternatives()
        return None if self.tokens else value

    def alternatives(self):
        value = self.all_of()
        while self.take("||"):
            other = self.all_of()
            known = [v for v in (value, other) if v]
            value = 1 if known else None if None in (value, other) else 0
        return value

    def all_of(self):
        value = self.compared()
        while self.take("&&"):
            other = self.compared()
            value = 0 if 0 in (value, other) else None if None in (value, other) else 1
        return value

    def compared(self):
        value = self.operand()
        operator = self.take("<", ">", "<=", ">=", "==", "!=")
        if not operator:
            return value
        other = self.operand()
        if value is None or other is None:
            return None
        return int({"<": value < other, ">": value > other, "<=": value <= other,
                    ">=": value >= other, "==": value == other, "!=": value != other}[operator])

    def operand(self):
        if self.take("!"):
            value = self.operand()
            return None if value is None else int(not value)
        if self.take("("):
            value = self.alternatives()
            return value if self.take(")") else None
        token = self.tokens.pop(0) if self.tokens else ""
        if token.isdigit():
            return int(token)
        if token.startswith("KERNEL_VERSION"):
            return number(map(int, re.findall(r"\d+", token)))
        if token == "LINUX_VERSION_CODE":
            return number(VERSION)
        is_feature = token.startswith("defined") and re.search(rf"\b{FEATURE}\b", token)
        return 1 if is_feature else None


def evaluate(kind, text):
    if kind.endswith("ndef"):
        return 0 if text.strip() == FEATURE else None
    if kind.endswith("def"):
        return 1 if text.strip() == FEATURE else None
    return Expression(text).value()


class Branches:
    """The parts of CODE, a file without comments and strings, between its directives."""

    def __init__(self, code):
        self.starts, self.parts = [0], [((), False)]
        stack = []                  # each: [number, dead, an earlier branch is surely taken]
        for count, match in enumerate(DIRECTIVE.finditer(code)):
            kind, text = match[1], match[2]
            if kind.startswith("if"):
                value = evaluate(kind, text)
                stack.append([count, value == 0, bool(value)])
            elif stack and kind == "endif":
                stack.pop()
            elif stack:
                value = 1 if kind == "else" else evaluate(kind.removeprefix("el"), text)
                taken = stack[-1][2]
                stack[-1] = [count, taken or value == 0, taken or bool(value)]
            self.starts.append(match.end())
            self.parts.append((tuple(branch[0] for branch in stack),
                               any(branch[1] for branch in stack)))

    def at(self, position):
        """The numbers of the branches around POSITION, outermost first."""
        return self.parts[bisect.bisect_right(self.starts, position) - 1][0]

    def dead(self, position):
        """Is POSITION in a branch that no kernel with mapping types compiles?"""
        return self.parts[bisect.bisect_right(self.starts, position) - 1][1]
