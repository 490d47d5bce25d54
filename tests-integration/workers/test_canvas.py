"""Groups, chains and chords."""

from __future__ import annotations

from pathlib import Path

import pytest
from celery import chain, chord, group, states
from celery.exceptions import ChordError
from celery.result import GroupResult as CeleryGroupResult

from dcr_models.models import ChordCounter, GroupResult, TaskResult
from dcr_testkit.workers import wait_until
from workers.sites import Caller

pytestmark = pytest.mark.worker


def test_group(caller: Caller) -> None:
    result = group([caller.task("add", n, n) for n in range(5)], app=caller.app).apply_async()

    assert caller.get(result) == [0, 2, 4, 6, 8]
    assert (result.ready(), result.successful(), result.completed_count()) == (True, True, 5)


def test_saved_group(caller: Caller) -> None:
    result = group([caller.task("add", n, n) for n in range(3)], app=caller.app).apply_async()
    result.save()

    restored = CeleryGroupResult.restore(result.id, app=caller.app)
    assert restored is not None
    assert caller.get(restored) == [0, 2, 4]
    assert GroupResult.objects.filter(group_id=result.id).count() == 1
    restored.delete()
    assert not GroupResult.objects.filter(group_id=result.id).exists()
    assert CeleryGroupResult.restore(result.id, app=caller.app) is None


def test_group_with_a_failure(caller: Caller) -> None:
    result = group([caller.task("add", 1, 1), caller.task("fail", "no tea")], app=caller.app).apply_async()

    with pytest.raises(ValueError, match="no tea"):
        caller.get(result)
    assert wait_until(result.ready, "end of the group")
    assert result.failed()
    assert result.results[0].get(timeout=0) == 2


def test_chain(caller: Caller) -> None:
    result = chain(caller.task("add", 1, 2), caller.task("add", 3), caller.task("add", 4), app=caller.app)()

    assert caller.get(result) == 10
    assert [caller.get(result.parent), caller.get(result.parent.parent)] == [6, 3]


def test_chain_stops_at_a_failure(caller: Caller) -> None:
    result = chain(caller.task("fail", "no tea"), caller.task("touch", caller.path("touched")), app=caller.app)()

    with pytest.raises(ValueError, match="no tea"):
        caller.get(result.parent)
    assert caller.get(caller.send("add", 1, 1)) == 2
    assert not Path(caller.path("touched")).exists()
    assert result.state == states.FAILURE
    assert caller.row(result).task_name == "shop.tasks.touch"


@pytest.mark.parametrize("parts", [1, 2, 50])
def test_chord(caller: Caller, parts: int) -> None:
    header = [caller.task("add", n, n) for n in range(parts)]
    body = caller.task("count_run", path=caller.path("runs"))

    result = chord(header, app=caller.app)(body)

    assert caller.get(result) == parts * (parts - 1)
    assert len(caller.get(result.parent)) == parts
    # What a second last part would send is ahead of this one in the queue.
    assert caller.get(caller.send("add", 1, 1)) == 2
    assert Path(caller.path("runs")).read_text() == f"{parts}\n"
    assert not ChordCounter.objects.filter(group_id=result.parent.id).exists()


def test_chord_of_nested_groups(caller: Caller) -> None:
    inner = group([caller.task("add", 2, 2), caller.task("add", 3, 3)], app=caller.app)

    result = chord([caller.task("add", 1, 1), inner], app=caller.app)(caller.task("echo"))

    ((numbers,), _) = caller.get(result)
    assert sorted(numbers) == [2, 4, 6]  # Celery flattens the header, and turns inner groups round
    assert not ChordCounter.objects.filter(group_id=result.parent.id).exists()


def test_chord_of_chains(caller: Caller) -> None:
    header = [chain(caller.task("add", n, n), caller.task("add", 1), app=caller.app) for n in range(3)]

    result = chord(header, app=caller.app)(caller.task("total"))

    assert caller.get(result) == 1 + 3 + 5


def test_chord_in_a_chain(caller: Caller) -> None:
    result = chain(
        caller.task("add", 1, 1),
        group([caller.task("add", 10), caller.task("add", 20)], app=caller.app),
        caller.task("total"),
        caller.task("add", 100),
        app=caller.app,
    )()

    assert caller.get(result) == 134


def test_chord_with_an_immutable_body(caller: Caller) -> None:
    body = caller.app.signature("shop.tasks.close_day", (caller.path("runs"),), immutable=True)

    result = chord([caller.task("add", n, n) for n in range(3)], app=caller.app)(body)

    assert caller.get(result) == "closed"
    assert Path(caller.path("runs")).read_text() == "closed\n"


def test_chord_with_a_failing_part(caller: Caller) -> None:
    complaints = Path(caller.path("complaints"))
    body = caller.task("count_run", path=caller.path("runs"))
    body.link_error(caller.task("complain", path=str(complaints)))
    header = [caller.task("add", 1, 1), caller.task("fail", "no tea"), caller.task("add", 2, 2)]

    result = chord(header, app=caller.app)(body)

    culprit = result.parent.results[1].id
    error = caller.get(result, propagate=False)
    assert isinstance(error, ChordError)
    assert str(error) == f"Dependency {culprit} raised ValueError('no tea')"
    assert caller.row(result).status == states.FAILURE
    wait_until(complaints.exists, "errback")
    assert caller.get(caller.send("add", 1, 1)) == 2
    (complaint,) = complaints.read_text().splitlines()
    assert complaint.startswith(f"{result.id} ChordError: Dependency {culprit} raised ValueError('no tea')")
    assert not Path(caller.path("runs")).exists()
    assert not ChordCounter.objects.filter(group_id=result.parent.id).exists()


def test_chord_with_a_chain_that_fails_early(caller: Caller) -> None:
    failing = chain(caller.task("fail", "no tea"), caller.task("echo"), app=caller.app)

    result = chord([caller.task("add", 1, 1), failing], app=caller.app)(caller.task("echo"))

    error = caller.get(result, propagate=False)
    assert isinstance(error, ChordError)
    assert str(error) == f"Dependency {result.parent.results[1].id} raised ValueError('no tea')"


def test_chord_with_a_part_that_is_killed(caller: Caller) -> None:
    result = chord([caller.task("add", 1, 1), caller.task("crash")], app=caller.app)(caller.task("echo"))

    error = caller.get(result, propagate=False)
    assert isinstance(error, ChordError)
    assert str(error).startswith(f"Dependency {result.parent.results[1].id} raised WorkerLostError(")


def test_chord_whose_parts_have_ignored_results(caller: Caller) -> None:
    header = [caller.task("touch", caller.path(f"touched-{n}")) for n in range(3)]
    body = caller.app.signature("shop.tasks.close_day", (caller.path("runs"),), immutable=True)

    result = chord(header, app=caller.app)(body)

    assert caller.get(result) == "closed"


def test_task_that_becomes_a_chord(caller: Caller) -> None:
    assert caller.get(caller.send("split", [1, 2, 3])) == 12


def test_task_that_becomes_a_group(caller: Caller) -> None:
    result = caller.send("fan_out", [1, 2, 3])

    assert caller.get(result) == [2, 4, 6]
    assert TaskResult.objects.filter(task_id=result.id).count() == 1
