"""The one catalogue: complete, compiled, and found under both names of the app."""

from __future__ import annotations

import re
from pathlib import Path

import polib
import pytest
from django.utils import translation

import dcr_models

LANGUAGES = ("es", "pt_BR", "ru", "zh_Hans")
LOCALE = Path(dcr_models.__file__).parent / "locale"


def catalogue(language: str) -> polib.POFile:
    """Return the catalogue of ``language``."""
    return polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "django.po"))


def placeholders(text: str) -> list[str]:
    """Return the printf placeholders in ``text``, in order."""
    return re.findall(r"%(?:\(\w+\))?[a-z]", text)


def test_each_language_has_a_folder():
    assert sorted(path.name for path in LOCALE.iterdir()) == sorted(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated(language):
    entries = catalogue(language)

    assert [entry.msgid for entry in entries if not entry.msgstr or entry.fuzzy or entry.obsolete] == []
    assert len(entries) > 40
    assert [e.msgid for e in entries if placeholders(e.msgid) != placeholders(e.msgstr)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_messages_are_those_of_the_catalogue(language):
    compiled = polib.mofile(str(LOCALE / language / "LC_MESSAGES" / "django.mo"))

    assert {e.msgid: e.msgstr for e in compiled} == {e.msgid: e.msgstr for e in catalogue(language)}


def test_messages_of_all_distributions_are_in_the_catalogue():
    packages = Path(__file__).parents[2]
    known = {entry.msgid for entry in catalogue("es")}
    marked = re.compile(r"""\b(?:_|gettext)\(\s*((?:"[^"\n]*"\s*)+)\)""")
    used = {
        "".join(re.findall(r'"([^"\n]*)"', literal))
        for source in packages.glob("*/src/**/*.py")
        for literal in marked.findall(source.read_text(encoding="utf-8"))
    }

    assert used - known == set()
    assert known - used == set()


@pytest.mark.parametrize(("language", "expected"), [("es", "estado de la tarea"), ("zh-hans", "任务状态")])
def test_django_finds_the_translation(language, expected):
    with translation.override(language):
        assert translation.gettext("task state") == expected
