"""Print the public surface of the installed ``django_celery_results`` as JSON.

Runs in either environment: ``python -m parity.surface``. Each fact is a pair: the text that describes the
thing, and whether the package itself defines it there. What it only imports or inherits is told too, and
compared where the other side defines it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import warnings
from collections.abc import Iterator
from functools import partialmethod
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from parity import environment
from parity.facts import fact, is_ours, name_of, signature

PACKAGE = "django_celery_results"
MODULES = ("", "apps", "models", "managers", "backends", "backends.database", "backends.cache")
MODULES += ("admin", "urls", "views", "utils")

MISSING = "listed, and not there"

#: Attributes that Django's metaclasses add; what the models say is told by ``tables``.
MADE_BY_DJANGO = {"Meta", "_meta", "media", "objects"}

FORWARDED = "(self, *args, **kwargs)"

Fact = tuple[str, bool]


def imports() -> Iterator[tuple[str, Fact]]:
    """Yield the warnings that the first import of each module issues."""
    for dotted in MODULES:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            importlib.import_module(f"{PACKAGE}.{dotted}".rstrip("."))
        label = f"{dotted or PACKAGE} (warns when imported)"
        yield label, (fact([warning.category for warning in seen]), True)


def modules() -> Iterator[tuple[str, Fact]]:
    """Yield every public name of every module, with the attributes of classes."""
    for dotted in MODULES:
        module = importlib.import_module(f"{PACKAGE}.{dotted}".rstrip("."))
        defined = set(_defined(dotted))
        for name in sorted(defined | {name for name in dir(module) if not name.startswith("_")}):
            value = getattr(module, name, MISSING)
            if isinstance(value, ModuleType):
                continue
            label = f"{dotted}.{name}".lstrip(".")
            if isinstance(value, type) and is_ours(value):
                yield label, (_bases(value), name in defined)
                # Once, where the class is at home: elsewhere it is the same object.
                if name in defined and dotted != "backends" and not issubclass(value, tuple):
                    yield from _attributes(label, value)
            elif isinstance(value, str) and " " in value:
                yield label, ("a text", name in defined)  # each side's own words
            else:
                yield label, (fact(value), name in defined)


def tables() -> Iterator[tuple[str, Fact]]:
    """Yield what the models say about their tables; their fields are among the attributes of the classes."""
    from django.apps import apps

    for model in apps.get_app_config(PACKAGE).get_models():
        options = model._meta
        facts = {
            "columns in order": [field.name for field in options.concrete_fields],
            "label": options.label,
            "table": options.db_table,
            "key": options.pk,
            "ordering": options.ordering,
            "indexes": [(index.name, index.fields) for index in options.indexes],
            "constraints": [*options.constraints, *options.unique_together],
            "names": (options.verbose_name, options.verbose_name_plural),
            "labels of columns": [str(field.verbose_name) for field in options.concrete_fields],
            "managers": [(manager.name, type(manager)) for manager in options.managers],
            "default manager": type(model._default_manager),
            "permissions": [*options.default_permissions, *options.permissions],
        }
        for name, value in facts.items():
            yield f"models.{model.__name__} ({name})", (fact(value), True)


def migrations() -> Iterator[tuple[str, Fact]]:
    """Yield the migrations, in the order of their names, each with what it depends on."""
    from django.db.migrations.loader import MigrationLoader

    for (label, name), migration in sorted(MigrationLoader(None).disk_migrations.items()):
        if label == PACKAGE:
            yield f"migrations.{name}", (f"after {migration.dependencies}", True)


def urls() -> Iterator[tuple[str, Fact]]:
    """Yield the routes with their names and views."""
    for pattern in importlib.import_module(f"{PACKAGE}.urls").urlpatterns:
        yield f"urls: {pattern.pattern}", (f"{pattern.name} -> {name_of(pattern.callback)}", True)


def entry_points() -> Iterator[tuple[str, Fact]]:
    """Yield the names under which Celery finds the backends."""
    for point in sorted(metadata.entry_points(group="celery.result_backends"), key=lambda point: point.name):
        yield f"entry point: {point.name}", (name_of(point.load()), True)


def _defined(dotted: str) -> Iterator[str]:
    """Yield the public names that the file of a module defines itself, or lists in ``__all__``.

    Read from the file: a facade puts another module in its own place when it is imported.
    """
    root = Path(importlib.import_module(PACKAGE).__file__ or "").parent
    path = root.joinpath(*filter(None, dotted.split(".")))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        for name in _bound(node):
            if name == "__version__" or not name.startswith("_"):
                yield name
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            yield from ast.literal_eval(node.value)
        if dotted == "" and isinstance(node, ast.ImportFrom):
            yield from (alias.asname for alias in node.names if alias.asname == "__version__")


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement of a module binds, imports apart."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.Try):
        for inner in ast.iter_child_nodes(node):
            yield from _bound(inner)
    elif isinstance(node, ast.ExceptHandler):
        for statement in node.body:
            yield from _bound(statement)


def _bases(cls: type) -> str:
    """Return the classes from elsewhere that a class stands on."""
    return "class over " + ", ".join(base.__name__ for base in cls.__mro__[1:-1] if not is_ours(base))


def _attributes(label: str, cls: type) -> Iterator[tuple[str, Fact]]:
    """Yield the attributes of a class: public ones, and the hooks that begin with one underscore."""
    for name in dir(cls):
        value = inspect.getattr_static(cls, name)
        if name == "__init__":
            value = _initializer(cls)
        hook = name.startswith("_") and not name.startswith("__") and inspect.isfunction(value)
        if name in MADE_BY_DJANGO or isinstance(value, partialmethod):
            continue
        if hook or name == "__init__" or not name.startswith("_"):
            own = any(name in base.__dict__ for base in cls.__mro__ if is_ours(base))
            yield f"{label}.{name}", (_attribute(cls, value), own)


def _initializer(cls: type) -> Any:
    """Return the first ``__init__`` that does more than to pass all of its arguments on."""
    initializers = [base.__dict__["__init__"] for base in cls.__mro__ if "__init__" in base.__dict__]
    return next((one for one in initializers if inspect.isfunction(one) and signature(one) != FORWARDED), None)


def _attribute(cls: type, value: Any) -> str:
    field = getattr(value, "field", None)
    if field is not None and getattr(field, "model", None) is cls:
        return fact(field)
    if isinstance(value, property):
        return "property"
    if isinstance(value, classmethod | staticmethod):
        return f"{type(value).__name__}{signature(value.__func__)}"
    return fact(value)


def main() -> None:
    """Print the surface."""
    environment.set_up()
    areas = (imports, modules, tables, migrations, urls, entry_points)
    environment.answer(dict(pair for area in areas for pair in area()))


if __name__ == "__main__":
    main()
