# SPDX-License-Identifier: GPL-2.0
"""Tests of the scripted virtio-gpu without a machine."""

import os
import socket
import struct
import threading
import unittest

from tools.lib import tool_module
from tools.vgpu import vhost_user as vu

backend = tool_module.load("vgpu/backend")
PAGE = 4096
GUEST, USER = 0x100000, 0x7f0000000000      # where the memory is


class FrontEnd:
    """Four pages of memory, and a script of answers to what misses in the IOTLB."""

    def __init__(self, iommu):
        self.gpu = backend.Gpu(8, 0, lambda text: None)
        self.sock, peer = socket.socketpair()
        self.transport = self.gpu.transport = vu.VhostUser(peer, self.gpu, iommu)
        self.memory = os.memfd_create("memory")
        os.truncate(self.memory, 4 * PAGE)
        self.tell(vu.SET_MEM_TABLE, struct.pack("<II", 1, 0) +
                  vu.REGION.pack(GUEST, 4 * PAGE, USER, 0), [os.dup(self.memory)])
        self.tell(vu.SET_PROTOCOL_FEATURES, struct.pack("<Q", vu.PROTOCOL_REPLY_ACK))
        self.tell(vu.SET_FEATURES, struct.pack("<Q", vu.F_ACCESS_PLATFORM if iommu else 0))
        self.channel, peer = socket.socketpair()
        self.tell(vu.SET_BACKEND_REQ_FD, b"", [peer.detach()])
        self.asked = 0

    def send(self, request, payload, fds=()):
        socket.send_fds(self.sock, [vu.HEADER.pack(request, 1, len(payload)) + payload], fds)

    def tell(self, request, payload, fds=()):
        self.send(request, payload, fds)
        self.transport.serve()

    def iotlb(self, kind, iova, size, user):
        self.send(vu.IOTLB_MSG, vu.IOTLB.pack(iova, size, user, 3, kind))

    def answer(self, *answers):
        """For each miss: the messages to send, and the verdict."""
        def run():
            for messages, verdict in answers:
                vu.VhostUser.receive(self.channel)
                self.asked += 1
                for message in messages:
                    self.iotlb(*message)
                self.channel.sendall(vu.HEADER.pack(vu.BACKEND_IOTLB_MSG, 5, 8) +
                                     struct.pack("<Q", verdict))
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def close(self):
        for sock in self.sock, self.channel, self.transport.sock, self.transport.channel:
            sock.close()
        os.close(self.memory)


class Backend(unittest.TestCase):
    def front_end(self, iommu):
        front_end = FrontEnd(iommu)
        self.addCleanup(front_end.close)
        return front_end

    def test_guest_memory(self):
        front_end = self.front_end(False)
        front_end.transport.write(GUEST + PAGE - 2, b"abcd")
        self.assertEqual(os.pread(front_end.memory, 4, PAGE - 2), b"abcd")
        self.assertEqual(front_end.transport.read(GUEST + PAGE, 2), b"cd")
        with self.assertRaises(vu.Fault):
            front_end.transport.read(GUEST + 4 * PAGE - 1, 2)

    def test_translation_page_by_page(self):
        front_end = self.front_end(True)
        os.pwrite(front_end.memory, b"xy", 3 * PAGE - 2)
        os.pwrite(front_end.memory, b"z", PAGE)
        front_end.answer(([(vu.IOTLB_UPDATE, 0x8000, PAGE, USER + 2 * PAGE)], 0),
                         ([(vu.IOTLB_UPDATE, 0x9000, PAGE, USER + PAGE)], 0))
        self.assertEqual(front_end.transport.read(0x8ffe, 3), b"xyz")
        self.assertEqual(front_end.transport.read(0x8fff, 2), b"yz")
        self.assertEqual(front_end.asked, 2)

    def test_refused_translation(self):
        front_end = self.front_end(True)
        front_end.answer(([], 1))
        with self.assertRaises(vu.Fault) as caught:
            front_end.transport.read(0x8004, 4)
        self.assertEqual(caught.exception.address, 0x8004)

    def test_translation_gone_before_the_answer(self):
        front_end = self.front_end(True)
        os.pwrite(front_end.memory, b"new", PAGE)
        front_end.answer(([(vu.IOTLB_UPDATE, 0x8000, PAGE, USER),
                           (vu.IOTLB_INVALIDATE, 0, 0x10000, 0)], 0),
                         ([(vu.IOTLB_UPDATE, 0x8000, PAGE, USER + PAGE)], 0))
        self.assertEqual(front_end.transport.read(0x8000, 3), b"new")

    def test_invalidation(self):
        front_end = self.front_end(True)
        front_end.answer(([(vu.IOTLB_UPDATE, 0x8000, PAGE, USER)], 0), ([], 1))
        front_end.transport.read(0x8000, 1)
        front_end.iotlb(vu.IOTLB_INVALIDATE, 0x8000, PAGE, 0)
        front_end.transport.serve()
        with self.assertRaises(vu.Fault):
            front_end.transport.read(0x8000, 1)

    def test_stopped(self):
        """Translations are not kept over a stop: the driver may reuse the address."""
        front_end = self.front_end(True)
        front_end.iotlb(vu.IOTLB_UPDATE, 0x1000, PAGE, USER)
        front_end.transport.serve()
        self.assertEqual(front_end.transport.read(0x1000, 8), bytes(8))
        os.pwrite(front_end.memory, b"moved to", 2 * PAGE)
        front_end.tell(vu.GET_VRING_BASE, struct.pack("<II", 0, 0))
        thread = front_end.answer(([(vu.IOTLB_UPDATE, 0x1000, PAGE, USER + 2 * PAGE)], 0))
        self.assertEqual(front_end.transport.read(0x1000, 8), b"moved to")
        thread.join()
        self.assertEqual(front_end.asked, 1)

    def test_stopped_while_it_asks(self):
        """No translation comes, or comes late and is not the answer to the next miss."""
        front_end = self.front_end(True)
        os.pwrite(front_end.memory, b"next", PAGE)

        def stop():
            vu.VhostUser.receive(front_end.channel)
            front_end.send(vu.GET_VRING_BASE, struct.pack("<II", 0, 0))
        thread = threading.Thread(target=stop, daemon=True)
        thread.start()
        with self.assertRaises(vu.Fault):
            front_end.transport.read(0x1000, 8)
        thread.join()
        front_end.channel.sendall(vu.HEADER.pack(vu.BACKEND_IOTLB_MSG, 5, 8) +
                                  struct.pack("<Q", 1))
        front_end.answer(([(vu.IOTLB_UPDATE, 0x8000, PAGE, USER + PAGE)], 0))
        self.assertEqual(front_end.transport.read(0x8000, 4), b"next")

    def test_scramble(self):
        data = bytes(range(256)) * 32
        self.assertEqual(backend.scramble(backend.scramble(data)), data)
        zeros = backend.scramble(bytes(2 * PAGE))
        self.assertNotEqual(zeros[:PAGE], zeros[PAGE:])
        self.assertEqual(zeros[PAGE + 3], (3 * 157 + 59 + 90) & 255)

    def test_control(self):
        gpu = self.front_end(False).gpu
        resource = gpu.resources[7] = backend.Resource(2 * PAGE)
        resource.backing = [(GUEST + 2 * PAGE, PAGE), (GUEST, PAGE)]
        gpu.transport.write(GUEST, bytes([1]) * PAGE)
        self.assertEqual(gpu.control("backing 7"), ["0x102000 0x1000", "0x100000 0x1000", "ok 2"])
        self.assertEqual(gpu.control("scramble 7"), ["ok"])
        want = backend.scramble(bytes(PAGE) + bytes([1]) * PAGE)
        self.assertEqual(gpu.transport.read(GUEST + 2 * PAGE, PAGE), want[:PAGE])
        self.assertEqual(gpu.transport.read(GUEST, PAGE), want[PAGE:])
        self.assertEqual(gpu.control("read 0x200000"), ["error fault 0x200000"])
        self.assertEqual(gpu.control("backing 8"), ["error no such resource"])
        self.assertEqual(gpu.control("mode NONE ok"), ["error no command NONE"])
        self.assertTrue(gpu.control("what")[0].startswith("error "))
        self.assertTrue(gpu.control("count")[0].startswith("error "))

    def test_caches(self):
        gpu = self.front_end(False).gpu
        self.assertEqual(gpu.control("cache wc"), ["ok"])
        self.assertEqual(gpu.cache, 3)
        self.assertTrue(gpu.control("cache none")[0].startswith("error "))

    def test_ignored_queue(self):
        gpu = self.front_end(False).gpu
        self.assertEqual(gpu.control("ignore 1"), ["ok"])
        self.assertEqual(gpu.ignored, {1})
        self.assertEqual(gpu.control("heed 1"), ["ok"])
        self.assertEqual(gpu.ignored, set())

    def test_bad_id(self):
        """The used ring gets the number of a buffer that the driver did not offer."""
        gpu = self.front_end(False).gpu
        heads = []
        gpu.transport.complete = lambda element, data: heads.append(element.head)
        gpu.set_mode("RESOURCE_FLUSH", "badid")
        body = struct.pack("<IIQIB3x", 0x104, 0, 0, 0, 0) + bytes(24)
        gpu.request(vu.Element(gpu.transport.queues[0], 3, body, []))
        self.assertEqual(heads, [0xfff0])

    def test_twice(self):
        """The second time without data: the memory may be another buffer's by then."""
        gpu = self.front_end(False).gpu
        done = []
        gpu.transport.complete = lambda element, data: done.append((element.room[:], data))
        gpu.set_mode("RESOURCE_CREATE_2D", "twice")
        body = struct.pack("<IIQIB3x", 0x101, 0, 0, 0, 0) + struct.pack("<IIII", 5, 1, 8, 8)
        gpu.request(vu.Element(gpu.transport.queues[0], 3, body, [(GUEST, 24)]))
        self.assertEqual([(room, len(data)) for room, data in done],
                         [([(GUEST, 24)], 24), ([], 0)])

    def test_random(self):
        gpu = self.front_end(False).gpu
        self.assertEqual(gpu.control("random 7 1"), ["ok"])
        first = [gpu.choose("RESOURCE_MAP_BLOB") for _ in range(2000)]
        self.assertEqual({answer for answer, _ in first}, set(backend.ANSWERS))
        self.assertEqual({gpu.choose("GET_DISPLAY_INFO") for _ in range(200)}, {("ok", 0)})
        gpu.control("random 7 1")
        self.assertEqual([gpu.choose("RESOURCE_MAP_BLOB") for _ in range(2000)], first)
        gpu.control("random 7")
        self.assertFalse({"badid", "twice"} &
                         {gpu.choose("RESOURCE_UNREF")[0] for _ in range(2000)})
        self.assertEqual(gpu.control("random 0"), ["ok"])
        self.assertEqual({gpu.choose("RESOURCE_MAP_BLOB") for _ in range(200)}, {("ok", 0)})

    def test_number_used_again(self):
        """A resource that is gone, whatever the driver knows of it, leaves the window."""
        gpu = self.front_end(False).gpu
        left = []
        gpu.transport.window_unmap = lambda *where: left.append(where)
        for again in (lambda: gpu.resource_create_2d(struct.pack("<IIII", 5, 1, 8, 8)),
                      lambda: gpu.resource_unref(struct.pack("<I", 5))):
            gpu.resources[5] = old = backend.Resource(PAGE)
            old.host, old.window = os.memfd_create("old"), 3 * PAGE
            again()
            self.assertEqual(left.pop(), (3 * PAGE, PAGE))
            with self.assertRaises(OSError):
                os.fstat(old.host)
        self.assertNotIn(5, gpu.resources)
