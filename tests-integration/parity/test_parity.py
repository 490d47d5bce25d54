"""Nothing differs from the published 2.6.0 but what is meant to."""

from __future__ import annotations

import pytest

from parity import comparison, table
from parity.behaviour import BROKE_OFF
from parity.comparison import Row, Verdict
from parity.sides import Side

pytestmark = pytest.mark.published


def test_both_sides_run_on_the_same_versions(published: Side, here: Side) -> None:
    assert published.versions == here.versions, "another Django or Celery would show as a difference of ours"


def test_the_other_side_is_the_published_release(published: Side) -> None:
    assert published.facts["__version__"][0] == "'2.6.0'"


def test_every_scenario_comes_to_its_end(published: Side, here: Side) -> None:
    broken = {name: text for side in (published, here) for name, (text, _) in side.facts.items() if BROKE_OFF in name}
    assert not broken


def test_every_public_name_of_the_published_release_is_here(rows: list[Row]) -> None:
    missing = [row.name for row in rows if row.here == comparison.ABSENT and row.verdict is Verdict.UNINTENDED]
    assert not missing


def test_nothing_differs_but_what_is_meant_to(rows: list[Row]) -> None:
    differences = [row for row in rows if row.verdict is Verdict.UNINTENDED]
    text = "\n".join(f"{row.name}\n    2.6.0: {row.published}\n    here:  {row.here}" for row in differences)
    assert not differences, f"{len(differences)} differences are in no list:\n{text}"


def test_every_intended_difference_is_there(rows: list[Row]) -> None:
    gone = comparison.rotten(rows, comparison.intended())
    text = "\n".join(f"{item.name}\n    2.6.0: {item.published}\n    here:  {item.here}" for item in gone)
    assert not gone, f"{len(gone)} differences are listed and do not show as listed:\n{text}"


def test_users_are_told_of_every_difference() -> None:
    reasons = {item.reason for item in comparison.intended() if not item.addition}
    untold, unshown = reasons - comparison.documented(), comparison.documented() - reasons
    assert not untold, "docs/explanation/differences.md has no such rows"
    assert not unshown, "docs/explanation/differences.md has rows that no scenario shows"


def test_no_difference_is_listed_twice() -> None:
    names = [item.name for item in comparison.intended()]
    assert sorted(set(names)) == sorted(names)


def test_the_table_fits_a_terminal(rows: list[Row]) -> None:
    assert max(len(line) for line in table.lines(rows)) <= 120
