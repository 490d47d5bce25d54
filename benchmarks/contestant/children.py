"""Further processes of a contestant, forked as a worker's pool forks its own."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from .sites import Site

#: Seconds that a child may take for one answer.
PATIENCE = 240

_alive: list[Child] = []


class Child:
    """A process with a connection of its own that calls one function for every message it gets."""

    def __init__(self, site: Site, function: Callable[..., Any]) -> None:
        """Fork; returns when the child is connected, with the server itself, and the site is so again.

        ``function`` takes the site and what `send` is given.
        """
        site.close()
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(site, function, theirs), daemon=True)
        self._process.start()
        _alive.append(self)
        theirs.close()
        self.receive()
        site.open(site.port)

    def send(self, *arguments: Any) -> None:
        """Let the child call its function with these arguments."""
        self._pipe.send(arguments)

    def receive(self) -> Any:
        """Return what the function returned; raise RuntimeError where it raised, or takes too long."""
        if not self._pipe.poll(PATIENCE):
            raise RuntimeError(f"a child process gave no answer within {PATIENCE} seconds")
        error, answer = self._pipe.recv()
        if error:
            raise RuntimeError(error)
        return answer

    @property
    def has_answered(self) -> bool:
        """Return whether `receive` would not wait."""
        return self._pipe.poll(0)

    def end(self) -> None:
        """End the process."""
        with suppress(OSError):  # it has ended by itself
            # Closing the pipe says nothing: processes that were forked later hold its ends, too.
            self._pipe.send(None)
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()


def end_all() -> None:
    """End all children, also those of a scenario that failed."""
    while _alive:
        _alive.pop().end()


def _serve(site: Site, function: Callable[..., Any], pipe: Connection) -> None:
    """Answer in the child until the parent says that it is enough."""
    site.open()
    pipe.send((None, None))
    while (arguments := pipe.recv()) is not None:
        answer: tuple[str | None, Any]
        try:
            answer = (None, function(site, *arguments))
        except Exception as exc:  # noqa: BLE001 - the parent has to know, whatever it was
            traceback.print_exc()
            answer = (f"{type(exc).__name__}: {exc}", None)
        pipe.send(answer)
    site.close()
