"""The tables at 0014 are those that the published 2.6.0 makes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dcr_testkit.databases import Recording, scratch_database
from takeover.installations import Installation

pytestmark = pytest.mark.published

#: All migrations of 2.6.0, in their order.
MIGRATIONS: list[str] = Recording("2.6.0", "sqlite").describe()["migrations"]
LAST = MIGRATIONS[-1]

Database = dict[str, Any]


@pytest.fixture
def copy(recording: Recording, tmp_path: Path) -> Iterator[Database]:
    """Lend a second database with the rows of the recorded one."""
    with scratch_database(recording.vendor, tmp_path, recording.dump) as database:
        yield database


def essentials(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without the order and the widths of columns.

    To undo a migration on SQLite, Django makes the table anew: with the model's widths, which databases of
    2.1.0 do not have, and in the order in which the fields were created.
    """
    return {
        name: {
            "columns": {column["name"]: (column["type"], column["null_ok"]) for column in table["columns"]},
            "constraints": table["constraints"],
            "sequences": table["sequences"],
        }
        for name, table in schema.items()
    }


def test_a_recorded_database_gets_the_same_tables(
    ours: Installation, published: Installation, database: Database, copy: Database
) -> None:
    theirs = published.run(copy, "schema", targets=[LAST])

    assert ours.run(database, "schema", targets=[LAST]) == theirs
    ours.run(database, "migrate")
    assert essentials(ours.run(database, "schema", targets=[LAST])[LAST]) == essentials(theirs[LAST])


@pytest.mark.parametrize("direction", ["forwards", "backwards"])
def test_each_migration_does_the_same(
    ours: Installation, published: Installation, vendor: str, tmp_path: Path, direction: str
) -> None:
    targets = MIGRATIONS if direction == "forwards" else [LAST, *reversed(MIGRATIONS), "zero"]
    with scratch_database(vendor, tmp_path) as first, scratch_database(vendor, tmp_path) as second:
        schemas = ours.run(first, "schema", targets=targets)
        theirs = published.run(second, "schema", targets=targets)

    assert len(schemas[LAST]) == 3
    for target in targets:
        assert schemas[target] == theirs[target], target


def test_shorter_ids_make_the_same_tables(
    ours: Installation, published: Installation, vendor: str, tmp_path: Path
) -> None:
    settings = {"DJANGO_CELERY_RESULTS_TASK_ID_MAX_LENGTH": 191}
    with scratch_database(vendor, tmp_path) as first, scratch_database(vendor, tmp_path) as second:
        schemas = replace(ours, settings=settings).run(first, "schema", targets=[LAST])
        theirs = replace(published, settings=settings).run(second, "schema", targets=[LAST])

    assert "191" in json.dumps(schemas)
    assert schemas == theirs
