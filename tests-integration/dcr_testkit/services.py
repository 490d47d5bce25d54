"""Where the servers are: loopback and their standard ports, unless the environment says otherwise.

A server that was asked for and is missing fails the run; nothing falls back to another one.
"""

from __future__ import annotations

import os
from typing import Any

POSTGRESQL: dict[str, Any] = {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": os.environ.get("DCR_POSTGRES_HOST", "127.0.0.1"),
    "PORT": os.environ.get("DCR_POSTGRES_PORT", "5432"),
    "USER": os.environ.get("DCR_POSTGRES_USER", "postgres"),
    "PASSWORD": os.environ.get("DCR_POSTGRES_PASSWORD", ""),
}
MARIADB: dict[str, Any] = {
    "ENGINE": "django.db.backends.mysql",
    "HOST": os.environ.get("DCR_MARIADB_HOST", "127.0.0.1"),
    "PORT": os.environ.get("DCR_MARIADB_PORT", "3306"),
    "USER": os.environ.get("DCR_MARIADB_USER", "root"),
    "PASSWORD": os.environ.get("DCR_MARIADB_PASSWORD", ""),
}
SQLITE: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3"}

DATABASES = {"sqlite": SQLITE, "postgresql": POSTGRESQL, "mariadb": MARIADB}

REDIS_URL = os.environ.get("DCR_REDIS_URL", "redis://127.0.0.1:6379")
RABBITMQ_URL = os.environ.get("DCR_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")


def database(vendor: str, name: str, **extra: Any) -> dict[str, Any]:
    """Return the entry of ``DATABASES`` for ``vendor`` (sqlite, postgresql, mariadb) with the database ``name``."""
    entry = {**DATABASES[vendor], "NAME": name if vendor != "sqlite" else ":memory:", **extra}
    if vendor == "mariadb":
        entry.setdefault("TEST", {}).update(CHARSET="utf8mb4", COLLATION="utf8mb4_unicode_ci")
    return entry
