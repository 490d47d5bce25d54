"""Several writers of one row at the same moment: one row, no error, nothing lost."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from celery.utils import uuid
from django.db import connections

from dcr_models.models import ChordCounter, TaskResult

Store = Callable[..., Any]

WRITERS = 6
ROUNDS = 5


def together(work: Callable[[int], Any]) -> list[Any]:
    """Call ``work`` with 0, 1, … in threads that start at one moment; return what the calls return."""
    start = threading.Barrier(WRITERS)

    def run(number: int) -> Any:
        try:
            start.wait(timeout=10)
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(run, range(WRITERS)))


@pytest.mark.usefixtures("path")
class TestFirstStoresOfOneTask:
    def test_make_one_row(self, scratch_tables: str, store: Store) -> None:
        ids = [uuid() for _ in range(ROUNDS)]
        keys = together(lambda number: [store(task_id, "STARTED", using=scratch_tables).pk for task_id in ids])
        assert all(pks == keys[0] for pks in keys)
        assert TaskResult.objects.using(scratch_tables).count() == ROUNDS

    def test_keep_success_whoever_is_last(self, scratch_tables: str, store: Store) -> None:
        ids = [uuid() for _ in range(ROUNDS)]

        def work(number: int) -> None:
            for task_id in ids:
                if number:
                    store(task_id, "STARTED", using=scratch_tables, result="null")
                else:
                    store(task_id, "SUCCESS", using=scratch_tables, result='"done"')

        together(work)
        rows = TaskResult.objects.using(scratch_tables).values_list("status", "result")
        assert list(rows) == [("SUCCESS", '"done"')] * ROUNDS

    def test_lose_no_column(self, scratch_tables: str, store: Store) -> None:
        """Each writer knows something else; a write that was made of a stale instance would blank it."""
        columns = ["periodic_task_name", "task_name", "task_args", "task_kwargs", "worker", "date_started"]
        moment = TaskResult._meta.get_field("date_started").to_python("2026-01-02T03:04:05Z")
        values = [moment if column == "date_started" else column for column in columns]
        ids = [uuid() for _ in range(ROUNDS)]

        def work(number: int) -> None:
            for task_id in ids:
                store(task_id, "STARTED", using=scratch_tables, **{columns[number]: values[number]})

        together(work)
        rows = TaskResult.objects.using(scratch_tables).values_list(*columns)
        assert list(rows) == [tuple(values)] * ROUNDS


class TestChords:
    def test_every_part_counts_once(self, scratch_tables: str) -> None:
        group_id = uuid()
        parts = WRITERS * ROUNDS
        ChordCounter.objects.start(group_id=group_id, sub_tasks="[]", count=parts, using=scratch_tables)

        def work(number: int) -> list[int | None]:
            return [ChordCounter.objects.count_part(group_id, using=scratch_tables) for _ in range(ROUNDS)]

        left = [count for counts in together(work) for count in counts]
        assert sorted(left) == list(range(parts))

    def test_one_caller_gets_the_finished_chord(self, scratch_tables: str) -> None:
        ids = [uuid() for _ in range(ROUNDS)]
        for group_id in ids:
            ChordCounter.objects.start(group_id=group_id, sub_tasks="[]", count=0, using=scratch_tables)

        def work(number: int) -> list[Any]:
            return [
                ChordCounter.objects.claim_finished(group_id, task_model=TaskResult, using=scratch_tables)
                for group_id in ids
            ]

        claimed = [counter.group_id for counters in together(work) for counter in counters if counter]
        assert sorted(claimed) == sorted(ids)

    def test_starting_twice_makes_one_counter(self, scratch_tables: str) -> None:
        ids = [uuid() for _ in range(ROUNDS)]

        def work(number: int) -> None:
            for group_id in ids:
                ChordCounter.objects.start(group_id=group_id, sub_tasks="[]", count=3, using=scratch_tables)

        together(work)
        assert ChordCounter.objects.using(scratch_tables).count() == ROUNDS


WRITER = """
import json, sys
import django
from django.conf import settings

settings.configure(INSTALLED_APPS=["dcr_models"], DATABASES={"default": json.loads(sys.argv[1])}, USE_TZ=True)
django.setup()
from dcr_models.models import TaskResult

print("ready", flush=True)
ids = json.loads(input())
for status in ("STARTED", "PROGRESS", "SUCCESS"):
    for task_id in ids:
        TaskResult.objects.store_result("application/json", "utf-8", task_id, "1", status)
"""


def test_processes_make_one_row_each(scratch_tables: str) -> None:
    names = ("ENGINE", "NAME", "HOST", "PORT", "USER", "PASSWORD", "OPTIONS")
    database = json.dumps({name: connections.settings[scratch_tables][name] for name in names})
    ids = [uuid() for _ in range(20)]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(json.dumps(ids) + "\n")
        writer.stdin.flush()
    assert [writer.communicate(timeout=60) for writer in writers] == [("", "")] * len(writers)
    rows = TaskResult.objects.using(scratch_tables).values_list("task_id", "status")
    assert sorted(rows) == sorted((task_id, "SUCCESS") for task_id in ids)
