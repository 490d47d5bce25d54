"""Work on a chord in a process of its own, and print each task that is sent; see ``Order``."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from datetime import timedelta
from typing import Any, TypedDict

import django
from celery import Celery, signals
from celery.app.task import Context
from celery.result import AsyncResult
from django.conf import settings

GROUP = "group"


class Order(TypedDict, total=False):
    """What the process is to do, as JSON in its first argument."""

    #: An entry of ``DATABASES``.
    database: dict[str, Any]
    #: ``apply``: start the chord, and make the tables where it says which journal; ``return``: let parts return
    #: when a line arrives; ``sweep``; ``watch``: sweep from the line's arrival until there is no chord left.
    do: list[str]
    #: Ids of parts; each returns its id.
    parts: list[str]
    #: SQLite's ``journal_mode``; None where the database is there.
    journal: str | None
    #: While the last part returns, the process kills itself before a statement that this pattern is found in.
    killed_before: str


def main(order: Order) -> None:
    """Carry out ``order``."""
    settings.configure(INSTALLED_APPS=["dcr_models"], DATABASES={"default": order["database"]}, USE_TZ=True)
    django.setup()
    app = Celery("tests", broker="memory://", backend="django-db")
    app.set_current()
    app.task(name="tests.body", shared=False)(list)
    signals.after_task_publish.connect(print_task)
    for step in order["do"]:
        {"apply": apply, "return": let_return, "sweep": sweep, "watch": watch}[step](app, order)


def apply(app: Celery, order: Order) -> None:
    from django.core.management import call_command
    from django.db import connection

    if order["journal"]:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA journal_mode = {order['journal']}")
            assert cursor.fetchone()[0] == order["journal"]
        call_command("migrate", verbosity=0)
    members = [AsyncResult(part, app=app) for part in order["parts"]]
    app.backend.apply_chord((GROUP, members), body(app))


def let_return(app: Celery, order: Order) -> None:
    wait_for_the_others(app)
    for part in order["parts"]:
        if "killed_before" in order and part == order["parts"][-1]:
            kill_before(order["killed_before"])
        request = Context(id=part, group=GROUP, chord=json.loads(json.dumps(body(app))), children=[])
        app.backend.mark_as_done(part, part, request=request)


def sweep(app: Celery, order: Order) -> None:
    """Sweep when all leases have run out."""
    from django.utils import timezone

    from dcr_models.models import ChordCounter

    ChordCounter.objects.exclude(claimed_at=None).update(claimed_at=timezone.now() - timedelta(hours=1))
    app.backend.repair_chords()
    assert not ChordCounter.objects.exists()


def watch(app: Celery, order: Order) -> None:
    from dcr_models.models import ChordCounter

    wait_for_the_others(app)
    while ChordCounter.objects.exists():
        app.backend.repair_chords()


def body(app: Celery) -> Any:
    return app.signature("tests.body", options={"task_id": "body"})


def print_task(sender: str, body: Any, **kwargs: Any) -> None:
    tell([sender, *body[0]])


def tell(what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def wait_for_the_others(app: Celery) -> None:
    app.backend.get_state("nobody")  # connects
    tell("ready")
    sys.stdin.readline()


def kill_before(pattern: str) -> None:
    from django.db import connection

    def execute(run: Any, sql: str, *rest: Any) -> Any:
        if re.search(pattern, re.sub(r'["`]', "", sql)):
            os.kill(os.getpid(), signal.SIGKILL)
        return run(sql, *rest)

    connection.execute_wrappers.append(execute)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
