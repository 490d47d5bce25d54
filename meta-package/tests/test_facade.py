"""Both names of a module are the same module."""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest

import django_celery_results

FOLDER = Path(django_celery_results.__file__).parent

#: Leaf module of the facade -> the module that stands in its place once it is imported.
HYBRIDS = {
    "admin": "dcr_admin.admin",
    "backends.cache": "dcr_backends.cache",
    "backends.database": "dcr_backends.database",
    "managers": "dcr_models.managers",
    "models": "dcr_models.models",
    "urls": "dcr_http.urls",
    "utils": "dcr_models.utils",
    "views": "dcr_http.views",
}

#: Modules of the facade that stay themselves.
PACKAGES = {"", "apps", "backends", "migrations"}


def tree(module: str) -> ast.Module:
    """Return the source of a leaf module of the facade, which type checkers read."""
    return ast.parse((FOLDER / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))


def exported(module: str) -> list[str]:
    """Return ``__all__`` as the file has it; the imported module's is that of the real one."""
    for node in tree(module).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    raise AssertionError(f"{module} has no __all__")


EXPORTS = [(module, name) for module in HYBRIDS for name in exported(module)]


def modules(module: str) -> tuple[ModuleType, ModuleType]:
    """Return a module by its facade's name and by its own."""
    return import_module(f"django_celery_results.{module}"), import_module(HYBRIDS[module])


def test_every_module_of_the_facade_is_tested() -> None:
    found = {
        ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix("__init__").rstrip(".")
        for path in FOLDER.rglob("*.py")
    }
    assert found == HYBRIDS.keys() | PACKAGES


@pytest.mark.parametrize("module", HYBRIDS)
def test_a_leaf_module_is_the_real_one(module: str) -> None:
    facade, real = modules(module)
    assert facade is real
    assert sys.modules[f"django_celery_results.{module}"] is real


@pytest.mark.parametrize("module", HYBRIDS)
def test_a_leaf_module_is_an_attribute_of_its_package(module: str) -> None:
    facade, real = modules(module)
    parent, _, name = facade.__name__.rpartition(".")
    package, _, leaf = f"django_celery_results.{module}".rpartition(".")
    assert getattr(import_module(package), leaf) is real
    assert getattr(import_module(parent), name) is real


@pytest.mark.parametrize(("module", "name"), EXPORTS)
def test_a_name_is_the_real_one(module: str, name: str) -> None:
    facade, real = modules(module)
    assert getattr(facade, name) is getattr(real, name)


@pytest.mark.parametrize("module", HYBRIDS)
def test_type_checkers_see_what_is_exported(module: str) -> None:
    reexported = {
        alias.name
        for node in tree(module).body
        if isinstance(node, ast.ImportFrom) and node.module == HYBRIDS[module]
        for alias in node.names
        if alias.asname == alias.name
    }
    names = exported(module)
    assert reexported == set(names)
    assert names == sorted(set(names), key=names.index), "a name is listed twice"


@pytest.mark.parametrize("module", HYBRIDS)
def test_what_a_real_module_exports_is_in_the_facade(module: str) -> None:
    _, real = modules(module)
    assert set(getattr(real, "__all__", ())) <= set(exported(module))


def test_the_package_of_backends_holds_both_classes() -> None:
    from dcr_backends.cache import CacheBackend
    from dcr_backends.database import DatabaseBackend
    from django_celery_results import backends

    assert backends.__all__ == ["CacheBackend", "DatabaseBackend"]
    assert backends.CacheBackend is CacheBackend
    assert backends.DatabaseBackend is DatabaseBackend


@pytest.mark.parametrize(("module", "name"), EXPORTS)
def test_patching_either_name_reaches_the_code(module: str, name: str) -> None:
    facade, real = f"django_celery_results.{module}", HYBRIDS[module]
    for patched, seen in ((facade, real), (real, facade)):
        with mock.patch(f"{patched}.{name}", "patched"):
            assert getattr(import_module(seen), name) == "patched"
    assert getattr(import_module(real), name) != "patched"


def test_patched_time_is_what_the_code_uses() -> None:
    from datetime import UTC, datetime, timedelta

    from dcr_models.models import TaskResult

    moment = datetime(2001, 1, 1, tzinfo=UTC)
    with mock.patch("django_celery_results.managers.now", return_value=moment):
        expired = TaskResult.objects.get_all_expired(timedelta(days=1))
    assert expired.query.where.children[0].rhs == moment - timedelta(days=1)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ImportError, match="cannot import name 'SoundOfMusic'"):
        from django_celery_results.models import SoundOfMusic  # type: ignore[attr-defined]  # noqa: F401
