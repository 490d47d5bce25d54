"""What a project does with results, one area per module."""

from __future__ import annotations

from importlib import import_module

AREAS = ("tasks", "requests", "columns", "reading", "groups", "chords", "tables", "cache", "http", "admin", "misuse")
AREAS += ("projects", "repairs", "web_repairs")


def load() -> None:
    """Import every area, which registers its scenarios."""
    for area in AREAS:
        import_module(f"{__name__}.{area}")
