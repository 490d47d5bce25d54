"""Environments with one of the distributions in it, and the projects that the tests run there."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Where the package ``takeover`` is found.
ROOT = Path(__file__).resolve().parent.parent


class StepFailedError(AssertionError):
    """A step raised inside an environment; the message is its traceback."""


class Interpreter(AbstractContextManager["Interpreter"]):
    """A process of an environment's Python that runs ``takeover.steps``."""

    def __init__(self, executable: str, *options: str) -> None:
        self.executable = executable
        self.process = subprocess.Popen(
            [executable, *options, "-m", "takeover.steps"],
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "takeover.release_settings",
                "PYTHONPATH": str(ROOT),
                "PYTHONUTF8": "1",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def ask(self, request: Mapping[str, Any]) -> Any:
        """Send one request and return the answer; raises StepFailedError where the step raised."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(request), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line.strip():
            raise StepFailedError(f"{self.executable} gave no answer to {request['step']!r}; see its standard error.")
        outcome = json.loads(line)
        if "error" in outcome:
            raise StepFailedError(outcome["error"])
        return outcome["answer"]

    def __exit__(self, *exc_info: object) -> None:
        """End the process: it leaves when nothing more can be asked."""
        self.process.communicate()


@dataclass(frozen=True)
class Installation:
    """A project in an environment, whose INSTALLED_APPS names the app in one of the two ways."""

    interpreter: Interpreter
    app: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def run(self, database: Mapping[str, Any], step: str, **arguments: Any) -> Any:
        """Run a step of ``takeover.steps`` on a database (an entry of DATABASES) and return its answer."""
        environment = {
            "TAKEOVER_APP": self.app,
            "TAKEOVER_DATABASE": json.dumps(database),
            "TAKEOVER_SETTINGS": json.dumps(self.settings),
        }
        return self.interpreter.ask({"environment": environment, "step": step, "arguments": arguments})
