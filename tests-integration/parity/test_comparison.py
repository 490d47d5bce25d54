"""The comparison itself: what it shows, what it leaves out, what it refuses."""

from __future__ import annotations

from parity import comparison, table
from parity.comparison import ABSENT, Intended, Verdict
from parity.sides import CHANGED, Side

OWN, FOREIGN = True, False


def side(**facts: tuple[str, bool]) -> Side:
    """Return a side that says ``facts``; two underscores in a name stand for a dot."""
    return Side({}, {name.replace("__", "."): fact for name, fact in facts.items()})


def verdicts(published: Side, here: Side, *differences: Intended) -> dict[str, Verdict]:
    """Return name -> verdict."""
    return {row.name: row.verdict for row in comparison.compare(published, here, differences)}


def test_what_is_the_same_is_the_same() -> None:
    assert verdicts(side(models__A=("1", OWN)), side(models__A=("1", OWN))) == {"models.A": Verdict.SAME}


def test_a_difference_that_is_not_listed_is_not_meant() -> None:
    assert verdicts(side(models__A=("1", OWN)), side(models__A=("2", OWN))) == {"models.A": Verdict.UNINTENDED}


def test_a_name_that_is_missing_is_a_difference() -> None:
    (row,) = comparison.compare(side(models__A=("1", OWN)), side(), [])
    assert (row.here, row.verdict) == (ABSENT, Verdict.UNINTENDED)


def test_a_new_name_must_be_listed() -> None:
    new = Intended("models.A", ABSENT, "1", "new", True)
    here = side(models__A=("1", OWN))
    assert verdicts(side(), here) == {"models.A": Verdict.UNINTENDED}
    assert verdicts(side(), here, new) == {"models.A": Verdict.ADDITION}


def test_a_listed_difference_counts_exactly_as_listed() -> None:
    meant = Intended("models.A", "1", "2", "row", False)
    published = side(models__A=("1", OWN))
    assert verdicts(published, side(models__A=("2", OWN)), meant) == {"models.A": Verdict.INTENDED}
    assert verdicts(published, side(models__A=("3", OWN)), meant) == {"models.A": Verdict.UNINTENDED}


def test_a_listed_difference_that_is_gone_is_rotten() -> None:
    meant = Intended("models.A", "1", "2", "row", False)
    same = side(models__A=("1", OWN))
    assert comparison.rotten(comparison.compare(same, same, [meant]), [meant]) == [meant]


def test_what_neither_side_defines_is_left_out() -> None:
    assert verdicts(side(models__json=("1", FOREIGN)), side(models__json=("2", FOREIGN))) == {}


def test_what_2_6_inherits_is_compared_where_we_override_it() -> None:
    found = verdicts(side(models__A__f=("(self)", FOREIGN)), side(models__A__f=("(self, x)", OWN)))
    assert found == {"models.A.f": Verdict.UNINTENDED}


def test_hooks_of_2_6_are_compared_and_inner_methods_of_ours_are_not() -> None:
    hook = ("(self)", OWN)
    assert verdicts(side(models__A__f=hook), side(models__A__f=hook, models__A___inner=hook)).keys() == {"models.A.f"}
    assert verdicts(side(models__A___hook=hook), side()) == {"models.A._hook": Verdict.UNINTENDED}


def test_attributes_of_a_class_that_is_new_are_told_by_the_class() -> None:
    here = side(models__New=("class", OWN), models__New__f=("(self)", OWN))
    assert verdicts(side(), here).keys() == {"models.New"}


def test_changed_settings_show_where_they_matter() -> None:
    plain, changed = {"models.A": ("1", OWN)}, {f"{CHANGED}models.A": ("1", OWN)}
    same, other = Side({}, plain | changed), Side({}, plain | {f"{CHANGED}models.A": ("2", OWN)})
    assert verdicts(same, same).keys() == {"models.A"}
    assert verdicts(same, other) == {"models.A": Verdict.SAME, f"{CHANGED}models.A": Verdict.UNINTENDED}


def test_new_names_stand_beside_their_neighbours() -> None:
    a, b, c = {"a.A": ("1", OWN)}, {"a.B": ("1", OWN)}, {"b.C": ("1", OWN)}
    assert list(verdicts(Side({}, a | c), Side({}, a | b | c))) == ["a.A", "a.B", "b.C"]


def test_the_table_cuts_nothing_that_differs() -> None:
    long = "function(" + ", ".join(f"argument{number}" for number in range(20)) + ")"
    rows = comparison.compare(side(models__f=("function()", OWN)), side(models__f=(long, OWN)), [])
    text = "\n".join(table.lines(rows))
    assert all(f"argument{number}" in text for number in range(20))
    assert "1 compared: 0 the same, 0 additions, 0 intended differences, 1 differences that nobody meant" in text
