"""Delete what has expired, in batches: short transactions, flat memory, safe to interrupt and run again."""

from __future__ import annotations

from typing import Any

from django.db import models

#: Rows per DELETE where the caller does not say.
BATCH_SIZE = 1_000


def delete_in_batches(expired: models.QuerySet[Any], alias: str, batch_size: int = BATCH_SIZE) -> int:
    """Delete the rows of ``expired`` from the database ``alias``, oldest first; return how many.

    ``batch_size``: rows per transaction. Goes through ``QuerySet.delete``, so that foreign keys and
    signals of the project's own models are honoured. Leans on the index of ``date_done``.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1 row, got {batch_size!r}.")
    oldest_first = expired.using(alias).order_by("date_done")
    table = expired.model._base_manager.using(alias)
    deleted = 0
    while keys := list(oldest_first.values_list("pk", flat=True)[:batch_size]):
        _, per_model = table.filter(pk__in=keys).delete()
        deleted += per_model.get(expired.model._meta.label, 0)
    return deleted
