"""Brokers of Celery for one test: files, and a corner of the servers that nobody else uses.

Nothing outlives its ``with`` block: queues, exchanges and keys are deleted.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from kombu import Connection

from dcr_testkit import services

#: Takes a folder for what the broker needs on disk; lends the settings that lead to it.
Broker = Callable[[Path], AbstractContextManager[dict[str, Any]]]


@contextmanager
def filesystem(folder: Path) -> Iterator[dict[str, Any]]:
    """Lend a broker of files."""
    messages, control = folder / "messages", folder / "control"
    for path in (messages, control):
        path.mkdir()
    options = {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        "polling_interval": 0.05,  # seconds; kombu's own is 1
    }
    yield {
        "CELERY_BROKER_URL": "filesystem://localhost//",
        "CELERY_BROKER_TRANSPORT": "shop.broker:Transport",
        "CELERY_BROKER_TRANSPORT_OPTIONS": options,
    }


@contextmanager
def redis_keys() -> Iterator[tuple[str, str]]:
    """Lend a database of the Redis server (its URL) and a prefix for keys, which are deleted at the end."""
    from redis import Redis

    url = f"{services.REDIS_URL}/6"
    prefix = f"dcr-{uuid.uuid4().hex}-"
    try:
        yield url, prefix
    finally:
        with Redis.from_url(url) as client:
            if keys := list(client.scan_iter(match=f"{prefix}*", count=1000)):
                client.delete(*keys)


@contextmanager
def redis(folder: Path) -> Iterator[dict[str, Any]]:
    """Lend the Redis server, where every key has a prefix of its own."""
    with redis_keys() as (url, prefix):
        yield {"CELERY_BROKER_URL": url, "CELERY_BROKER_TRANSPORT_OPTIONS": {"global_keyprefix": prefix}}


@contextmanager
def rabbitmq(folder: Path) -> Iterator[dict[str, Any]]:
    """Lend the RabbitMQ server, with a queue and exchanges of its own."""
    name = f"dcr-{uuid.uuid4().hex}"
    control, events = f"{name}-control", f"{name}-events"
    try:
        yield {
            "CELERY_BROKER_URL": services.RABBITMQ_URL,
            "CELERY_TASK_DEFAULT_QUEUE": name,
            "CELERY_CONTROL_EXCHANGE": control,
            "CELERY_EVENT_EXCHANGE": events,
        }
    finally:
        with Connection(services.RABBITMQ_URL, connect_timeout=5) as connection:
            channel: Any = connection.channel()
            channel.queue_delete(name)
            for exchange in (name, events, f"{control}.pidbox", f"reply.{control}.pidbox"):
                channel.exchange_delete(exchange)


BROKERS: dict[str, Broker] = {"filesystem": filesystem, "redis": redis, "rabbitmq": rabbitmq}
