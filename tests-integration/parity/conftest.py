"""Ask both sides once per run; print the table at its end."""

from __future__ import annotations

from typing import Any

import pytest

from parity import comparison, sides, table

_printed = pytest.StashKey[list[comparison.Row]]()


@pytest.fixture(scope="session")
def published() -> sides.Side:
    """Return what 2.6.0 says in its environment."""
    try:
        return sides.published()
    except LookupError as exc:
        pytest.fail(str(exc), pytrace=False)


@pytest.fixture(scope="session")
def here() -> sides.Side:
    """Return what the project says in this environment."""
    return sides.here()


@pytest.fixture(scope="session")
def rows(published: sides.Side, here: sides.Side, request: pytest.FixtureRequest) -> list[comparison.Row]:
    """Return both sides compared."""
    compared = comparison.compare(published, here, comparison.intended())
    request.config.stash[_printed] = compared
    return compared


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table, whatever came of the tests."""
    if _printed in config.stash:
        terminalreporter.section("django-celery-results 2.6.0 and this project")
        for line in table.lines(config.stash[_printed]):
            terminalreporter.write_line(line)
