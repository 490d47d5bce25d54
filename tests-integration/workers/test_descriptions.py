"""What a row tells about its task beside state and result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dcr_models.models import TaskResult
from dcr_testkit.workers import run
from workers.sites import Caller, Site

pytestmark = pytest.mark.worker


def test_arguments(caller: Caller) -> None:
    result = caller.send("echo", 1, "two", kwargs={"three": [3]})

    assert caller.get(result) == [[1, "two"], {"three": [3]}]
    row = caller.row(result)
    assert json.loads(row.task_args or "") == "(1, 'two')"
    assert json.loads(row.task_kwargs or "") == "{'three': [3]}"
    assert result.name == "shop.tasks.echo"
    assert result.args == "(1, 'two')"
    assert result.kwargs == "{'three': [3]}"
    assert result.worker == row.worker


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        pytest.param("restock", {"answers_at": 0}, id="success"),
        pytest.param("restock", {"answers_at": 1}, id="retry"),
        pytest.param("fail", {"message": "no tea"}, id="failure"),
    ],
)
def test_masked_arguments_never_reach_the_table(caller: Caller, name: str, arguments: dict[str, Any]) -> None:
    arguments = {**arguments, "password": "open sesame"}
    result = caller.send(name, kwargs=arguments, kwargsrepr="{'password': '***'}")

    caller.get(result, propagate=False)
    row = TaskResult.objects.filter(task_id=result.id).values().get()
    assert json.loads(row["task_kwargs"]) == "{'password': '***'}"
    assert "open sesame" not in str(row)


def test_meta_of_the_request(caller: Caller) -> None:
    result = caller.send("annotate", 7)

    assert caller.get(result) == "annotated"
    assert json.loads(caller.row(result).meta or "") == {"customer": 7, "children": []}
    assert result._get_task_meta()["customer"] == 7


def test_children(caller: Caller) -> None:
    result = caller.send("delegate")

    child_id = caller.get(result)
    assert [child.id for child in result.children] == [child_id]
    assert caller.get(result.children[0]) == 5


def test_name_of_the_schedule(caller: Caller) -> None:
    result = caller.send("pulse", headers={"periodic_task_name": "every day at nine"})

    assert caller.get(result) == "beat"
    assert caller.row(result).periodic_task_name == "every day at nine"


def test_inspection(site: Site, tmp_path: Path) -> None:
    done = run("celery", "--app", "shop", "inspect", "stats", "--json", settings=site.settings, folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    (stats,) = json.loads(done.stdout).values()
    assert stats["pool"]["max-concurrency"] == 4
