"""What is in the wheels and in the source distributions."""

from __future__ import annotations

import re
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from itertools import combinations
from pathlib import Path, PurePosixPath

import pytest

from wheels.distributions import DISTRIBUTIONS, ROOT, Distribution

pytestmark = pytest.mark.wheels

LANGUAGES = ("es", "pt_BR", "ru", "zh_Hans")

parametrize_distributions = pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=str)


def wheel(dist: Path, distribution: Distribution) -> dict[str, bytes]:
    """Return the files of a wheel by their paths."""
    (path,) = dist.glob(f"{distribution.package}-*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def installed_files(dist: Path, distribution: Distribution) -> set[str]:
    """Return the paths of the files in a wheel that are not about the wheel."""
    return {path for path in wheel(dist, distribution) if ".dist-info/" not in path}


def about(dist: Path, distribution: Distribution, name: str) -> bytes:
    """Return a file of a wheel's own folder."""
    (content,) = (content for path, content in wheel(dist, distribution).items() if path.endswith(f".dist-info/{name}"))
    return content


def metadata(dist: Path, distribution: Distribution) -> Message:
    """Return the metadata in a wheel."""
    return Parser().parsestr(about(dist, distribution, "METADATA").decode())


@parametrize_distributions
def test_wheel_holds_the_source_and_nothing_else(dist: Path, distribution: Distribution) -> None:
    source = distribution.folder / "src"
    wanted = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    # The wheel was built from the source distribution: what is not in that one would be missing here.
    assert installed_files(dist, distribution) == wanted
    assert f"{distribution.package}/py.typed" in wanted
    assert all(path.startswith(f"{distribution.package}/") and "test" not in path for path in wanted)
    assert {PurePosixPath(path).suffix for path in wanted} <= {".py", ".typed", ".html", ".mo", ".po"}


@parametrize_distributions
def test_source_distribution_holds_source_and_tests(dist: Path, distribution: Distribution) -> None:
    (path,) = dist.glob(f"{distribution.package}-*.tar.gz")
    with tarfile.open(path) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}

    assert {f"src/{file}" for file in installed_files(dist, distribution)} <= names
    assert any(name.startswith("tests/test_") for name in names)
    about = {"PKG-INFO", "pyproject.toml", "README.md", "LICENSE"}
    assert {name for name in names if not name.startswith(("src/", "tests/"))} - {".gitignore"} == about
    assert not {name for name in names if name.endswith((".pyc", ".sqlite3", ".log"))}


@parametrize_distributions
def test_metadata(dist: Path, distribution: Distribution) -> None:
    message = metadata(dist, distribution)

    readme = (distribution.folder / "README.md").read_text()
    assert message["Name"] == distribution.name
    assert message["License-Expression"] == "BSD-3-Clause"
    assert message.get_all("License-File") == ["LICENSE"]
    assert message["Requires-Python"] == ">=3.11"
    assert message["Description-Content-Type"] == "text/markdown"
    assert message.get_payload() == readme
    assert readme.startswith(f"# {distribution.name}\n\n")
    assert about(dist, distribution, "licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()


@parametrize_distributions
def test_requirements(dist: Path, distribution: Distribution) -> None:
    message = metadata(dist, distribution)
    requirements = message.get_all("Requires-Dist") or []

    version = metadata(dist, DISTRIBUTIONS[0])["Version"]
    assert message["Version"] == version
    pinned = {requirement for requirement in requirements if "==" in requirement}
    assert pinned == {f"{sibling}=={version}" for sibling in distribution.siblings}
    ranges = {requirement for requirement in requirements if ">=" in requirement}
    assert {re.split("[<>]", requirement)[0] for requirement in ranges} == distribution.others
    assert len(requirements) == len(pinned) + len(ranges)


def test_no_two_wheels_own_a_file(dist: Path) -> None:
    for one, other in combinations(DISTRIBUTIONS, 2):
        assert not installed_files(dist, one) & installed_files(dist, other)


def test_one_wheel_has_entry_points(dist: Path) -> None:
    found = {
        distribution.name: content.decode()
        for distribution in DISTRIBUTIONS
        for path, content in wheel(dist, distribution).items()
        if path.endswith(".dist-info/entry_points.txt")
    }

    assert set(found) == {"dcr-backends"}
    assert found["dcr-backends"].split("\n") == [
        "[celery.result_backends]",
        "django-cache = dcr_backends.cache:CacheBackend",
        "django-db = dcr_backends.database:DatabaseBackend",
        "",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_are_compiled(dist: Path, language: str) -> None:
    assert f"dcr_models/locale/{language}/LC_MESSAGES/django.mo" in installed_files(dist, DISTRIBUTIONS[0])
