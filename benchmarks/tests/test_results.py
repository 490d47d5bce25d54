"""What is made of the samples: medians, ratios, verdicts, the table and the plot."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmarks import plot, report
from benchmarks.results import Cell, Results
from benchmarks.rows import ROWS


@pytest.fixture
def results() -> Results:
    """Return three contestants in two rows."""
    results = Results("postgresql", "PostgreSQL, as it is", {"ours": "ours", "published": "2.6.0", "floor": "floor"})
    for name, times in {"ours": (0.001, 0.0011, 0.009), "published": (0.0033,), "floor": (0.0005,)}.items():
        cell = Cell(statements={"INSERT": 1.0}, bytes=100.0)
        for seconds in times:
            cell.add({"seconds": seconds * 10, "cpu": 0.001, "statements": {}}, operations=10)
        results.cells.setdefault("store", {})[name] = cell
    ours, published = Cell(), Cell(error="OperationalError: database is locked")
    for bodies in (1, 0):
        ours.add({"seconds": 1.0, "cpu": 0.5, "exactly_once": float(bodies == 1)}, operations=1000)
    results.cells["chord_race"] = {"ours": ours, "published": published}
    return results


def test_times_are_medians_per_operation(results: Results) -> None:
    """One slow round changes nothing."""
    assert results.cell("store", "ours").time == pytest.approx(0.0011)
    assert results.times_as_fast("store", "ours", "published") == pytest.approx(3)
    assert results.times_as_fast("store", "ours", "floor") == pytest.approx(0.0005 / 0.0011)
    assert results.times_as_fast("store", "ours", "redis") is None


def test_targets_are_judged_where_there_is_a_figure(results: Results) -> None:
    """The worst round decides where luck would help; what was not measured has no verdict."""
    store = {target.measure: met for target, _, met in results.verdicts(ROWS["store"])}
    assert store == {"statements": True, "times_published": True, "of_floor": False}
    race = {target.measure: met for target, _, met in results.verdicts(ROWS["chord_race"])}
    assert race == {"exactly_once": False}


def test_tuned_and_vendor_bounds() -> None:
    """A target can ask for more of one connection, and for less of one vendor."""
    statements, published = ROWS["chord_last"].targets[0], ROWS["store"].targets[1]
    assert [statements.bound_for(name) for name in ("postgresql", "postgresql-tuned", "sqlite", "mariadb")] == [
        8,
        8,
        9,
        11,
    ]
    assert [published.bound_for(name) for name in ("postgresql", "postgresql-tuned")] == [2.8, 3.3]


def test_table_shows_failures_and_missed_targets(results: Results) -> None:
    """A contestant that fails is a line of the report."""
    shown = "\n".join(report.lines(results))
    assert "909/s 1" in shown
    assert "chord_race, 2.6.0: OperationalError: database is locked" in shown
    assert "store: 0.45 of the floor's speed, wanted at least 0.60 of the floor's speed" in shown


def test_plot_is_well_formed(results: Results) -> None:
    """Every mark that has a ratio says it in a tooltip."""
    root = ElementTree.fromstring(plot.draw([results], {"cores": "2", "PostgreSQL": "15 & more"}))
    titles = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}title")]
    assert any(title.startswith("ours: 909/s 1, 3 times") for title in titles)


def test_edited_sources_are_reported(results: Results) -> None:
    """Tables of one run that are about different code say so."""
    later = Results("sqlite", "SQLite", results.contestants)
    results.versions["ours"], later.versions["ours"] = {"sources": "a"}, {"sources": "a"}
    assert list(report.mixed_sources([results, later])) == []
    later.versions["ours"] = {"sources": "b"}
    (warning,) = report.mixed_sources([results, later])
    assert "'ours' changed during the run" in warning
