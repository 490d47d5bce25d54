"""What the servers' protocols say about statements; each class follows one connection and fills a tally.

A statement is what the server calls one: PostgreSQL's answers CommandComplete and ErrorResponse, the
commands COM_QUERY and COM_STMT_EXECUTE of MySQL's protocol, the commands of Redis. Preparing a statement is
none.
"""

from __future__ import annotations

import socket
import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol


@dataclass
class Tally:
    """What has passed since the last reset."""

    #: First word of a statement, in capitals -> how often.
    statements: Counter[str] = field(default_factory=Counter)
    #: Both directions.
    bytes: int = 0

    def reset(self) -> None:
        """Start again at zero."""
        self.statements.clear()
        self.bytes = 0


class Wire(Protocol):
    """Reads along on one connection; sees the bytes of one direction in any portions."""

    def greet(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on what comes before the first message that this class follows, without encryption."""

    def from_client(self, data: bytes) -> None:
        """Follow what the client sent."""

    def from_server(self, data: bytes) -> None:
        """Follow what the server sent."""


class PostgreSQL:
    """Protocol version 3: every message of the server is a type, a length that includes itself, a body."""

    #: SSLRequest and GSSENCRequest.
    ENCRYPTION = (80877103, 80877104)

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.buffer = bytearray()

    def greet(self, client: socket.socket, server: socket.socket) -> None:
        """Decline encryption, as a server without it does; pass the rest on."""
        head = _exactly(client, 8)
        while struct.unpack("!II", head)[1] in self.ENCRYPTION:
            client.sendall(b"N")
            head = _exactly(client, 8)
        server.sendall(head)

    def from_client(self, data: bytes) -> None:
        """Follow nothing: one message of a client can hold several statements, or none."""

    def from_server(self, data: bytes) -> None:
        """Count the statements that the server has completed or refused."""
        self.buffer += data
        start = 0
        while len(self.buffer) - start >= 5:
            kind, length = struct.unpack_from("!cI", self.buffer, start)
            end = start + 1 + length
            if end > len(self.buffer):
                break
            if kind == b"C":
                self.tally.statements[_word(self.buffer[start + 5 : end - 1])] += 1
            elif kind == b"E":
                self.tally.statements["ERROR"] += 1
            start = end
        del self.buffer[:start]


class MySQL:
    """Packets of a 3-byte length, a sequence number that is 0 where a command starts, a body."""

    QUERY, EXECUTE = 0x03, 0x17
    #: Bit of the server's capabilities, in the lower two bytes, that offers encryption.
    SSL = 0x0800

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.buffer = bytearray()

    def greet(self, client: socket.socket, server: socket.socket) -> None:
        """Pass the server's greeting on without the offer to encrypt."""
        head = _exactly(server, 4)
        body = bytearray(_exactly(server, int.from_bytes(head[:3], "little")))
        # Protocol version, the server's version up to a NUL, thread id, 8 bytes of scramble, a filler.
        capabilities = body.index(0, 1) + 1 + 4 + 8 + 1
        if body[0] == 10:
            (flags,) = struct.unpack_from("<H", body, capabilities)
            struct.pack_into("<H", body, capabilities, flags & ~self.SSL)
        client.sendall(head + body)

    def from_client(self, data: bytes) -> None:
        """Count the commands that run a statement."""
        self.buffer += data
        start = 0
        while len(self.buffer) - start >= 4:
            end = start + 4 + int.from_bytes(self.buffer[start : start + 3], "little")
            if end > len(self.buffer):
                break
            is_command = self.buffer[start + 3] == 0 and end > start + 4
            if is_command and self.buffer[start + 4] == self.QUERY:
                self.tally.statements[_word(self.buffer[start + 5 : end])] += 1
            elif is_command and self.buffer[start + 4] == self.EXECUTE:
                self.tally.statements["EXECUTE"] += 1
            start = end
        del self.buffer[:start]

    def from_server(self, data: bytes) -> None:
        """Follow nothing: every answer belongs to a command."""


class Redis:
    """Commands are arrays of strings: ``*count``, then ``$length`` and the text, each line ended by CRLF."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.buffer = bytearray()

    def greet(self, client: socket.socket, server: socket.socket) -> None:
        """Pass nothing on: the client starts with a command."""

    def from_client(self, data: bytes) -> None:
        """Count the commands, in a pipeline too."""
        self.buffer += data
        start = 0
        while (end := self._end_of_command(start)) is not None:
            name = self.buffer.index(b"\r\n", self.buffer.index(b"$", start)) + 2
            self.tally.statements[_word(self.buffer[name : self.buffer.index(b"\r\n", name)])] += 1
            start = end
        del self.buffer[:start]

    def from_server(self, data: bytes) -> None:
        """Follow nothing: every answer belongs to a command."""

    def _end_of_command(self, start: int) -> int | None:
        """Return where the command at ``start`` ends, None where it has not arrived yet."""
        line = self.buffer.find(b"\r\n", start)
        if line < 0:
            return None
        position = line + 2
        for _ in range(int(self.buffer[start + 1 : line])):
            line = self.buffer.find(b"\r\n", position)
            if line < 0:
                return None
            position = line + 2 + int(self.buffer[position + 1 : line]) + 2
        return position if position <= len(self.buffer) else None


WIRES: dict[str, type[PostgreSQL] | type[MySQL] | type[Redis]] = {
    "postgresql": PostgreSQL,
    "mariadb": MySQL,
    "redis": Redis,
}


def _word(text: bytes | bytearray) -> str:
    """Return the first word of a statement in capitals."""
    words = bytes(text[:40]).split(maxsplit=1)
    return words[0].decode(errors="replace").upper() if words else ""


def _exactly(source: socket.socket, size: int) -> bytes:
    """Return the next ``size`` bytes; raise ConnectionError where the other side hangs up before."""
    data = b""
    while len(data) < size:
        portion = source.recv(size - len(data))
        if not portion:
            raise ConnectionError(f"hung up after {len(data)} of {size} bytes")
        data += portion
    return data
