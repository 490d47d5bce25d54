"""A proxy between a contestant and its server that counts what passes; timings never go through it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .wire import WIRES, Tally, Wire


class CountingProxy:
    """Listens on a free port of loopback and connects every client with ``server``."""

    def __init__(self, protocol: str, server: tuple[str, int]) -> None:
        """Prepare a proxy; ``protocol``: postgresql, mariadb or redis."""
        self.tally = Tally()
        self._wire = WIRES[protocol]
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no new client; those that are connected stay until they hang up."""
        # A thread that waits in accept() does not notice close() alone.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        wire: Wire = self._wire(self.tally)
        try:
            server = socket.create_connection(self._server)
            wire.greet(client, server)
        except OSError:  # a client that went away; what is wrong with a server, its own client will say
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._pass_on, args=(server, client, wire.from_server), daemon=True).start()
        self._pass_on(client, server, wire.from_client)

    def _pass_on(self, source: socket.socket, sink: socket.socket, follow: Callable[[bytes], None]) -> None:
        """Count and then forward, so that an answer that has arrived has been counted."""
        with suppress(OSError):
            while data := source.recv(65536):
                self.tally.bytes += len(data)
                follow(data)
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def counting_proxy(protocol: str, server: tuple[str, int]) -> Iterator[CountingProxy]:
    """Lend a proxy."""
    proxy = CountingProxy(protocol, server)
    try:
        yield proxy
    finally:
        proxy.close()
