"""Installations with a running worker, one at a time; each is used by many tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from dcr_testkit import workers
from dcr_testkit.workers import CeleryProcess
from workers.sites import ALIAS, WAL, Caller, Site, calling, installed

SITES = [
    pytest.param({"vendor": "sqlite", "broker": "filesystem"}, id="sqlite-filesystem"),
    pytest.param({"vendor": "sqlite", "broker": "filesystem", "options": WAL}, id="sqlite_wal-filesystem"),
    pytest.param({"vendor": "postgresql", "broker": "redis"}, id="postgresql-redis", marks=pytest.mark.services),
    pytest.param({"vendor": "mariadb", "broker": "rabbitmq"}, id="mariadb-rabbitmq", marks=pytest.mark.services),
]

#: How much each process had said when the test began.
_said_before = pytest.StashKey[dict[CeleryProcess, int]]()


@pytest.fixture(scope="session", params=SITES)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Site]:
    """Return an installation whose worker runs; check in the end that it had nothing to complain about."""
    folder = tmp_path_factory.mktemp("site")
    with installed(folder, **request.param) as settings, workers.worker(settings=settings, folder=folder) as worker:
        with django_db_blocker.unblock(), calling(settings, folder):
            # The process of the tests has models of its own that point at results: deleting asks their tables.
            call_command("migrate", "userland", verbosity=0, database=ALIAS)
        yield Site(settings, worker)
        assert worker.unexpected == []
        if request.param["broker"] != "filesystem":  # takes seven seconds to end; test_pools waits for that
            assert worker.stop() == 0
            assert not worker.has_orphans


@pytest.fixture
def caller(site: Site, tmp_path: Path, django_db_blocker: Any) -> Iterator[Caller]:
    """Return a process of the installation that sends tasks: this one."""
    assert site.worker.is_running, site.worker.log
    with django_db_blocker.unblock(), calling(site.settings, tmp_path) as caller:
        yield caller


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember where the logs are at the beginning of the test."""
    item.stash[_said_before] = {process: len(process.log) for process in CeleryProcess.started}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show what workers and beats have said since the beginning of a test that failed."""
    report = yield
    if report.failed:
        for process in CeleryProcess.started:
            if said := process.log[item.stash.get(_said_before, {}).get(process, 0) :]:
                report.sections.append((process.log_file.name, said))
    return report
