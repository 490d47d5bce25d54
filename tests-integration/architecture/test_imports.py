"""Who imports whom, who talks to the database, and what each distribution declares; read from the sources."""

from __future__ import annotations

import ast
import builtins
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.cache import BaseCache
from django.db.models import QuerySet

from dcr_models import counters, managers

ROOT = Path(__file__).parent.parent.parent

#: Import package -> those of the other four that it may import.
ARROWS: dict[str, set[str]] = {
    "dcr_models": set(),
    "dcr_backends": {"dcr_models"},
    "dcr_admin": {"dcr_models"},
    "dcr_http": {"dcr_models"},
    "django_celery_results": {"dcr_models", "dcr_backends", "dcr_admin", "dcr_http"},
}

#: Import package -> folder of the distribution that holds it.
FOLDERS = {
    name: ROOT / "meta-package" if name == "django_celery_results" else ROOT / "packages" / name.replace("_", "-")
    for name in ARROWS
}

#: Third-party import package -> distribution that brings it.
DISTRIBUTIONS = {"django": "django", "celery": "celery", "kombu": "kombu"} | {
    name: name.replace("_", "-") for name in ARROWS
}

#: Attributes through which models give their rows; what follows must be one of the managers' own verbs.
MANAGERS = ("objects", "_default_manager", "_base_manager")

#: What sends SQL without a manager.
SQL = {"cursor", "execute", "executemany", "callproc", "RawSQL", "Now", "atomic"}

#: Methods of querysets, but those that dicts, lists, texts and caches have, too.
QUERIES = {
    name
    for name in dir(QuerySet)
    if not name.startswith("_") and not any(hasattr(kind, name) for kind in (dict, list, str, BaseCache))
}

#: (module, name) -> why it may stand outside dcr_models.
ALLOWED = {
    ("dcr_admin/actions.py", "values_list"): "the ids among the rows that staff ticked, of the queryset Django made",
}


class Import(NamedTuple):
    """One import statement of another top-level package."""

    package: str
    optional: bool
    place: str


def sources(package: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield (path below ``src``, tree) of a package's modules."""
    source = FOLDERS[package] / "src"
    for path in sorted(source.rglob("*.py")):
        yield path.relative_to(source).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imports(package: str) -> Iterator[Import]:
    """Yield what a package imports from elsewhere, at any depth, type checkers' imports included."""
    for place, tree in sources(package):
        guarded = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.Try) and any(_catches_import_error(handler) for handler in node.handlers)
            for statement in node.body
            for inner in ast.walk(statement)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level <= place.count("/"), f"{place}:{node.lineno} climbs out of its package"
                names = [] if node.level else [node.module or ""]
            else:
                continue
            for name in names:
                yield Import(name.partition(".")[0], id(node) in guarded, f"{place}:{node.lineno}")


def declared(package: str) -> set[str]:
    """Return the normalised names of the distributions that a package's distribution asks for."""
    project = tomllib.loads((FOLDERS[package] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "optional-dependencies" not in project
    return {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower() for line in project["dependencies"]}


def queries(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield (name, line) of what talks to the database in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := _called(node)) in SQL | QUERIES:
            yield name, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            manager, verb = node.value.attr, node.attr
            if manager in MANAGERS and not _is_verb(verb) and verb not in QUERIES:
                yield f"{manager}.{verb}", node.lineno


def _called(call: ast.Call) -> str:
    """Return the last part of the name that is called; none for one of Python's own, as ``all()``."""
    name: str = getattr(call.func, "attr", None) or getattr(call.func, "id", "")
    return "" if isinstance(call.func, ast.Name) and hasattr(builtins, name) else name


def _is_verb(name: str) -> bool:
    """Return whether the managers define ``name`` themselves."""
    modules = (managers, counters)
    own = [cls for m in modules for cls in vars(m).values() if isinstance(cls, type) and cls.__module__ == m.__name__]
    return any(name in vars(cls) for cls in own)


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.type, ast.Name) and handler.type.id in {"ImportError", "ModuleNotFoundError"}


@pytest.mark.parametrize("package", ARROWS)
def test_imports_follow_the_arrows(package: str) -> None:
    allowed = ARROWS[package] | {package}
    wrong = [found for found in imports(package) if found.package in ARROWS and found.package not in allowed]
    assert not wrong, f"{package} may import {sorted(ARROWS[package]) or 'none of the others'}"


@pytest.mark.parametrize("package", ARROWS)
def test_a_distribution_declares_what_it_imports(package: str) -> None:
    known = sys.stdlib_module_names | {package}
    found = {item for item in imports(package) if item.package not in known and not item.optional}
    unknown = [item for item in found if item.package not in DISTRIBUTIONS]
    assert not unknown, "neither Python's own, nor of a distribution that this project depends on"
    assert {DISTRIBUTIONS[item.package] for item in found} == declared(package)


@pytest.mark.parametrize("package", [package for package in ARROWS if package != "dcr_models"])
def test_queries_stay_in_dcr_models(package: str) -> None:
    found = [
        f"{place}:{line} {name}"
        for place, tree in sources(package)
        for name, line in queries(tree)
        if (place, name) not in ALLOWED
    ]
    assert not found, "rows are reached through the verbs of the managers in dcr_models"


def test_every_allowed_query_is_still_there() -> None:
    there = {(place, name) for package in ARROWS for place, tree in sources(package) for name, _ in queries(tree)}
    assert there >= ALLOWED.keys()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("TaskResult.objects.filter(task_id=1)", "filter"),
        ("TaskResult.objects.all()", "all"),
        ("self.TaskModel._default_manager.get(task_id=1)", "_default_manager.get"),
        ("TaskResult.objects.create(task_id=1)", "create"),
        ("GroupResult.objects.update(result=None)", "objects.update"),
        ("connection.cursor()", "cursor"),
        ("with transaction.atomic(): pass", "atomic"),
        ("rows.order_by('pk')", "order_by"),
        ("rows.select_for_update()", "select_for_update"),
    ],
)
def test_a_query_is_seen(code: str, name: str) -> None:
    assert [found for found, _ in queries(ast.parse(code))] == [name]


@pytest.mark.parametrize(
    "code",
    [
        "self.TaskModel._default_manager.get_task('t')",
        "meta.get('result')",
        "self.cache_backend.delete(key)",
        "self.using = None",
    ],
)
def test_what_is_no_query_is_not_seen(code: str) -> None:
    assert list(queries(ast.parse(code))) == []
