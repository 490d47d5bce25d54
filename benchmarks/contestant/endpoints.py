"""The JSON endpoints."""

from __future__ import annotations

from .groups import SIZE, saved_groups
from .registry import BACKEND, Work, scenario
from .sites import Site


@scenario(BACKEND, "http")
def group_status(site: Site, operations: int) -> Work:
    """Ask ``group/status/`` for a group that is done."""
    from django.test import Client

    paths = [f"/celery/group/status/{group_id}/" for group_id in saved_groups(site, operations)]
    client = Client()

    def run() -> None:
        for path in paths:
            assert len(client.get(path).json()["group"]["results"]) == SIZE

    return Work(run)
