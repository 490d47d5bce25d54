"""What both scripts do first in their environment, and how they answer."""

from __future__ import annotations

import json
import os
import platform
import sys
import warnings
from collections.abc import Mapping
from typing import Any


def set_up() -> None:
    """Set Django up with the settings of this folder."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "parity.settings"
    import django

    warnings.simplefilter("ignore")  # those that matter are facts, recorded where they are expected
    django.setup()


def versions() -> dict[str, str]:
    """Return what both environments must have in common, so that every difference is the packages' own."""
    import celery
    import django
    import kombu

    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "Django": django.__version__,
        "Celery": celery.__version__,
        "kombu": kombu.__version__,
    }


def answer(facts: Mapping[str, Any]) -> None:
    """Print ``facts`` and the versions as JSON."""
    json.dump({"versions": versions(), "facts": facts}, sys.stdout, indent=1)
    sys.stdout.write("\n")
