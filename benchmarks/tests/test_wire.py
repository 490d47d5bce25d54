"""Statements are counted as the servers count them, however their bytes are cut into portions."""

from __future__ import annotations

import socket
import struct

import pytest

from benchmarks.wire import MySQL, PostgreSQL, Redis, Tally


def in_portions(data: bytes, size: int) -> list[bytes]:
    """Cut ``data`` as a network may."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def answer(kind: bytes, body: bytes) -> bytes:
    """Return a message of a PostgreSQL server."""
    return kind + struct.pack("!I", len(body) + 4) + body


def packet(body: bytes, sequence: int = 0) -> bytes:
    """Return a packet of MySQL's protocol."""
    return len(body).to_bytes(3, "little") + bytes([sequence]) + body


def command(*words: bytes) -> bytes:
    """Return a command of Redis."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_postgresql_counts_what_the_server_completed(size: int) -> None:
    """One query with two statements is two, a refused one counts, rows and preparing do not."""
    data = (
        answer(b"1", b"")  # ParseComplete
        + answer(b"D", b"\x00\x01" + b"C" * 300)  # a row
        + answer(b"C", b"SELECT 1\0")
        + answer(b"C", b"INSERT 0 1\0")
        + answer(b"E", b"SERROR\0\0")
        + answer(b"Z", b"I")
    )
    tally = Tally()
    wire = PostgreSQL(tally)
    for portion in in_portions(data, size):
        wire.from_server(portion)
    assert tally.statements == {"SELECT": 1, "INSERT": 1, "ERROR": 1}


def test_postgresql_declines_encryption() -> None:
    """A client that would like to encrypt goes on in plain text, where its answers can be read."""
    client, near = socket.socketpair()
    far, server = socket.socketpair()
    with client, near, far, server:
        client.sendall(struct.pack("!II", 8, 80877103))
        startup = struct.pack("!II", 20, 196608)
        client.sendall(startup)
        PostgreSQL(Tally()).greet(near, far)
        assert client.recv(10) == b"N"
        assert server.recv(20) == startup


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_mysql_counts_commands_that_run_a_statement(size: int) -> None:
    """The answer to the greeting, pings and preparing are no statements."""
    data = (
        packet(b"\x03 answer to the greeting", sequence=1)
        + packet(b"\x03insert into t values (1)")
        + packet(b"\x0e")  # COM_PING
        + packet(b"\x16SELECT ?")  # COM_STMT_PREPARE
        + packet(b"\x17\x01\x00\x00\x00")
    )
    tally = Tally()
    wire = MySQL(tally)
    for portion in in_portions(data, size):
        wire.from_client(portion)
    assert tally.statements == {"INSERT": 1, "EXECUTE": 1}


def test_mysql_takes_the_offer_to_encrypt_out_of_the_greeting() -> None:
    """Nothing else of the greeting changes."""
    client, near = socket.socketpair()
    far, server = socket.socketpair()
    head = b"\x0a10.11.19-MariaDB\0" + b"\x01\0\0\0" + b"scramble" + b"\0"
    with client, near, far, server:
        server.sendall(packet(head + struct.pack("<H", 0xFFFF) + b"rest"))
        MySQL(Tally()).greet(near, far)
        assert client.recv(1000) == packet(head + struct.pack("<H", 0xF7FF) + b"rest")


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_redis_counts_the_commands_of_a_pipeline(size: int) -> None:
    """A value may look like a command, and may be of any length."""
    data = command(b"MULTI") + command(b"set", b"key", b"*1\r\n$4\r\nPING\r\n" * 20) + command(b"EXEC")
    tally = Tally()
    wire = Redis(tally)
    for portion in in_portions(data, size):
        wire.from_client(portion)
    assert tally.statements == {"MULTI": 1, "SET": 1, "EXEC": 1}
