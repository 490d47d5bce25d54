"""The database of a published release becomes ours: every row is read, and work goes on."""

from __future__ import annotations

from typing import Any

from celery import states

from takeover.installations import Installation
from takeover.rows import BODY, addresses, expected, expected_counters

Database = dict[str, Any]
Recorded = dict[str, Any]


def test_all_migrations_are_applied_under_both_names(
    ours: Installation, facade: Installation, database: Database, recorded: Recorded
) -> None:
    before = ours.run(database, "permissions")

    ours.run(database, "migrate")

    state = ours.run(database, "state")
    assert state["unapplied"] == []
    assert state["applied"][: len(recorded["migrations"])] == recorded["migrations"]
    assert state["changes"] == ""
    assert facade.run(database, "state") == state
    facade.run(database, "migrate")
    assert [permission for permission in facade.run(database, "permissions") if permission in before] == before


def test_every_row_is_read(ours: Installation, database: Database, recorded: Recorded) -> None:
    ours.run(database, "migrate")

    for reader in (None, "json", "pickle"):
        answer = ours.run(database, "read", **addresses(recorded), reader=reader)

        assert answer == expected(answer, recorded, by_ours=True, reader=reader)
        assert answer["chord_counters"] == expected_counters(answer, recorded)


def test_new_results_are_stored_beside_the_old_ones(
    ours: Installation, facade: Installation, database: Database, recorded: Recorded
) -> None:
    facade.run(database, "migrate")

    stored = facade.run(database, "store", prefix="new-")

    assert len(stored["tasks"]) >= len(recorded["tasks"])
    answer = ours.run(database, "read", **addresses(recorded, stored))
    assert answer == expected(answer, recorded, stored, by_ours=True)


def test_chords_of_the_release_finish(ours: Installation, database: Database) -> None:
    ours.run(database, "migrate")

    for serializer in ("json", "pickle"):
        chord = {"serializer": serializer, "kind": "chord-running"}
        assert ours.run(database, "finish_chord", **chord, numbers=[2]) == []
        assert ours.run(database, "finish_chord", **chord, numbers=[3]) == [BODY]
        chord = {"serializer": serializer, "kind": "chord-waiting"}
        assert ours.run(database, "finish_chord", **chord, numbers=[3, 1, 2]) == [BODY]

    assert ours.run(database, "read", tasks={}, groups={})["chord_counters"] == {}


def test_cleanup_deletes_what_has_expired(ours: Installation, database: Database, recorded: Recorded) -> None:
    ours.run(database, "migrate")

    left = ours.run(database, "clean_up", days=30)

    kept = [
        task["task_id"]
        for task in recorded["tasks"]
        if task["status"] not in states.READY_STATES or "chord" in task["task_id"]
    ]
    assert left == {"tasks": sorted(kept), "groups": []}
