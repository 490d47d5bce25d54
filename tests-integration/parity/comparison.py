"""Put both sides' facts beside one another and judge each difference by the list of intended ones."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from parity.behaviour import DETAIL
from parity.sides import CHANGED, Side

#: Stands for what one side does not have.
ABSENT = "(absent)"


class Verdict(Enum):
    """How a fact compares; the value is its mark in the table."""

    SAME = "="
    ADDITION = "+"
    INTENDED = "~"
    UNINTENDED = "!"


class Row(NamedTuple):
    """One fact of both sides."""

    name: str
    published: str
    here: str
    verdict: Verdict
    #: What an intended difference stands for.
    reason: str = ""


class Intended(NamedTuple):
    """A difference that must be there, exactly so."""

    name: str
    published: str
    here: str
    reason: str
    addition: bool


def intended() -> list[Intended]:
    """Return the differences of ``intended.toml`` that concern the database which the scripts ran on."""
    vendor = os.environ.get("DCR_TEST_DATABASE", "sqlite")
    with Path(__file__).with_name("intended.toml").open("rb") as file:
        groups = tomllib.load(file)["difference"]
    found = []
    for group in groups:
        for item in group["facts"]:
            if vendor in item.get("databases", [vendor]):
                theirs, ours = item.get("published", ABSENT), item.get("here", ABSENT)
                found.append(Intended(item["name"], theirs, ours, group["reason"], group.get("addition", False)))
    return found


def documented() -> set[str]:
    """Return the first cells of the table that tells users what is different."""
    path = Path(__file__).parents[2] / "docs" / "explanation" / "differences.md"
    rows = [line.split("|")[1].strip() for line in path.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    return set(rows[2:])  # after the heading and the line below it


def compare(published: Side, here: Side, differences: Iterable[Intended]) -> list[Row]:
    """Return a row per fact that either side defines itself, in the order of 2.6.0's."""
    expected = {item.name: item for item in differences}
    return [
        _judged(name, theirs, ours, expected.get(name)) for name, theirs, ours in _pairs(published.facts, here.facts)
    ]


def rotten(rows: Iterable[Row], differences: Iterable[Intended]) -> list[Intended]:
    """Return the intended differences that are not there, or not as they are listed."""
    shown = {row.name for row in rows if row.verdict in (Verdict.ADDITION, Verdict.INTENDED)}
    return [item for item in differences if item.name not in shown]


def _pairs(
    published: Mapping[str, tuple[str, bool]], here: Mapping[str, tuple[str, bool]]
) -> Iterator[tuple[str, str, str]]:
    absent = (ABSENT, False)
    for name in _merged(published, here):
        (theirs, defined_there), (ours, defined_here) = published.get(name, absent), here.get(name, absent)
        if not defined_there and (not defined_here or _is_hook(name)):
            continue  # imported or inherited on both sides, or an inner method of ours
        if _owner(name) in here and _owner(name) not in published:
            continue  # of a class that is new as a whole
        if name.startswith(CHANGED):
            plain = name.removeprefix(CHANGED)
            if published.get(plain, absent)[0] == theirs and here.get(plain, absent)[0] == ours:
                continue  # the settings have no influence on it
        yield name, theirs, ours


def _merged(published: Iterable[str], here: Iterable[str]) -> Iterator[str]:
    """Yield all names in the order of 2.6.0's; a new one where it stands on this side."""
    known = dict.fromkeys(published)
    followers: dict[str, list[str]] = {}
    previous = ""
    for name in here:
        if name in known:
            previous = name
        else:
            followers.setdefault(previous, []).append(name)
    for name in ("", *known):
        yield from [name] if name else []
        yield from followers.get(name, ())


def _owner(name: str) -> str:
    """Return the name of the class or module that the dotted ``name`` is an attribute of."""
    return name.rpartition(".")[0] if _is_dotted(name) else ""


def _is_hook(name: str) -> bool:
    """Return whether a name is of a method with one underscore: compared where 2.6.0 has it."""
    return _is_dotted(name) and name.rpartition(".")[2].startswith("_") and not name.endswith("__")


def _is_dotted(name: str) -> bool:
    """Return whether a fact is about a public name, not about a scenario, a route or an entry point."""
    return DETAIL not in name and ": " not in name.removeprefix(CHANGED)


def _judged(name: str, theirs: str, ours: str, expected: Intended | None) -> Row:
    if theirs == ours:
        return Row(name, theirs, ours, Verdict.SAME)
    if expected is None or (expected.published, expected.here) != (theirs, ours):
        return Row(name, theirs, ours, Verdict.UNINTENDED)
    verdict = Verdict.ADDITION if expected.addition else Verdict.INTENDED
    return Row(name, theirs, ours, verdict, expected.reason)
