"""Version, pins and entry points of the five distributions."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import dcr_models
import django_celery_results

ROOT = Path(__file__).parent.parent.parent
PROJECTS = sorted([*ROOT.glob("packages/*/pyproject.toml"), ROOT / "meta-package" / "pyproject.toml"])
LITERAL = ROOT / "packages" / "dcr-models" / "src" / "dcr_models" / "__init__.py"
SIBLINGS = {"dcr-models", "dcr-backends", "dcr-admin", "dcr-http"}


def pyproject(path: Path) -> dict[str, Any]:
    """Return a parsed pyproject.toml."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def ids(path: Path) -> str:
    """Return the name of a distribution's folder."""
    return path.parent.name


def test_there_are_five_distributions() -> None:
    names = {pyproject(path)["project"]["name"] for path in PROJECTS}
    assert names == SIBLINGS | {"django-celery-results"}


def test_the_version_is_one_literal() -> None:
    version = dcr_models.__version__
    assert re.search(rf'^__version__ = "{re.escape(version)}"$', LITERAL.read_text(encoding="utf-8"), re.MULTILINE)
    assert django_celery_results.__version__ == version


def test_the_version_in_parts() -> None:
    info = django_celery_results.version_info
    assert django_celery_results.VERSION is info
    assert info._fields == ("major", "minor", "micro", "releaselevel", "serial")
    assert [type(part) for part in info] == [int, int, int, str, str]
    assert dcr_models.__version__ == f"{info.major}.{info.minor}.{info.micro}{info.releaselevel}"
    assert info[:3] >= (3, 0, 0)


@pytest.mark.parametrize(
    ("version", "parts"),
    [("3.0.0", (3, 0, 0, "", "")), ("3.10.2rc1", (3, 10, 2, "rc1", "")), ("4.0.0.dev5", (4, 0, 0, ".dev5", ""))],
)
def test_versions_are_parsed(version: str, parts: tuple[int | str, ...]) -> None:
    assert django_celery_results._parse(version) == parts


def test_a_version_without_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"three numbers, got '3\.0'"):
        django_celery_results._parse("3.0")


@pytest.mark.parametrize("path", PROJECTS, ids=ids)
def test_every_distribution_reads_that_literal(path: Path) -> None:
    project = pyproject(path)
    source = (path.parent / project["tool"]["hatch"]["version"]["path"]).resolve()
    assert source == LITERAL
    assert project["project"]["dynamic"] == ["version"]
    keys = {(path.parent / key["file"]).resolve() for key in project["tool"]["uv"]["cache-keys"]}
    assert keys == {path, LITERAL}, "uv would keep an old version after a bump"


@pytest.mark.parametrize("path", PROJECTS, ids=ids)
def test_siblings_are_pinned_to_that_version(path: Path) -> None:
    pins = [line for line in pyproject(path)["project"]["dependencies"] if line.startswith("dcr-")]
    for pin in pins:
        name, _, version = pin.partition("==")
        assert name in SIBLINGS
        assert version == dcr_models.__version__, f"{pin} in {path.parent.name}"
    if path.parent.name == "meta-package":
        assert {pin.partition("==")[0] for pin in pins} == SIBLINGS


@pytest.mark.parametrize("path", PROJECTS, ids=ids)
def test_every_distribution_ships_what_it_needs(path: Path) -> None:
    project = pyproject(path)["project"]
    (source,) = (path.parent / "src").iterdir()
    assert (source / "py.typed").is_file()
    assert source.name == project["name"].replace("-", "_")
    assert project["requires-python"] == ">=3.11"
    assert project["license"] == "BSD-3-Clause"
    assert (path.parent / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    readme = (path.parent / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# {project['name']}\n")


def test_entry_points_belong_to_dcr_backends_alone() -> None:
    found = {
        distribution: {
            point.name: point.value
            for point in metadata.distribution(distribution).entry_points
            if point.group == "celery.result_backends"
        }
        for distribution in (*SIBLINGS, "django-celery-results")
    }
    assert found.pop("dcr-backends") == {
        "django-db": "dcr_backends.database:DatabaseBackend",
        "django-cache": "dcr_backends.cache:CacheBackend",
    }
    assert not any(found.values())
