"""Read task results by id: narrow SELECTs that make no model instances."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from .plan import plan_for

#: Most ids in one statement, where the database itself allows more.
MAX_IDS = 10_000


#: Where ``as_dict`` is defined, unless a project overrides it.
AS_DICT_MODULE = "dcr_models.abstract"

#: Columns that hold what tasks were given and gave.
LARGE = frozenset({"result", "traceback", "task_args", "task_kwargs"})


class StoredTask(NamedTuple):
    """What Celery's task meta is made of, still encoded; the fields are columns."""

    task_id: str
    task_name: str | None
    task_args: str | None
    task_kwargs: str | None
    status: str
    result: str | None
    date_done: datetime | None
    traceback: str | None
    meta: str | None
    worker: str | None
    content_type: str
    content_encoding: str

    def as_dict(self) -> dict[str, Any]:
        """Return the columns that ``TaskResult.as_dict`` returns."""
        columns = self._asdict()
        del columns["content_type"], columns["content_encoding"]
        return columns


def read_tasks(
    model: type[models.Model], connection: BaseDatabaseWrapper, task_ids: Sequence[str], *, values: bool = True
) -> Iterator[StoredTask]:
    """Yield the rows of ``task_ids`` that exist, in no order; leans on the unique index of task_id.

    One statement for each of the ``chunks``. Without ``values``, None stands for result, arguments and
    traceback: they can be large, and a chord may need states only.
    """
    convert = _converter(model, connection)
    for row in _select(model, connection, frozenset() if values else LARGE, task_ids):
        yield StoredTask._make(convert(row) if convert else row)


def needs_instances(manager: models.Manager[Any]) -> bool:
    """Return whether the rows must be instances from the manager's own queryset.

    So it is where the project chooses which rows there are, or what ``as_dict`` makes of them, or where columns
    are in another table.
    """
    model: Any = manager.model
    return bool(
        type(manager).get_queryset is not models.Manager.get_queryset
        or model.as_dict.__module__ != AS_DICT_MODULE
        or plan_for(model).inherits
    )


def read_instances(
    rows: models.QuerySet[Any], connection: BaseDatabaseWrapper, task_ids: Sequence[str]
) -> Iterator[Any]:
    """Yield those of ``rows`` that belong to ``task_ids``, as instances, in no order."""
    for chunk in chunks(connection, task_ids):
        yield from rows.filter(task_id__in=chunk).order_by()


def chunks(connection: BaseDatabaseWrapper, task_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield ``task_ids`` in parts as large as one statement may name."""
    size = min(connection.features.max_query_params or MAX_IDS, MAX_IDS)
    for start in range(0, len(task_ids), size):
        yield task_ids[start : start + size]


def _select(
    model: type[models.Model], connection: BaseDatabaseWrapper, without: frozenset[str], task_ids: Sequence[str]
) -> Iterator[Any]:
    """Yield the columns of the rows of ``task_ids``, as the driver gives them; NULL for those in ``without``."""
    select = _select_text(model, connection, without)
    for some_ids in chunks(connection, task_ids):
        chunk = [str(task_id) for task_id in some_ids]
        params: list[Any] = chunk
        if len(chunk) == 1:
            sql = f"{select} = %s"
        elif connection.vendor == "postgresql":  # one parameter: the text is the same for any number of ids
            sql, params = f"{select} = ANY(%s)", [chunk]
        else:
            sql = f"{select} IN ({', '.join(['%s'] * len(chunk))})"
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            yield from cursor.fetchall()


def _select_text(model: type[models.Model], connection: BaseDatabaseWrapper, without: frozenset[str]) -> str:
    key = (connection.vendor, model, without)
    text = _selects.get(key)
    if text is None:
        quote = connection.ops.quote_name
        fields = plan_for(model).fields
        # A project's own model may do without some of the columns.
        columns = ", ".join(
            "NULL" if name in without or name not in fields else quote(str(fields[name].column))
            for name in StoredTask._fields
        )
        key_column = quote(str(fields["task_id"].column))
        text = _selects[key] = f"SELECT {columns} FROM {quote(model._meta.db_table)} WHERE {key_column}"
    return text


def _converter(model: type[models.Model], connection: BaseDatabaseWrapper) -> Callable[[Any], list[Any]] | None:
    """Return what makes Python values of a driver's row, None where the driver does it all."""
    needed = []
    fields = plan_for(model).fields
    for index, name in enumerate(StoredTask._fields):
        if name not in fields:
            continue
        column = fields[name].cached_col
        functions = [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]
        if functions:
            needed.append((index, column, functions))
    if not needed:
        return None

    def convert(row: Any) -> list[Any]:
        values = list(row)
        for index, column, functions in needed:
            for function in functions:
                values[index] = function(values[index], column, connection)
        return values

    return convert


_selects: dict[tuple[str, type[models.Model], frozenset[str]], str] = {}
