"""The five distributions, as they should be."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Distribution(NamedTuple):
    """What one distribution is made of, and what it asks for."""

    name: str
    #: Where it lives in the workspace.
    folder: Path
    #: Distributions of ours that it needs, in the same version.
    siblings: frozenset[str]
    #: Distributions of others that it imports; hatchling writes names in lower case.
    others: frozenset[str]

    @property
    def package(self) -> str:
        """Return the name of the import package, which begins the names of the files, too."""
        return self.name.replace("-", "_")

    def __str__(self) -> str:
        return self.name


DISTRIBUTIONS = (
    Distribution("dcr-models", ROOT / "packages/dcr-models", frozenset(), frozenset({"django", "celery", "kombu"})),
    Distribution(
        "dcr-backends",
        ROOT / "packages/dcr-backends",
        frozenset({"dcr-models"}),
        frozenset({"django", "celery", "kombu"}),
    ),
    Distribution("dcr-admin", ROOT / "packages/dcr-admin", frozenset({"dcr-models"}), frozenset({"django", "celery"})),
    Distribution("dcr-http", ROOT / "packages/dcr-http", frozenset(), frozenset({"django", "celery"})),
    Distribution(
        "django-celery-results",
        ROOT / "meta-package",
        frozenset({"dcr-models", "dcr-backends", "dcr-admin", "dcr-http"}),
        frozenset(),
    ),
)
