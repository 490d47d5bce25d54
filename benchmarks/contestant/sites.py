"""A Celery app and its result backend, with what the scenarios need to prepare their work."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from celery import Celery, states
from celery.backends.base import Backend
from celery.signals import before_task_publish

from .requests import VALUE, new_id, request

#: Task that is the body of every chord; nobody runs it, sending it is what counts.
BODY = "shop.orders.sum"


class Site:
    """What all contestants have in common; subclasses say which backend, and where it is."""

    is_floor = False

    def __init__(self, specification: dict[str, Any]) -> None:
        """Prepare the process for the contestant that the run describes."""
        self.specification = specification
        self.bodies = 0
        self._members: list[str] = []
        before_task_publish.connect(self._see, sender=BODY)
        self.open()

    def open(self, port: int | None = None) -> None:
        """Connect anew, to ``port`` instead of the server's own."""
        self.close()
        self.port = port
        self.app = Celery("benchmarks", broker="memory://", config_source=None)
        self.app.conf.update(result_backend=self.backend_at(port), result_extended=True, **self.configuration())
        self.app.set_default()
        self.app.set_current()
        # One connection is made and set up here, outside every measurement.
        self.backend.store_result(new_id(), VALUE, states.SUCCESS)

    def close(self) -> None:
        """Hang up; needed before a fork."""
        if app := getattr(self, "app", None):
            app.close()

    def backend_at(self, port: int | None) -> str:
        """Return Celery's setting for the backend; point it to ``port``."""
        raise NotImplementedError

    def configuration(self) -> dict[str, Any]:
        """Return further settings of Celery."""
        return {}

    @property
    def backend(self) -> Backend:
        """The result backend under test."""
        return self.app.backend

    def members(self, count: int) -> list[str]:
        """Return the ids of ``count`` tasks whose results are stored; they are the same ones every time."""
        while len(self._members) < count:
            task_id = new_id()
            self.backend.store_result(task_id, VALUE, states.SUCCESS, request=request(task_id))
            self._members.append(task_id)
        return self._members[:count]

    def start_chord(self, task_ids: list[str]) -> tuple[str, dict[str, Any]]:
        """Start a chord as Celery's canvas does; return its group id and the body that its parts carry."""
        group_id = new_id()
        body = self.app.signature(BODY)
        header = (group_id, [self.app.AsyncResult(task_id) for task_id in task_ids])
        self.backend.apply_chord(header, body)
        self.backend.set_chord_size(group_id, len(task_ids))
        return group_id, dict(body)

    def return_parts(self, group_id: str, body: dict[str, Any], task_ids: list[str]) -> None:
        """Let parts whose results are stored return, all but one."""
        for index, task_id in enumerate(task_ids[:-1]):
            part = request(task_id, group=group_id, group_index=index, chord=body)
            self.backend.on_chord_part_return(part, states.SUCCESS, VALUE)

    def _see(self, **_: Any) -> None:
        self.bodies += 1


class DjangoSite(Site):
    """A Django project with the backend ``django-db``: ours or the published release, whichever is installed."""

    def __init__(self, specification: dict[str, Any]) -> None:
        import django
        from django.conf import settings
        from django.core.management import call_command

        settings.configure(
            SECRET_KEY="for measurements only",
            INSTALLED_APPS=["django_celery_results"],
            DATABASES={"default": specification["database"]},
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
            ALLOWED_HOSTS=["testserver"],
            ROOT_URLCONF=f"{__package__}.urls",
            USE_TZ=True,
            DJANGO_CELERY_RESULTS=specification["options"],
            DJANGO_CELERY_RESULTS_ID_FIRST_URLS=False,
        )
        django.setup()
        call_command("migrate", verbosity=0)
        super().__init__(specification)

    def open(self, port: int | None = None) -> None:
        """Let Django connect anew."""
        from django.db import connection

        settings = connection.settings_dict
        if port is not None:
            settings.update(HOST="127.0.0.1", PORT=str(port))
        elif "PORT" in self.specification["database"]:
            settings.update({name: self.specification["database"][name] for name in ("HOST", "PORT")})
        super().open(port)

    def close(self) -> None:
        """Close the connection, as Celery's fixup for Django does before a fork."""
        from django.db import connections

        connections.close_all()
        super().close()

    def backend_at(self, port: int | None) -> str:
        """Return the one name: where the database is, Django knows."""
        return "django-db"

    def members(self, count: int) -> list[str]:
        """Return the ids of ``count`` tasks, whose rows are copies of one that the backend has stored."""
        super().members(1)
        model = self.backend.TaskModel  # type: ignore[attr-defined]
        row = model.objects.get(task_id=self._members[0])
        columns = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
        del columns[row._meta.pk.attname]
        copies = [model(**{**columns, "task_id": new_id()}) for _ in range(count - len(self._members))]
        model.objects.bulk_create(copies)
        self._members += [copy.task_id for copy in copies]
        return self._members[:count]

    def return_parts(self, group_id: str, body: dict[str, Any], task_ids: list[str]) -> None:
        """Set the counter, which is all that the parts would do: a thousand returns per sample take long."""
        from django.apps import apps

        counters = apps.get_model("django_celery_results", "ChordCounter").objects.filter(group_id=group_id)
        assert counters.update(count=1) == 1


class RedisSite(Site):
    """Celery's Redis backend; all keys have the prefix that the run deletes."""

    def backend_at(self, port: int | None) -> str:
        """Return the server's address."""
        return _at_port(self.specification["redis"]["url"], port)

    def configuration(self) -> dict[str, Any]:
        """Set the prefix of the keys."""
        return {"result_backend_transport_options": {"global_keyprefix": self.specification["redis"]["prefix"]}}


class SQLAlchemySite(Site):
    """Celery's SQLAlchemy backend, in a database of its own; it creates its tables itself."""

    SCHEMES = {"postgresql": "db+postgresql+psycopg", "mariadb": "db+mysql+mysqldb", "sqlite": "db+sqlite"}

    def open(self, port: int | None = None) -> None:
        """Connect anew, with the pool of connections that the backend uses in a worker's processes only."""
        super().open(port)
        self.backend.session_manager.forked = True  # type: ignore[attr-defined]
        self.backend.store_result(new_id(), VALUE, states.SUCCESS)

    def close(self) -> None:
        """Close the pooled connections."""
        if getattr(self, "app", None):
            for engine in self.backend.session_manager._engines.values():  # type: ignore[attr-defined]
                engine.dispose()
        super().close()

    def backend_at(self, port: int | None) -> str:
        """Return the database's address."""
        database, scheme = self.specification["database"], self.SCHEMES[self.specification["vendor"]]
        if "PORT" not in database:
            return f"{scheme}:///{database['NAME']}"
        account = f"{database['USER']}:{database['PASSWORD']}".rstrip(":")
        return _at_port(f"{scheme}://{account}@{database['HOST']}:{database['PORT']}/{database['NAME']}", port)


def build(specification: dict[str, Any]) -> Site:
    """Return the site that the run describes."""
    from .floor.site import FloorSite

    kinds: tuple[type[Site], ...] = (DjangoSite, RedisSite, SQLAlchemySite, FloorSite)
    return {kind.__name__: kind for kind in kinds}[specification["site"]](specification)


def _at_port(url: str, port: int | None) -> str:
    """Return the address with ``port`` of loopback instead of its own."""
    if port is None:
        return url
    parts = urlsplit(url)
    account, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{account}{at}127.0.0.1:{port}"))
