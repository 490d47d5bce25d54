"""Kombu's filesystem transport, with messages that appear in their folder at once and whole."""

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """A channel whose readers never meet a message that is still being written."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:
        """Write the message under a name that no reader looks for, then rename it.

        Kombu writes under the final name. A worker that looks into the folder between "create" and "write"
        takes an empty message and stops with a JSONDecodeError (kombu issue 1551).
        """
        folder = Path(self.data_folder_out)
        draft = folder / f"{uuid.uuid4()}.draft"
        draft.write_bytes(dumps(payload).encode())
        # Readers take names in alphabetical order: the oldest first.
        draft.rename(folder / f"{time.monotonic_ns():020}_{draft.stem}.{queue}.msg")


class Transport(filesystem.Transport):
    """The transport that ``CELERY_BROKER_TRANSPORT`` names."""

    Channel = Channel
