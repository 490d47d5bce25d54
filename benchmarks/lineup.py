"""Who is measured: the interpreter of each contestant and what its process is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from . import servers

#: Environment variable that names the interpreter with the published release.
PUBLISHED_PYTHON = "DCR_PUBLISHED_PYTHON"


def _own_python() -> str:
    return sys.executable


def _published_python() -> str:
    python = os.environ.get(PUBLISHED_PYTHON)
    if not python:
        raise SystemExit(
            f"{PUBLISHED_PYTHON} is not set. Let it name the interpreter of an environment with "
            "django-celery-results 2.6.0, or leave that contestant out with --contestants."
        )
    return python


@dataclass(frozen=True)
class Contestant:
    """One column of the table, with a process and a database of its own."""

    name: str
    title: str
    #: Class of `contestant.sites` that plays it.
    site: str
    python: Callable[[], str] = _own_python
    #: Distribution whose version is reported.
    distribution: str = "celery"
    #: ``DJANGO_CELERY_RESULTS`` of its project.
    options: dict[str, Any] = field(default_factory=dict)
    #: Databases that it is measured on; empty: all.
    databases: tuple[str, ...] = ()
    #: Whether it is one of Celery's own backends, whose statements ``--quick`` does not count.
    is_celerys: bool = False
    #: The protocol that its statements are counted in, where it is not the database's.
    protocol: str = ""

    def specification(self, database: str, stack: ExitStack) -> dict[str, Any]:
        """Create what the contestant stores to, until ``stack`` is left; return what its process is told."""
        told: dict[str, Any] = {"site": self.site, "options": self.options, "distribution": self.distribution}
        if self.protocol == "redis":
            return {**told, "redis": stack.enter_context(servers.redis_keys())}
        vendor = servers.vendor_of(database)
        return {**told, "vendor": vendor, "database": stack.enter_context(servers.scratch(database))}


_LINEUP = (
    Contestant("ours", "ours", "DjangoSite", distribution="dcr-backends"),
    Contestant(
        "notify",
        "ours, NOTIFY",
        "DjangoSite",
        distribution="dcr-backends",
        options={"NOTIFY": True},
        databases=("postgresql",),
    ),
    Contestant("published", "2.6.0", "DjangoSite", python=_published_python, distribution="django-celery-results"),
    Contestant("floor", "floor", "FloorSite"),
    Contestant("redis", "Redis", "RedisSite", is_celerys=True, protocol="redis"),
    Contestant("sqlalchemy", "SQLAlchemy", "SQLAlchemySite", is_celerys=True),
)
CONTESTANTS = {contestant.name: contestant for contestant in _LINEUP}


def choose(names: list[str] | None, database: str) -> list[Contestant]:
    """Return the contestants for ``database``, in the order of the table; ``names`` None: all there are."""
    if names is None:
        names = [name for name in CONTESTANTS if name != "notify" or _has_notifications()]
    chosen = [each for each in _LINEUP if each.name in names and (not each.databases or database in each.databases)]
    for contestant in chosen:
        contestant.python()  # said here where it is missing, before anything is created
    return chosen


def _has_notifications() -> bool:
    """Return whether this version of ours can notify."""
    from dcr_models import conf

    return "NOTIFY" in conf.OPTIONS
