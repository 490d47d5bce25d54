"""Scenarios by name: those of Celery's result backends, and those of the raw drivers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

#: Figures by name; ``seconds`` and ``cpu`` take the place of what the clocks say.
Figures = dict[str, float]


def _nothing() -> Figures:
    return {}


@dataclass(frozen=True)
class Work:
    """What a scenario has prepared."""

    #: The timed part.
    run: Callable[[], Figures | None]
    #: What follows untimed: looking whether the work was done, further figures.
    finish: Callable[[], Figures] = _nothing


#: Takes the site, the number of operations and the row's parameters.
Scenario = Callable[..., Work]

BACKEND: dict[str, Scenario] = {}
FLOOR: dict[str, Scenario] = {}

MODULES = ("results", "groups", "chords", "waiting", "cleaning", "endpoints", "floor.results", "floor.groups")


def scenario(registry: dict[str, Scenario], name: str) -> Callable[[Scenario], Scenario]:
    """Register the decorated function as the scenario ``name``."""

    def register(function: Scenario) -> Scenario:
        registry[name] = function
        return function

    return register


def scenario_for(name: str, *, is_floor: bool) -> Scenario:
    """Return the scenario ``name``."""
    if not BACKEND:
        for module in MODULES:
            import_module(f"{__package__}.{module}")
    return (FLOOR if is_floor else BACKEND)[name]
