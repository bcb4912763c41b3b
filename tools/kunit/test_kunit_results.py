# SPDX-License-Identifier: GPL-2.0
"""Tests of what counts as a result of KUnit."""

import contextlib
import io
import json
import os
from unittest import mock

from tools.lib import tool_module
from tools.lib.testing import Case
from tools.report import results
from tools.series import steps

PARSER = "#!/bin/sh\ncat > /dev/null\nfor arg; do out=${arg#--json=}; done\n%s\nexit %d\n"
END = "[    9.1] reboot: System halted\n"
MAKEFILE = "obj-$(CONFIG_A_TEST) += tests/\n"
SUITE = 'static struct kunit_suite suite = {\n\t.name = "%s",\n};\n'


def group(name, *cases, **misc):
    """As kunit.py has it, where it counts what the cases say if nothing else is said."""
    count = {word: sum(status == kind for _, status in cases)
             for word, kind in (("failed", "FAIL"), ("crashed", "ERROR"))}
    return {"name": name, "misc": {"errors": 0, **count, **misc}, "sub_groups": [],
            "test_cases": [{"name": case, "status": status} for case, status in cases]}


def parsed(*groups, alone=()):
    return {**group("KUnit Test Group", *alone), "sub_groups": list(groups)}


GOOD = group("one", ("a", "PASS"), ("b", "SKIP"))


class KunitResults(Case):
    def setUp(self):
        super().setUp()
        self.patch(results, "LOG", self.top)
        self.tool = tool_module.load("kunit/kunit-results")
        self.put("tools/testing/kunit/kunit.py")
        self.put(".config", "\nCONFIG_A_TEST=y\nCONFIG_PM=n\n")

    def judge(self, found, log=END, status=0, before=(), suites=(),
              makefile=MAKEFILE):
        """The status and the suites, where kunit.py FOUND this, or nothing."""
        self.put("found.json", json.dumps(found))
        copy = f'cp "{self.top}/found.json" "$out"' if found else ""
        self.put("tools/testing/kunit/kunit.py", PARSER % (copy, status), 0o755)
        self.put("k.log", log)
        if results.saved("k"):
            os.unlink(results.path("k"))
        if before:
            results.save("k", before)
        step = steps.Step(None, "patch", "p")
        for name in suites:
            step.files.append(f"d/tests/{name}-test.c")
            self.put(f"d/tests/{name}-test.c", SUITE % name)
            self.put("d/Makefile", makefile)
        with mock.patch.object(self.tool, "read_steps", lambda: [step]), \
                mock.patch("sys.argv", ["kunit-results", "k", self.top, self.top]), \
                contextlib.redirect_stdout(io.StringIO()):
            code = self.tool.main()
            return code, results.load("k")

    def failed(self, *args, **kept):
        code, suites = self.judge(*args, **kept)
        found = [text for suite in suites for text in suite.failed]
        self.assertEqual(code, 1 if found else 0)
        return found

    def test_good(self):
        code, suites = self.judge(parsed(GOOD))
        self.assertEqual(code, 0)
        self.assertEqual([(suite.passed, len(suite.skipped)) for suite in suites], [(1, 1), (1, 0)])

    def test_all_skipped(self):
        self.assertEqual(self.failed(parsed(group("one", ("a", "SKIP"))), status=1), [])

    def test_case_fails(self):
        self.assertEqual(self.failed(parsed(group("one", ("a", "FAIL"), ("b", "PASS"))), status=1),
                         ["a"])

    def test_suites_did_not_run(self):
        self.assertEqual(self.failed(parsed(GOOD, alone=[("", "ERROR"), ("", "ERROR")])),
                         ["did not run"] * 2)

    def test_case_did_not_run(self):
        self.assertEqual(self.failed(parsed(group("one", ("a", "PASS"), ("", "ERROR"), errors=1))),
                         ["did not run"])

    def test_suite_without_cases_fails(self):
        self.assertEqual(self.failed(parsed(GOOD, alone=[("two", "FAIL")])), ["suite two"])

    def test_suite_is_skipped(self):
        _, suites = self.judge(parsed(GOOD, alone=[("two", "SKIP")]))
        self.assertEqual([suite.skipped for suite in suites], [["b"], ["suite two"], []])

    def test_suite_of_good_cases_fails(self):
        self.assertEqual(self.failed(parsed(group("one", ("a", "PASS"), failed=1))),
                         ["failed as a whole"])

    def test_errors(self):
        self.assertEqual(self.failed(parsed(group("one", ("a", "PASS"), errors=2))),
                         ["2 errors in its KTAP"])

    def test_status(self):
        self.assertEqual(self.failed(parsed(GOOD), status=1), ["kunit.py: exit status 1"])

    def test_no_results(self):
        for found in parsed(), None:
            self.assertIn("KUnit gave no results", "".join(self.failed(found, status=1)))

    def test_results_of_an_earlier_run(self):
        self.put("k.kunit.json", json.dumps(parsed(GOOD)))
        self.assertIn("KUnit gave no results", "".join(self.failed(None, status=1)))

    def test_no_end(self):
        self.assertEqual(self.failed(parsed(GOOD), log="[    9.1] all is well\n"),
                         ["the kernel did not come to its end"])

    def test_guest_has_judged_its_log(self):
        guest = [results.Suite("k: kernel log", passed=1)]
        self.assertEqual(self.failed(parsed(GOOD), log="", before=guest), [])

    def test_suite_of_ours_is_missing(self):
        self.assertEqual(self.failed(parsed(GOOD), suites=["one", "two"]), ["suite two did not run"])
        self.assertEqual(self.failed(parsed(GOOD, alone=[("two", "PASS")]), suites=["one", "two"]), [])

    def test_suite_was_not_asked_for(self):
        asked = "Kernel command line: kunit.enable=1 kunit.filter_glob=[ot]*e quiet\n" + END
        self.assertEqual(self.failed(parsed(GOOD), log=asked, suites=["one", "two"]), [])
        self.assertEqual(self.failed(parsed(GOOD), log=asked, suites=["one", "three"]),
                         ["suite three did not run"])

    def test_suite_is_built_by_a_later_step(self):
        self.assertEqual(self.failed(parsed(GOOD), suites=["one", "two"], makefile=""), [])

    def test_suite_is_not_built(self):
        self.assertEqual(self.failed(parsed(GOOD), suites=["one", "amdgpu"]), [])
        self.put(".config", "\n# CONFIG_A_TEST is not set\n")
        self.assertEqual(self.failed(parsed(GOOD), suites=["two"]), [])
