"""Delete what has expired, in batches: short transactions, flat memory, safe to interrupt and run again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import connections, models

#: Rows per DELETE where the caller does not say.
BATCH_SIZE = 1_000


def delete_in_batches(
    expired: models.QuerySet[Any], alias: str, batch_size: int = BATCH_SIZE, *, kept_ids: Collection[str] = ()
) -> int:
    """Delete the rows of ``expired`` from the database ``alias``, oldest first; return how many.

    ``batch_size``: rows per transaction; no more than one statement can name. Rows of the tasks ``kept_ids``
    stay. Goes through ``QuerySet.delete``, so that foreign keys and signals of the project's own models are
    honoured. Leans on the index of ``date_done``.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1 row, got {batch_size!r}.")
    batch_size = min(batch_size, connections[alias].features.max_query_params or batch_size)
    oldest_first = expired.using(alias).order_by("date_done", "pk")
    columns = ("pk", "date_done", *(["task_id"] if kept_ids else []))
    table = expired.model._base_manager.using(alias)
    deleted = 0
    batch = list(oldest_first.values_list(*columns)[:batch_size])
    while batch:
        doomed = [row[0] for row in batch if not kept_ids or row[2] not in kept_ids]
        _, per_model = table.filter(pk__in=doomed).delete()
        deleted += per_model.get(expired.model._meta.label, 0)
        # Behind what was kept: the rows of this batch that are gone need not be looked for again.
        pk, date_done = batch[-1][:2]
        later = models.Q(date_done__gt=date_done) | models.Q(date_done=date_done, pk__gt=pk)
        batch = list(oldest_first.filter(later).values_list(*columns)[:batch_size])
    return deleted
