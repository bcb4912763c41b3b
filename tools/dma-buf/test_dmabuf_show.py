# SPDX-License-Identifier: GPL-2.0
"""Tests of dmabuf-show: made-up files of /proc and debugfs, and what it makes of them."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from tools.lib.testing import Case

SOURCE = os.path.dirname(os.path.abspath(__file__))
HEAD = "\nDma-buf Objects:\nsize    \tflags   \tmode    \tcount   \texp_name\tino     \tname\n"
PATCHED = "\tSGT: 0000:00:16.0\n\tSGT: vgem P2P (from PAL)\n\tDOMAIN: (from PAL)\n\tIOV: BAR 2 of 03:00.1\n"
SERVED = "SGT memory default,SGT p2p selected,DOMAIN p2p selected,IOV - default"


def setUpModule():
    global PROGRAM, BUILD
    BUILD = tempfile.mkdtemp()
    subprocess.run(["make", "-s", "-C", SOURCE, f"OUTPUT={BUILD}/", "CFLAGS=-O1 -Werror "
                    "-fsanitize=address,undefined -fno-sanitize-recover=all",
                    "LDFLAGS=-fsanitize=address,undefined"], check=True,
                   env={**os.environ, "MAKEFLAGS": "", "ASAN_OPTIONS": "detect_leaks=0"})
    PROGRAM = os.path.join(BUILD, "dmabuf-show")


def tearDownModule():
    shutil.rmtree(BUILD)


def run(*args, status=0, **kwargs):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}, **kwargs)
    assert done.returncode == status, (done.returncode, done.stderr)
    return done.stdout, done.stderr


class Files(Case):
    def setUp(self):
        super().setUp()
        os.makedirs(os.path.join(self.top, "proc"))
        self.list = HEAD

    def write(self, path, text):
        path = os.path.join(self.top, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="latin-1") as file:
            file.write(text)

    def process(self, pid, comm="prog", maps=""):
        self.write(f"proc/{pid}/comm", comm + "\n")
        self.write(f"proc/{pid}/maps", maps)
        os.makedirs(os.path.join(self.top, f"proc/{pid}/fd"), exist_ok=True)

    def fd(self, pid, fd, ino, served=None, name="", exporter="udmabuf", size=8192, count=1,
           target="/dmabuf:"):
        os.symlink(target + name, os.path.join(self.top, f"proc/{pid}/fd/{fd}"))
        text = f"pos:\t0\nflags:\t02000002\nmnt_id:\t9\nino:\t{ino}\n" \
               f"size:\t{size}\ncount:\t{count}\nexp_name:\t{exporter}\n"
        text += f"name:\t{name}\n" if name else ""
        if served is not None:
            lines = served.split(",") if served else []
            text += "".join(f"attachment:\t{line}\n" for line in lines[:32])
            text += f"attachments:\t{len(lines)}\n"
        self.write(f"proc/{pid}/fdinfo/{fd}", text)

    def listed(self, ino, lines="", name="<none>", exporter="udmabuf", size=8192, count=1):
        self.list += f"{size:08}\t00000002\t02080007\t{count:08}\t{exporter}\t{ino:08}\t{name}\n" \
                     "\tkernel fence:drv timeline seq 1 signalled\n\tAttached Devices:\n" \
                     f"{lines}Total {lines.count(chr(10))} devices attached\n\n"

    def show(self, *args, status=0):
        if self.list != HEAD:
            self.write("debugfs/dma_buf/bufinfo", self.list + "\nTotal 9 objects, 9 bytes\n")
        return run("--proc", f"{self.top}/proc", "--debugfs", f"{self.top}/debugfs", *args,
                   status=status)

    def json(self, *args):
        said = json.loads(self.show("--json", *args)[0])
        return {buffer["ino"]: buffer for buffer in said["buffers"]}, said["missing"]


class Show(Files):
    def test_table(self):
        self.process(7, "demo")
        self.process(40, "other one")
        self.fd(7, 4, 3, SERVED, name="frame", count=9)
        self.fd(7, 12, 3, SERVED, name="frame", count=9)
        self.fd(40, 5, 3, SERVED, name="frame", count=9)
        self.fd(40, 6, 20, "", exporter="system", size=3 << 20)
        self.listed(3, PATCHED, name="frame", count=9)
        self.listed(20, exporter="system", size=3 << 20)
        out, err = self.show()
        self.assertEqual(err, "")
        self.assertEqual(out.splitlines(), [
            "INO  SIZE  EXPORTER  NAME   TYPE    FROM  IMPORTER          MEMORY  CHOICE    HELD BY",
            "  3    8K  udmabuf   frame  SGT     -     0000:00:16.0      memory  default   demo[7] fd 4,12",
            "                            SGT     PAL   vgem              p2p     selected  other one[40] fd 5",
            "                            DOMAIN  PAL   -                 p2p     selected  others: 6",
            "                            IOV     -     BAR 2 of 03:00.1  -       default",
            " 20    3M  system    -                                                        other one[40] fd 6",
        ])

    def test_json(self):
        self.process(7, 'a "b"\\')
        self.fd(7, 4, 3, SERVED, count=2)
        self.listed(3, PATCHED, count=2)
        [buffer], missing = list(self.json()[0].values()), self.json()[1]
        self.assertEqual(missing, [])
        self.assertEqual(buffer["holders"], [{"pid": 7, "comm": 'a "b"\\', "fds": [4],
                                              "mappings": 0}])
        self.assertEqual((buffer["size"], buffer["references"], buffer["exporter"],
                          buffer["name"], buffer["attached"]), (8192, 2, "udmabuf", None, 4))
        self.assertEqual(buffer["attachments"][1], {
            "type": "SGT", "from": "PAL", "importer": "vgem", "memory": "p2p",
            "choice": "selected"})

    def test_dot(self):
        self.process(7, 'a"b')
        self.fd(7, 4, 3, "DOMAIN p2p selected,SGT memory default", name='x\\"')
        self.listed(3, "\tDOMAIN: (from PAL)\n\tSGT: vgem\n", name='x\\"')
        out, _ = self.show("--dot")
        for line in (r'"b3" [label="x\\\" 3\n8K"];', '"exporter udmabuf" -> "b3";',
                     r'"p7" [label="a\"b[7]", shape=box];', '"p7" -> "b3" [arrowhead=none];',
                     '"b3" -> "b3.0" [label="DOMAIN P2P"];',
                     '"b3" -> "device vgem" [label="SGT", style=dashed];'):
            self.assertIn(f"\t{line}\n", out)
        if shutil.which("dot"):
            subprocess.run(["dot", "-Tplain"], input=out, text=True, check=True,
                           stdout=subprocess.DEVNULL)

    def test_one_process(self):
        for pid in 7, 8:
            self.process(pid)
            self.fd(pid, 3, 5, "")
        self.fd(8, 4, 6, "")
        self.listed(9)
        found, _ = self.json("--pid", "7")
        self.assertEqual(list(found), [5])
        self.assertEqual([holder["pid"] for holder in found[5]["holders"]], [7, 8])
        _, err = self.show("--pid", "70", status=1)
        self.assertIn("there is no process 70", err)

    def test_others_files(self):
        """A file of that name is no dma-buf, nor is another's fdinfo."""
        self.process(7)
        self.fd(7, 3, 5, "", target="/home/x")
        os.symlink("/dmabuf:x", os.path.join(self.top, "proc/7/fd/4"))
        self.write("proc/7/fdinfo/4", "pos:\t0\nino:\t6\n")
        self.assertEqual(self.json()[0], {})

    def test_mapped(self):
        maps = "7f00-7f01 rw-s 00000000 00:0b {} /dmabuf:x y\n"
        self.process(7, maps="".join(map(maps.format, (5, 5, 6))) + "1-2 r--s 0 08:01 9 /dmabuf:\n"
                                                                    "1-2 r--p 0 00:00 0\n")
        self.fd(7, 3, 5, "", count=4)
        self.listed(5, count=4)
        found, _ = self.json()
        self.assertEqual(list(found), [5])
        self.assertEqual(found[5]["holders"][0]["mappings"], 2)
        self.assertRegex(self.show()[0], r"prog\[7\] fd 3 mapped 2 times\n *others: 1\n")
        os.remove(os.path.join(self.top, "debugfs/dma_buf/bufinfo"))
        self.list = HEAD
        found, _ = self.json()
        self.assertEqual((found[6]["size"], found[6]["exporter"]), (None, None))

    def test_not_root(self):
        self.process(7)
        self.fd(7, 3, 5, "DOMAIN p2p selected")
        out, err = self.show()
        self.assertIn("DOMAIN  -     -         p2p     selected", out)
        self.assertIn("bufinfo: No such file or directory: only buffers that a process has open "
                      "or mapped are shown", err)
        self.assertIn("bufinfo", self.json()[1][0])

    @unittest.skipIf(os.geteuid() or not shutil.which("setpriv"), "needs root and setpriv")
    def test_closed_processes(self):
        self.process(7)
        self.fd(7, 3, 5, "")
        os.chmod(self.top, 0o755)
        os.chmod(BUILD, 0o755)
        os.chmod(os.path.join(self.top, "proc/7/fd"), 0o700)
        done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", PROGRAM, "--proc",
                               f"{self.top}/proc"], capture_output=True, text=True)
        self.assertIn("1 processes may not be looked into", done.stderr)

    def test_unpatched(self):
        self.process(7)
        self.fd(7, 3, 5)
        self.listed(5, "\t0000:00:16.0\n\tvgem\n\tplatform:thing\n")
        found, missing = self.json()
        self.assertEqual([(a["type"], a["importer"], a["memory"], a["choice"])
                          for a in found[5]["attachments"]],
                         [(None, name, None, None)
                          for name in ("0000:00:16.0", "vgem", "platform:thing")])
        self.assertEqual(missing, ["this kernel does not tell the types of attachments: it does "
                                   "not negotiate mapping types"])

    def test_changed_in_between(self):
        self.process(7)
        self.fd(7, 3, 5, "DOMAIN p2p selected,SGT memory default")
        self.listed(5, "\tSGT: vgem\n")
        [a] = self.json()[0][5]["attachments"]
        self.assertEqual((a["type"], a["importer"], a["choice"]), ("SGT", "vgem", None))
        self.assertIn("5 has 1 attachments more", self.show()[0])
        self.fd(7, 4, 6, "DOMAIN p2p selected")
        self.listed(6, "\tSGT: vgem P2P\n")
        [a] = self.json()[0][6]["attachments"]
        self.assertEqual((a["type"], a["memory"], a["choice"]), ("SGT", "p2p", None))

    def test_many(self):
        self.process(7)
        self.fd(7, 3, 5, ",".join(40 * ["SGT memory default"]))
        found, _ = self.json()
        self.assertEqual((found[5]["attached"], len(found[5]["attachments"])), (40, 32))
        self.assertIn("5 has 8 attachments more\n", self.show()[0])
        self.listed(5, 40 * "\tSGT: vgem\n")
        found, _ = self.json()
        self.assertEqual([a["choice"] for a in found[5]["attachments"]],
                         32 * ["default"] + 8 * [None])

    def test_hostile_names(self):
        """No name has a line of its own, adds a buffer or an attachment, or steers a terminal."""
        names = ("\nsize:\t1\nino:\t9\nexp_name:\tx", "\nattachment:\tA p2p selected",
                 "\n\tAttached Devices:\n\tX: y", "\n00000001\t00000002\t00000003\t000",
                 "\nTotal 7 devices attached\n", "\x1b[2J\x9b31m\t\r", "a\nattachments:\t7")
        self.process(7, "\x1b[31mred")
        for i, name in enumerate(names):
            self.assertLess(len(name), 32)
            self.fd(7, 10 + i, 100 + i, "SGT memory default", name=name)
            self.listed(100 + i, "\tSGT: vgem\n", name=name)
        found, _ = self.json()
        self.assertEqual([found[100 + i]["name"] for i in range(len(names))], list(names))
        for ino, buffer in found.items():
            self.assertEqual((buffer["size"], buffer["exporter"], buffer["attached"]),
                             (8192, "udmabuf", 1), ino)
            self.assertEqual(buffer["attachments"], [{
                "type": "SGT", "from": None, "importer": "vgem", "memory": "memory",
                "choice": "default"}])
        for args in (), ("--dot",):
            out, _ = self.show(*args)
            self.assertTrue(all(c == "\n" or c == "\t" and args or " " <= c <= "~" for c in out))
        self.assertEqual(len(self.show()[0].splitlines()), 1 + len(names))

    def test_nothing(self):
        self.write("debugfs/dma_buf/bufinfo", HEAD + "\nTotal 0 objects, 0 bytes\n")
        self.assertEqual(self.show(), ("INO  SIZE  EXPORTER  NAME  TYPE  FROM  IMPORTER  MEMORY  "
                                       "CHOICE  HELD BY\n", ""))

    def test_options(self):
        for args in (["-p", "x"], ["-p", "0"], ["--pid=9999999999"], ["--json", "--dot"],
                     ["-f", "-d"], ["word"], ["--nothing"]):
            self.assertIn("Usage:", run(*args, status=2)[1])
        self.assertIn("Usage:", run("--help")[0])
        _, err = run("--proc", "/nowhere", status=1)
        self.assertIn("/nowhere: No such file", err)


class Follow(Files):
    PAIR = "            demo-{tid}    [001] d..1.    {time}: dma_buf_mapping_match: exp_name=udmabuf " \
           'ino={ino} exporter="{exp}" importer="{imp}" result={result} reason="{reason}"\n'
    SELECT = "            de - [0] 9-12    [000] .....    12.6: dma_buf_mapping_select: exp_name=vfio pci " \
             "ino=4 selected={} of=2 type={}\n"

    def pair(self, exp, imp, result, reason, tid=12, time="12.5", ino=4):
        return self.PAIR.format(exp=exp, imp=imp, result=result, reason=reason, tid=tid, time=time,
                                ino=ino)

    def follow(self, text, *args):
        self.write("trace", text)
        return run(f"--follow={self.top}/trace", *args)

    def test_text(self):
        pairs = self.pair("SGT", "DOMAIN(coherent)", -95, "different types") + \
            self.pair("PAL", "DOMAIN(coherent)", 0, "converted")
        text = pairs + self.SELECT.format(1, "SGT P2P") + pairs + \
            self.pair("X(a \"b\" result=0)", "SGT", -12, "error", tid=13) + \
            self.SELECT.format(-11, "none") + "            x-1 [000] ..... 1.1: sched_switch: a\n"
        out, err = self.follow(text)
        self.assertEqual(err, "")
        head = "12.5  buffer 4 of udmabuf, by ?[12]"
        said = [head,
                "    no   SGT                          DOMAIN(coherent)         different types",
                "    yes  PAL                          DOMAIN(coherent)         converted"]
        self.assertEqual(out.splitlines(), [
            *said, "    selected SGT P2P, number 2 of 2", *said,
            "12.5  buffer 4 of udmabuf, by ?[13]",
            "    no   X(a \"b\" result=0)            SGT                      error: "
            "Cannot allocate memory",
            "12.6  buffer 4 of vfio pci, by ?[12]",
            "    selected none of 2: Resource temporarily unavailable"])

    def test_json(self):
        out, _ = self.follow(self.pair("SGT", "SGT(vgem)", 0, "matched") +
                             self.SELECT.format(0, "SGT"), "--json")
        first, second = map(json.loads, out.splitlines())
        self.assertEqual(first, {"time": 12.5, "tid": 12, "comm": "?", "ino": 4,
                                 "exporter": "udmabuf", "offered": "SGT", "asked": "SGT(vgem)",
                                 "result": 0, "reason": "matched"})
        self.assertEqual((second["selected"], second["of"], second["type"]), (0, 2, "SGT"))

    def test_cut_lines(self):
        line = self.pair("SGT", "SGT(vgem)", 0, "matched")
        self.assertEqual(self.follow("\n".join(line[:end] for end in range(len(line) - 2)))[0], "")

    def test_lost(self):
        _, err = self.follow("CPU:1 [LOST 5 EVENTS]\n")
        self.assertIn("LOST 5 EVENTS", err)

    def test_of_process(self):
        self.process(12)
        os.makedirs(os.path.join(self.top, "proc/12/task/15"))
        text = "".join(self.pair("SGT", "SGT", 0, "matched", tid=tid) for tid in (12, 13, 15))
        out, _ = self.follow(text, "--pid", "12", "--proc", f"{self.top}/proc")
        self.assertEqual([line.split("?")[1] for line in out.splitlines() if "?" in line],
                         ["[12]", "[15]"])

    def test_no_tracefs(self):
        _, err = run("--follow", "--tracefs", self.top, status=1)
        self.assertIn("No such file or directory", err)

    def test_unpatched(self):
        """An instance without the events goes away."""
        os.makedirs(os.path.join(self.top, "instances"))
        _, err = run("--follow", "--tracefs", self.top, status=1)
        self.assertIn("this kernel has no event dma_buf_mapping_match", err)
        self.assertEqual(os.listdir(os.path.join(self.top, "instances")), [])


class Manual(unittest.TestCase):
    PAGE = os.path.join(SOURCE, "dmabuf-show.8")

    def test_clean(self):
        ran = False
        for words in ["mandoc", "-T", "lint", "-W", "warning"], \
                     ["groff", "-mandoc", "-Tutf8", "-ww", "-z"]:
            if shutil.which(words[0]):
                done = subprocess.run([*words, self.PAGE], capture_output=True, text=True)
                self.assertEqual(done.stdout + done.stderr, "")
                ran = True
        if not ran:
            self.skipTest("neither mandoc nor groff")

    def test_options(self):
        with open(self.PAGE) as file:
            page = file.read()
        for line in run("--help")[0].splitlines():
            for word in line.split():
                if word.startswith("--"):
                    name = word.strip(",[]|").lstrip("-").split("=")[0].split("[")[0]
                    self.assertIn(f"-{name}", page)
