"""Results in Django's caches, in a project that has no tables for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import chain, chord, group, states
from celery.exceptions import ChordError
from celery.result import GroupResult
from django.core.cache import caches

from dcr_testkit import brokers, workers
from dcr_testkit.workers import wait_until
from workers.sites import Caller, calling

pytestmark = pytest.mark.worker


@contextmanager
def in_files(folder: Path) -> Iterator[dict[str, Any]]:
    """Lend the entry of CACHES for a cache of files."""
    yield {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": str(folder / "cache")}


@contextmanager
def in_redis(folder: Path) -> Iterator[dict[str, Any]]:
    """Lend the entry of CACHES for the Redis server, where every key has a prefix of its own."""
    with brokers.redis_keys() as (url, prefix):
        yield {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url, "KEY_PREFIX": prefix}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("filesystem", in_files), id="files"),
        pytest.param(("redis", in_redis), id="redis", marks=pytest.mark.services),
    ],
)
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Return the settings of a project whose worker runs."""
    broker, cache = request.param
    folder = tmp_path_factory.mktemp("cache")
    with brokers.BROKERS[broker](folder) as settings, cache(folder) as results:
        settings |= {
            "INSTALLED_APPS": ["shop"],
            "DATABASES": {},
            "CACHES": {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}, "results": results},
            "CELERY_RESULT_BACKEND": "django-cache",
            "CELERY_CACHE_BACKEND": "results",
        }
        with workers.worker(settings=settings, folder=folder) as process:
            yield settings
            # Celery has a message of its own for what pickle, inside the cache, does not take.
            assert [line for line in process.unexpected if "cannot pickle" not in line] == []


@pytest.fixture
def caller(settings: dict[str, Any], tmp_path: Path) -> Iterator[Caller]:
    """Return a process that sends tasks to the project."""
    with calling(settings, tmp_path) as caller:
        yield caller


def test_success(caller: Caller) -> None:
    result = caller.send("echo", 1, "two")

    assert caller.get(result) == [[1, "two"], {}]
    assert result.state == states.SUCCESS
    assert (result.name, result.args) == ("shop.tasks.echo", [1, "two"])
    assert caches["results"].get(f"celery-task-meta-{result.id}")["status"] == states.SUCCESS


def test_failure(caller: Caller) -> None:
    from shop.errors import OutOfStockError

    result = caller.send("order", "cups", 2)

    with pytest.raises(OutOfStockError) as caught:
        caller.get(result)
    assert caught.value.left == 2
    assert "raise OutOfStockError(article, left)" in result.traceback


def test_retry_then_success(caller: Caller) -> None:
    assert caller.get(caller.send("restock", 2)) == {"attempts": 3}


def test_state_of_its_own(caller: Caller) -> None:
    result = caller.send("report", caller.path("go"))

    wait_until(lambda: result.state == "PACKING", "progress report")
    assert result.info == {"packed": 3, "of": 7}
    Path(caller.path("go")).touch()
    assert caller.get(result) == "packed"


def test_result_that_cannot_be_kept(caller: Caller) -> None:
    result = caller.send("make_lock")

    failure = caller.get(result, propagate=False)
    assert result.state == states.FAILURE
    assert "cannot pickle '_thread.lock' object" in str(failure)
    assert caller.get(caller.send("add", 2, 2)) == 4


def test_ignored_result(caller: Caller) -> None:
    result = caller.send("touch", caller.path("touched"))

    wait_until(Path(caller.path("touched")).exists, "run of the task")
    assert result.state == states.PENDING


def test_saved_group(caller: Caller) -> None:
    result = group([caller.task("add", n, n) for n in range(3)], app=caller.app).apply_async()
    result.save()

    restored = GroupResult.restore(result.id, app=caller.app)
    assert restored is not None
    assert caller.get(restored) == [0, 2, 4]
    restored.delete()
    assert GroupResult.restore(result.id, app=caller.app) is None


def test_chain(caller: Caller) -> None:
    assert caller.get(chain(caller.task("add", 1, 2), caller.task("add", 3), app=caller.app)()) == 6


def test_chord(caller: Caller) -> None:
    header = [caller.task("add", n, n) for n in range(5)]

    result = chord(header, app=caller.app)(caller.task("count_run", path=caller.path("runs")), interval=0.1)

    assert caller.get(result) == 20
    assert Path(caller.path("runs")).read_text() == "5\n"


def test_chord_with_a_failing_part(caller: Caller) -> None:
    header = [caller.task("add", 1, 1), caller.task("fail", "no tea")]

    result = chord(header, app=caller.app)(caller.task("total"), interval=0.1)

    error = caller.get(result, propagate=False)
    assert isinstance(error, ChordError)
    assert "ValueError('no tea')" in str(error)
