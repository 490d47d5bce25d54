"""Kombu's broker of files, with messages that appear whole.

Kombu's own opens the file of a message under its final name and writes afterwards. A worker that looks in
between takes an empty file, fails to decode it, and ends.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """A channel that renames a message to its name when all of it is there."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:
        name = uuid.uuid4().hex
        written = Path(self.data_folder_out, name)
        written.write_text(dumps(payload))
        written.rename(written.with_name(f"{time.monotonic_ns():020}_{name}.{queue}.msg"))


class Transport(filesystem.Transport):
    """The transport of that channel."""

    Channel = Channel
