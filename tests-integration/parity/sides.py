"""Run the two scripts on either side, each in its own environment and process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

#: Environment variable with the interpreter of the environment that has 2.6.0.
PUBLISHED_PYTHON = "DCR_PUBLISHED_PYTHON"

SCRIPTS = ("parity.surface", "parity.behaviour")

#: Settings of the project that the scripts run in; see ``parity.settings``.
PROFILES = ("defaults", "changed")

#: Marks facts of the second profile, of which only those are kept that its settings have an influence on.
CHANGED = "with changed settings: "

_ROOT = Path(__file__).parent.parent


class Side(NamedTuple):
    """What one environment says."""

    versions: dict[str, str]
    #: Name -> (text, whether the package itself defines or does it).
    facts: dict[str, tuple[str, bool]]


def published() -> Side:
    """Return what 2.6.0 says; raise LookupError where nobody told where it is installed."""
    interpreter = os.environ.get(PUBLISHED_PYTHON)
    if not interpreter:
        raise LookupError(
            f"{PUBLISHED_PYTHON} is not set: it must be the interpreter of an environment that has the published "
            f"django-celery-results 2.6.0. `nox -s parity` makes that environment and sets the variable."
        )
    return _ask(interpreter, "published")


def here() -> Side:
    """Return what the project in this environment says."""
    return _ask(sys.executable, "here")


def _ask(interpreter: str, side: str) -> Side:
    """Return the facts of both scripts under both profiles."""
    versions: dict[str, str] = {}
    facts: dict[str, tuple[str, bool]] = {}
    for profile in PROFILES:
        for script in SCRIPTS:
            answer = _run(interpreter, script, {"DCR_PARITY_SIDE": side, "DCR_PARITY_PROFILE": profile})
            versions = answer["versions"]
            prefix = CHANGED if profile == "changed" else ""
            facts.update({prefix + name: (text, own) for name, (text, own) in answer["facts"].items()})
    return Side(versions, facts)


def _run(interpreter: str, script: str, variables: dict[str, str]) -> dict[str, Any]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DJANGO", "PYTEST"))}
    command = [interpreter, "-m", script]
    run = subprocess.run(command, cwd=_ROOT, env={**environ, **variables}, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{command} with {variables} failed:\n{run.stderr[-4000:]}")
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer
