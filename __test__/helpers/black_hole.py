"""A TCP relay whose connections can become black holes: from then on the kernel drops what the client sends, unacknowledged.

    black_hole.py HOST PORT      prints its own port; `drop` on standard input turns the present connections into black holes
"""
import ctypes
import selectors
import socket
import struct
import sys

SO_ATTACH_FILTER = 26

# One instruction: keep no byte of any packet.
_instruction = ctypes.create_string_buffer(struct.pack('HBBI', 0x06, 0, 0, 0))
_program = struct.pack('HL', 1, ctypes.addressof(_instruction))


def unacknowledged(end):
    return struct.unpack_from('I', end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)[0]


class Relay:
    def __init__(self, target):
        self.target = target
        self.selector = selectors.DefaultSelector()
        self.pairs = {}
        self.clients = set()
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.selector.register(sys.stdin, selectors.EVENT_READ, self.command)
        print(self.listener.getsockname()[1], flush=True)

    def accept(self, _):
        client, _ = self.listener.accept()
        server = socket.create_connection(self.target)
        self.clients.add(client)
        for end, other in ((client, server), (server, client)):
            self.pairs[end] = other
            self.selector.register(end, selectors.EVENT_READ, self.pass_on)

    def pass_on(self, end):
        try:
            data = end.recv(1 << 16)
            if data:
                self.pairs[end].sendall(data)
                return
        except OSError:
            pass
        self.close(end)

    def close(self, end):
        for each in (end, self.pairs[end]):
            self.pairs.pop(each)
            self.clients.discard(each)
            if each in self.selector.get_map():
                self.selector.unregister(each)
            each.close()

    def command(self, _):
        if not sys.stdin.readline():
            sys.exit()
        for client in self.clients:
            # What is on its way would be sent again and again, and be heard: the hole is in one direction only.
            while unacknowledged(client) > 0:
                pass
            client.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, _program)
            for end in (client, self.pairs[client]):
                if end in self.selector.get_map():
                    self.selector.unregister(end)
        print('dropped', flush=True)

    def run(self):
        while True:
            for key, _ in self.selector.select():
                key.data(key.fileobj)


Relay((sys.argv[1], int(sys.argv[2]))).run()
