"""Back to the published 2.6.0, with the later migrations undone or left in place, and over to ours again."""

from __future__ import annotations

from typing import Any

import pytest

from takeover.installations import Installation
from takeover.rows import BODY, addresses, expected

pytestmark = pytest.mark.published

Database = dict[str, Any]
Recorded = dict[str, Any]


@pytest.mark.parametrize("later", ["undone", "left"])
def test_the_published_release_goes_on_and_so_do_we(
    ours: Installation, published: Installation, database: Database, recorded: Recorded, later: str
) -> None:
    ours.run(database, "migrate")
    by_us = ours.run(database, "store", prefix="ours-")
    if later == "undone":
        ours.run(database, "migrate", target="0014")

    # What a project runs after every deployment.
    published.run(database, "migrate")
    state = published.run(database, "state")
    assert state["release"] == "2.6.0"
    assert (state["unapplied"], state["changes"]) == ([], "")

    answer = published.run(database, "read", **addresses(recorded, by_us))
    assert answer == expected(answer, recorded, by_us, by_ours=False)

    by_them = published.run(database, "store", prefix="theirs-")
    assert published.run(database, "finish_chord", serializer="json", kind="chord-waiting", numbers=[1, 2, 3]) == [BODY]
    ours_running = {"serializer": "pickle", "kind": "chord-running", "prefix": "ours-"}
    assert published.run(database, "finish_chord", **ours_running, numbers=[2, 3]) == [BODY]

    ours.run(database, "migrate")
    answer = ours.run(database, "read", **addresses(recorded, by_us, by_them))
    assert answer == expected(answer, recorded, by_us, by_them, by_ours=True)
    theirs_running = {"serializer": "json", "kind": "chord-running", "prefix": "theirs-"}
    assert ours.run(database, "finish_chord", **theirs_running, numbers=[2, 3]) == [BODY]
