"""Answer the questions of a run: ``python -m benchmarks.contestant``, one JSON object per line both ways."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import platform
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import children, sites, trace
from .registry import Work, scenario_for

PACKAGES = ("dcr_models", "dcr_backends", "dcr_http", "django_celery_results")
DRIVERS = ("psycopg", "mysqlclient", "redis", "SQLAlchemy")


class Desk:
    """Does what the run asks for."""

    def __init__(self, specification: dict[str, Any]) -> None:
        self.specification = specification
        self.site = sites.build(specification)
        gc.freeze()  # collecting before every work is quick then
        self.work: Work | None = None

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one question."""
        arguments = {name: value for name, value in question.items() if name != "do"}
        answers: dict[str, Callable[..., dict[str, Any]]] = {
            "arrange": self.do_arrange,
            "count": self.do_count,
            "finish": self.do_finish,
            "run": self.do_run,
            "versions": self.do_versions,
        }
        return answers[question["do"]](**arguments)

    def do_arrange(self, *, scenario: str, operations: int, parameters: dict[str, Any]) -> dict[str, Any]:
        """Prepare ``operations`` operations, untimed."""
        children.end_all()
        gc.collect()  # what the last work has left goes before: Celery's results unsubscribe when they are deleted
        self.work = scenario_for(scenario, is_floor=self.site.is_floor)(self.site, operations, **parameters)
        return {}

    def do_run(self) -> dict[str, Any]:
        """Do what was arranged last; return wall and CPU seconds, and what the scenario tells beside."""
        assert self.work is not None
        trace.tally.clear()
        cpu = time.process_time()
        started = time.perf_counter()
        figures = self.work.run()
        seconds = time.perf_counter() - started
        cpu = time.process_time() - cpu
        statements = dict(trace.tally)
        return {"seconds": seconds, "cpu": cpu, "statements": statements, **(figures or {})}

    def do_finish(self) -> dict[str, Any]:
        """Look whether the work was done; return what else the scenario tells."""
        assert self.work is not None
        figures = self.work.finish()
        self.work = None
        children.end_all()
        return figures

    def do_count(self, *, port: int | None) -> dict[str, Any]:
        """Go through the counting proxy at ``port`` from now on; None: count SQLite's statements here."""
        if port is None:
            trace.install()
        self.site.open(port)
        return {}

    def do_versions(self) -> dict[str, Any]:
        """Return what this process runs on."""
        found = {"Python": platform.python_version(), "sqlite3": sqlite3.sqlite_version}
        for name in ("Django", "celery", "kombu", *DRIVERS, self.specification["distribution"]):
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
        if isinstance(self.site, sites.DjangoSite):
            found["sources"] = _digest()
        return found


def _digest() -> str:
    """Return a digest of the sources under test: they may be edited while a run goes on, which mixes two versions."""
    digest = hashlib.sha256()
    for name in PACKAGES:
        spec = find_spec(name)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            for file in sorted(Path(folder).rglob("*.py")):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def main() -> None:
    """Answer until stdin ends."""
    # Whatever else prints must not end up among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    desk: Desk | None = None
    for line in sys.stdin:
        question = json.loads(line)
        try:
            if desk is None:
                desk = Desk(question)
                answer = {}
            else:
                answer = desk.answer(question)
        except Exception as exc:  # noqa: BLE001 - the run goes on, and its table says what happened
            traceback.print_exc()
            answer = {"error": f"{type(exc).__name__}: {exc}"}
        answers.write(json.dumps(answer) + "\n")
    children.end_all()
    if desk is not None:
        desk.site.close()


if __name__ == "__main__":
    main()
