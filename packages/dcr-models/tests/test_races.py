"""Several writers of one row at the same moment: one row, no error, nothing lost."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from celery.utils import uuid
from django.db import connections
from django.db.models import F

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

    def test_starting_twice_makes_one_counter(self, scratch_tables: str) -> None:
        ids = [uuid() for _ in range(ROUNDS)]

        def work(number: int) -> None:
            for group_id in ids:
                ChordCounter.objects.start(group_id=group_id, sub_tasks="[]", count=3, using=scratch_tables)

        together(work)
        assert ChordCounter.objects.using(scratch_tables).count() == ROUNDS

    def test_growing_together_loses_no_member(self, scratch_tables: str) -> None:
        group_id = uuid()
        ChordCounter.objects.start(group_id=group_id, sub_tasks="[]", count=0, using=scratch_tables)

        def work(number: int) -> list[bool]:
            members = [[[f"{number}-{part}", None], None] for part in range(ROUNDS)]
            return [ChordCounter.objects.grow(group_id, member, using=scratch_tables) for member in members]

        assert together(work) == [[True] * ROUNDS] * WRITERS
        expected = {f"{number}-{part}" for number in range(WRITERS) for part in range(ROUNDS)}
        assert ChordCounter.objects.waiting_for(using=scratch_tables) == expected
        assert ChordCounter.objects.using(scratch_tables).get().count == len(expected)


LEASE = timedelta(minutes=1)


class TestClaims:
    @pytest.fixture
    def tasks(self, scratch_tables: str) -> Any:
        return TaskResult.objects.db_manager(scratch_tables)

    @pytest.fixture
    def counters(self, scratch_tables: str) -> Any:
        return ChordCounter.objects.db_manager(scratch_tables)

    def start(self, counters: Any, store: Store, *, parts: int = 3, ready: bool = True) -> tuple[str, list[str]]:
        """Start a chord; return its group id and those of its tasks."""
        group_id, ids = uuid(), [uuid() for _ in range(parts)]
        for task_id in ids if ready else []:
            store(task_id, using=counters.db)
        counters.start(group_id=group_id, sub_tasks=json.dumps([[[i, None], None] for i in ids]), count=parts)
        return group_id, ids

    def test_one_caller_gets_the_finished_chord(self, counters: Any, tasks: Any, store: Store) -> None:
        ids = [self.start(counters, store)[0] for _ in range(ROUNDS)]

        def work(number: int) -> list[Any]:
            return [counters.claim(group_id, token=str(number), lease=LEASE, tasks=tasks) for group_id in ids]

        claims = [claim for found in together(work) for claim in found if claim]
        assert sorted(claim.group_id for claim in claims) == sorted(ids)
        held = dict(counters.values_list("group_id", "claimed_by"))
        assert held == {claim.group_id: claim.token for claim in claims}

    def test_one_caller_takes_over_what_ran_out(self, counters: Any, tasks: Any, store: Store) -> None:
        """If nobody does, the process that was slow may go on."""
        ids = [self.start(counters, store)[0] for _ in range(ROUNDS)]
        for group_id in ids:
            counters.claim(group_id, token="slow", lease=LEASE, tasks=tasks)
        counters.update(claimed_at=F("claimed_at") - 2 * LEASE)

        def work(number: int) -> list[Any]:
            if number == 0:
                return [group_id for group_id in ids if counters.renew(group_id, "slow")]
            return [
                group_id
                for group_id in ids
                if counters.claim(group_id, token=str(number), lease=LEASE, tasks=tasks) is not None
            ]

        winners = [group_id for found in together(work) for group_id in found]
        assert sorted(winners) == sorted(ids)

    @pytest.mark.parametrize("deliveries", [1, 2])
    def test_the_last_part_finishes_the_chord(self, counters: Any, tasks: Any, store: Store, deliveries: int) -> None:
        """Parts that are delivered twice bring the count to zero early; the last return still sees zero.

        And no verb meets a deadlock: all of them lock the row from the index of group_id.
        """
        chords = [self.start(counters, store, parts=WRITERS, ready=False) for _ in range(ROUNDS)]

        def work(number: int) -> list[str]:
            finished = []
            for group_id, ids in chords:
                for _ in range(deliveries):
                    store(ids[number], using=counters.db)
                    if counters.count_part(group_id) != 0:
                        continue
                    claim = counters.claim(group_id, token=uuid(), lease=LEASE, tasks=tasks)
                    if claim is not None:
                        assert claim.tasks.keys() == set(ids)
                        finished.append(group_id)
                        assert counters.renew(group_id, claim.token)
                        assert counters.finish(group_id, claim.pk)
            return finished

        finished = [group_id for found in together(work) for group_id in found]
        assert sorted(finished) == sorted(group_id for group_id, _ in chords)
        assert not counters.exists()

    def test_one_process_gets_the_finished_chord(self, counters: Any, store: Store) -> None:
        ids = [self.start(counters, store)[0] for _ in range(20)]
        found = [json.loads(line) for line in in_processes(CLAIMER, ids, counters.db)]
        assert sorted(group_id for claimed in found for group_id in claimed) == sorted(ids)


SETUP = """
import json, sys
import django
from django.conf import settings

settings.configure(INSTALLED_APPS=["dcr_models"], DATABASES={"default": json.loads(sys.argv[1])}, USE_TZ=True)
django.setup()
from datetime import timedelta
from uuid import uuid4
from dcr_models.models import ChordCounter, TaskResult

print("ready", flush=True)
ids = json.loads(input())
"""

CLAIMER = """
token = uuid4().hex
claims = [
    ChordCounter.objects.claim(group_id, token=token, lease=timedelta(minutes=1), tasks=TaskResult.objects)
    for group_id in ids
]
print(json.dumps([claim.group_id for claim in claims if claim]))
"""

WRITER = """
for status in ("STARTED", "PROGRESS", "SUCCESS"):
    for task_id in ids:
        TaskResult.objects.store_result("application/json", "utf-8", task_id, "1", status)
"""


def in_processes(script: str, ids: list[str], alias: str) -> list[str]:
    """Run ``script``, which finds ``ids``, in several processes at one moment; return what they print."""
    names = ("ENGINE", "NAME", "HOST", "PORT", "USER", "PASSWORD", "OPTIONS")
    database = json.dumps({name: connections.settings[alias][name] for name in names})
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SETUP + script, database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(json.dumps(ids) + "\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [errors for _, errors in outputs] == [""] * len(processes)
    return [output for output, _ in outputs]


def test_processes_make_one_row_each(scratch_tables: str) -> None:
    ids = [uuid() for _ in range(20)]
    assert in_processes(WRITER, ids, scratch_tables) == [""] * 3
    rows = TaskResult.objects.using(scratch_tables).values_list("task_id", "status")
    assert sorted(rows) == sorted((task_id, "SUCCESS") for task_id in ids)
