"""What was expected, and what came instead."""

from typing import Any


class Expectations:
    """Count what is as expected and keep what differs, so that the story goes on to its end."""

    def __init__(self) -> None:
        self.met = 0
        self.differences: list[str] = []

    def equal(self, what: str, seen: Any, wanted: Any) -> None:
        """Expect ``seen`` to be equal to ``wanted``."""
        self.true(f"{what}: {seen!r} instead of {wanted!r}", seen == wanted)

    def true(self, difference: str, holds: bool) -> None:
        """Expect something to hold; ``difference`` says what is the case where it does not."""
        if holds:
            self.met += 1
        else:
            self.differences.append(difference)
