"""The verbs on chord counters."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from .managers import RoutedManager, fitting_id
from .queries import chords
from .queries.chords import Claim
from .queries.plan import Write
from .queries.upsert import upsert

if TYPE_CHECKING:
    from .codec import Encoded
    from .managers import TaskResultManager


class ChordCounterManager(RoutedManager):
    """Verbs on chord counters; those with a ``token`` act for the process that holds the claim."""

    def start(
        self, *, group_id: str, sub_tasks: str, count: int, body: Encoded | None = None, using: str | None = None
    ) -> None:
        """Create the counter of a chord whose header has ``count`` tasks; one statement.

        ``sub_tasks``: the header's results in tuple form, as JSON. A chord that is applied again while it
        counts keeps its counter: parts may have returned already.
        """
        values: dict[str, Any] = {
            "group_id": fitting_id(self.model, "group_id", group_id),
            "sub_tasks": sub_tasks,
            "count": count,
            "date_created": timezone.now(),
        }
        if body is not None:
            values.update(
                body=body.text, body_content_type=body.content_type, body_content_encoding=body.content_encoding
            )
        keep = frozenset(values) - {"group_id"}
        upsert(self.model, self.write_alias(using), Write(key="group_id", values=values, keep=keep))

    def count_part(self, group_id: str, using: str | None = None) -> int | None:
        """Count one returned part; return how many are left, None where no counter is known."""
        return chords.count_part(self.model, group_id, self.write_alias(using))

    def grow(self, group_id: str, member: Any, using: str | None = None) -> bool:
        """Add a result, in tuple form, to the header and to the count; return whether the header is open.

        It is closed once the chord is claimed. Growing by the same result twice is growing by it once.
        """
        return chords.grow(self.model, group_id, self.write_alias(using), member)

    def claim(
        self,
        group_id: str,
        *,
        token: str,
        lease: timedelta,
        tasks: TaskResultManager,
        values: bool = True,
        although_unready: bool = False,
        using: str | None = None,
    ) -> Claim | None:
        """Claim a chord all of whose tasks have results; None where some have not, or another holds it.

        ``lease``: age at which another's claim no longer counts. ``tasks``: the manager of the header's
        results, which are read unless ``values`` is False. ``although_unready``: claim it whatever is missing.
        """
        return chords.claim(
            self.model,
            group_id,
            self.write_alias(using),
            token=token,
            lease=lease,
            tasks=tasks,
            values=values,
            although_unready=although_unready,
        )

    def renew(self, group_id: str, token: str, using: str | None = None) -> bool:
        """Make the lease begin again; return whether the claim is still held."""
        return chords.renew(self.model, group_id, self.write_alias(using), token)

    def finish(self, group_id: str, pk: Any, using: str | None = None) -> bool:
        """Delete the counter of a chord whose body was sent; return whether it was still there."""
        return chords.finish(self.model, group_id, pk, self.write_alias(using))

    def release(self, group_id: str, token: str, using: str | None = None) -> None:
        """Give the claim back."""
        chords.release(self.model, group_id, self.write_alias(using), token)

    def unclaimed(self, lease: timedelta, using: str | None = None) -> Iterator[tuple[str, datetime | None, bool]]:
        """Yield ``(group id, date_created, whether a body is stored)`` of counters that nobody works on."""
        return chords.unclaimed(self.model, self.write_alias(using), lease)

    def needs_recount(self, group_id: str, tasks: TaskResultManager, using: str | None = None) -> bool:
        """Return whether a claim would find the chord complete, or its count wrong.

        ``tasks``: the manager of the header's results. Reads states only, and takes no lock.
        """
        return chords.needs_recount(self.model, group_id, self.write_alias(using), tasks)

    def waiting_for(self, using: str | None = None) -> set[str]:
        """Return the ids of all tasks in the headers of chords that still count."""
        return chords.waiting_for(self.model, self.write_alias(using))
