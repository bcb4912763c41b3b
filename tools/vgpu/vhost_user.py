# SPDX-License-Identifier: GPL-2.0
"""The back-end's half of the vhost-user protocol, for scripted test devices.

A device is an object with

    features            the device's own feature bits (below bit 24)
    queues              how many virtqueues it has
    config()            bytes of its configuration space
    window              size of its shared memory region 1, 0 for none
    request(element)    called for each buffer that the driver makes available
    reset()             called when the front-end stops the device

request() answers, now or later, with VhostUser.complete(element, data).

The device reaches memory by the addresses that the driver gave it, through
VhostUser.dma().  With an IOMMU (VIRTIO_F_ACCESS_PLATFORM) each of them is
translated by the front-end, page by page, exactly as it translates the DMA of
a device that it emulates itself; what the guest has not mapped raises Fault.
Guest RAM and RAM behind the BARs of emulated devices are reached alike,
since the front-end shares both.

Everything runs in one thread.  A caller that waits for an answer on the back-end's
own channel keeps serving the main one; otherwise both sides would wait without end.
"""

import mmap
import os
import select
import socket
import struct

F_PROTOCOL_FEATURES = 1 << 30
F_VERSION_1 = 1 << 32
F_ACCESS_PLATFORM = 1 << 33

PROTOCOL_MQ = 1 << 0
PROTOCOL_REPLY_ACK = 1 << 3
PROTOCOL_BACKEND_REQ = 1 << 5
PROTOCOL_CONFIG = 1 << 9
PROTOCOL_BACKEND_SEND_FD = 1 << 10
PROTOCOL_SHMEM = 1 << 22

(GET_FEATURES, SET_FEATURES, SET_OWNER, RESET_OWNER, SET_MEM_TABLE,
 SET_LOG_BASE, SET_LOG_FD, SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE,
 GET_VRING_BASE, SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR,
 GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM,
 SET_VRING_ENABLE) = range(1, 19)
SET_BACKEND_REQ_FD, IOTLB_MSG = 21, 22
GET_CONFIG, SET_CONFIG = 24, 25
GET_SHMEM_CONFIG = 44

BACKEND_IOTLB_MSG, BACKEND_SHMEM_MAP, BACKEND_SHMEM_UNMAP = 1, 9, 10

FLAG_VERSION, FLAG_REPLY, FLAG_NEED_REPLY = 0x1, 0x4, 0x8

IOTLB_MISS, IOTLB_UPDATE, IOTLB_INVALIDATE = 1, 2, 3
PERM_READ, PERM_WRITE = 1, 2

VRING_NOFD = 0x100
DESC_NEXT, DESC_WRITE = 1, 2
AVAIL_NO_INTERRUPT = 1

HEADER = struct.Struct("<III")
REGION = struct.Struct("<QQQQ")
IOTLB = struct.Struct("<QQQBB6x")
SHMEM = struct.Struct("<B7xQQQQ")


class Fault(Exception):
    """The device used an address that is not mapped for it."""

    def __init__(self, address, write):
        super().__init__("%s 0x%x" % ("write" if write else "read", address))
        self.address = address


class Disconnected(Exception):
    """The front-end is gone."""


class Region:
    """A piece of memory that the front-end shares."""

    def __init__(self, guest, size, user, offset, fd):
        self.guest, self.size, self.user = guest, size, user
        page = offset & ~(mmap.ALLOCATIONGRANULARITY - 1)
        with os.fdopen(fd) as shared:
            self.bytes = memoryview(mmap.mmap(shared.fileno(),
                                              offset - page + size,
                                              offset=page))[offset - page:]


class Queue:
    def __init__(self, index):
        self.index = index
        self.size = 0
        self.desc = self.avail = self.used = 0
        self.next_avail = self.next_used = 0
        self.kick = self.call = None


class Element:
    """A chain of descriptors: what the driver sent, and room for an answer."""

    def __init__(self, queue, head, data, room):
        self.queue, self.head, self.data, self.room = queue, head, data, room


class VhostUser:
    def __init__(self, sock, device, iommu):
        self.sock, self.device = sock, device
        self.offered = (device.features | F_PROTOCOL_FEATURES | F_VERSION_1 |
                        (F_ACCESS_PLATFORM if iommu else 0))
        self.features = 0
        self.protocol = 0
        self.regions = []
        self.iotlb = []
        self.queues = [Queue(i) for i in range(device.queues)]
        self.channel = None
        self.stops = 0          # how often the front-end has stopped a queue

    # Messages

    @staticmethod
    def receive(sock):
        head, fds, _, _ = socket.recv_fds(sock, HEADER.size, 8)
        if len(head) < HEADER.size:
            raise Disconnected()
        request, flags, size = HEADER.unpack(head)
        payload = b""
        while len(payload) < size:
            more = sock.recv(size - len(payload))
            if not more:
                raise Disconnected()
            payload += more
        return request, flags, payload, list(fds)

    def serve(self):
        """Handle one message of the front-end."""
        request, flags, payload, fds = self.receive(self.sock)
        reply = self.handle(request, payload, fds)
        if reply is None and flags & FLAG_NEED_REPLY and \
                self.protocol & PROTOCOL_REPLY_ACK:
            reply = struct.pack("<Q", 0)
        if reply is not None:
            self.sock.sendall(HEADER.pack(request, FLAG_VERSION | FLAG_REPLY,
                                          len(reply)) + reply)

    def ask(self, request, payload, fds=()):
        """Send a request of our own and return the front-end's verdict.

        The front-end gives none, or gives it late, if it stops the device meanwhile.
        """
        while select.select([self.channel], [], [], 0)[0]:
            self.receive(self.channel)
        stops = self.stops
        message = HEADER.pack(request, FLAG_VERSION | FLAG_NEED_REPLY,
                              len(payload)) + payload
        socket.send_fds(self.channel, [message], fds)
        while True:
            ready, _, _ = select.select([self.sock, self.channel], [], [])
            if self.sock in ready:
                self.serve()
                if self.stops != stops:
                    return 1
            elif self.channel in ready:
                return struct.unpack("<Q", self.receive(self.channel)[2])[0]

    def handle(self, request, payload, fds):
        u64 = struct.unpack_from("<Q", payload)[0] if len(payload) >= 8 else 0
        if request == GET_FEATURES:
            return struct.pack("<Q", self.offered)
        if request == SET_FEATURES:
            self.features = u64
        elif request == GET_PROTOCOL_FEATURES:
            return struct.pack("<Q", PROTOCOL_MQ | PROTOCOL_REPLY_ACK |
                               PROTOCOL_BACKEND_REQ | PROTOCOL_CONFIG |
                               PROTOCOL_BACKEND_SEND_FD |
                               (PROTOCOL_SHMEM if self.device.window else 0))
        elif request == SET_PROTOCOL_FEATURES:
            self.protocol = u64
        elif request == GET_QUEUE_NUM:
            return struct.pack("<Q", self.device.queues)
        elif request == SET_BACKEND_REQ_FD:
            self.channel = socket.socket(fileno=fds.pop())
        elif request == GET_SHMEM_CONFIG:
            sizes = [0] * 256
            sizes[1] = self.device.window
            return struct.pack("<II256Q", int(bool(sizes[1])), 0, *sizes)
        elif request == GET_CONFIG:
            offset, size, flags = struct.unpack_from("<III", payload)
            config = self.device.config()[offset:offset + size]
            return struct.pack("<III", offset, size, flags) + \
                config.ljust(size, b"\0")
        elif request == SET_MEM_TABLE:
            self.regions = [Region(*REGION.unpack_from(payload, 8 + i * 32), fd)
                            for i, fd in enumerate(fds)]
            fds = []
        elif request == IOTLB_MSG:
            self.iotlb_message(*IOTLB.unpack(payload.ljust(IOTLB.size, b"\0")))
        elif SET_VRING_NUM <= request <= SET_VRING_ENABLE:
            return self.handle_vring(request, payload, fds)
        for fd in fds:
            os.close(fd)
        return None

    def handle_vring(self, request, payload, fds):
        index, value = struct.unpack_from("<II", payload)
        queue = self.queues[index & 0xff]
        if request == SET_VRING_NUM:
            queue.size = value
        elif request == SET_VRING_ADDR:
            queue.desc, queue.used, queue.avail = \
                struct.unpack_from("<QQQ", payload, 8)
        elif request == SET_VRING_BASE:
            queue.next_avail = queue.next_used = value
        elif request == GET_VRING_BASE:
            queue.kick = None
            self.stops += 1
            # From here on no message announces what becomes invalid.
            self.iotlb = []
            self.device.reset()
            return struct.pack("<II", index, queue.next_avail)
        elif request in (SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR):
            fd = None if index & VRING_NOFD else fds[0]
            if request == SET_VRING_KICK:
                queue.kick = fd
            elif request == SET_VRING_CALL:
                queue.call = fd
        return None

    # Memory

    def iotlb_message(self, iova, size, user, perm, kind):
        # Whatever overlaps is stale, in an update too.
        if kind in (IOTLB_UPDATE, IOTLB_INVALIDATE):
            self.iotlb = [e for e in self.iotlb
                          if e[0] + e[1] <= iova or iova + size <= e[0]]
        if kind == IOTLB_UPDATE:
            self.iotlb.append((iova, size, user, perm))

    def user(self, address, length):
        """The memory at an address of the front-end's own."""
        for region in self.regions:
            offset = address - region.user
            if 0 <= offset < region.size:
                return region.bytes[offset:offset + length]
        return None

    def guest(self, address, length):
        """The memory at a guest-physical address."""
        for region in self.regions:
            offset = address - region.guest
            if 0 <= offset < region.size:
                return region.bytes[offset:offset + length]
        return None

    def translate(self, address, length, write):
        perm = PERM_WRITE if write else PERM_READ
        while True:
            for iova, size, user, allowed in self.iotlb:
                offset = address - iova
                if 0 <= offset < size and allowed & perm:
                    return self.user(user + offset, min(length, size - offset))
            # A translation that the answer reports may be gone again by then: ask
            # once more.
            if self.ask(BACKEND_IOTLB_MSG,
                        IOTLB.pack(address, 0, 0, perm, IOTLB_MISS)):
                return None

    def dma(self, address, length, write=False):
        """Yield the pieces of memory that the device sees at an address."""
        while length:
            if self.features & F_ACCESS_PLATFORM:
                piece = self.translate(address, length, write)
            else:
                piece = self.guest(address, length)
            if not piece:
                raise Fault(address, write)
            yield piece
            address += len(piece)
            length -= len(piece)

    def read(self, address, length):
        return b"".join(self.dma(address, length))

    def write(self, address, data):
        for piece in self.dma(address, len(data), write=True):
            piece[:] = data[:len(piece)]
            data = data[len(piece):]

    # Virtqueues.  Without an IOMMU the ring's addresses are the front-end's.

    def ring_read(self, address, length):
        if self.features & F_ACCESS_PLATFORM:
            return self.read(address, length)
        return bytes(self.user(address, length))

    def ring_write(self, address, data):
        if self.features & F_ACCESS_PLATFORM:
            self.write(address, data)
        else:
            self.user(address, len(data))[:] = data

    def poll(self, queue, kicked=True):
        """Hand the device what the driver has made available since."""
        if kicked:
            os.read(queue.kick, 8)
        while True:
            available, = struct.unpack("<H", self.ring_read(queue.avail + 2, 2))
            if available == queue.next_avail:
                return
            slot = queue.avail + 4 + 2 * (queue.next_avail % queue.size)
            head, = struct.unpack("<H", self.ring_read(slot, 2))
            queue.next_avail = (queue.next_avail + 1) & 0xffff
            self.device.request(self.element(queue, head))

    def element(self, queue, head):
        data, room, index = b"", [], head
        while True:
            address, length, flags, following = struct.unpack(
                "<QIHH", self.ring_read(queue.desc + 16 * index, 16))
            if flags & DESC_WRITE:
                room.append((address, length))
            else:
                data += self.read(address, length)
            if not flags & DESC_NEXT:
                return Element(queue, head, data, room)
            index = following

    def complete(self, element, data):
        queue, written = element.queue, 0
        for address, length in element.room:
            part = data[written:written + length]
            self.write(address, part)
            written += len(part)
        slot = queue.used + 4 + 8 * (queue.next_used % queue.size)
        self.ring_write(slot, struct.pack("<II", element.head, written))
        queue.next_used = (queue.next_used + 1) & 0xffff
        self.ring_write(queue.used + 2, struct.pack("<H", queue.next_used))
        flags, = struct.unpack("<H", self.ring_read(queue.avail, 2))
        if queue.call is not None and not flags & AVAIL_NO_INTERRUPT:
            os.write(queue.call, struct.pack("<Q", 1))

    # Shared memory region 1, the host-visible window of a GPU

    def window_map(self, fd, offset, size):
        """Show a file in the window; False when the front-end refuses."""
        return not self.ask(BACKEND_SHMEM_MAP,
                            SHMEM.pack(1, 0, offset, size, 1), [fd])

    def window_unmap(self, offset, size):
        return not self.ask(BACKEND_SHMEM_UNMAP,
                            SHMEM.pack(1, 0, offset, size, 0))
