"""Text that a database cannot store becomes text that it can, and nothing else changes."""

from __future__ import annotations

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from dcr_models.queries.text import shorten, storable

#: Lone surrogates included, which text() leaves out unless told.
any_text = st.text(st.characters(categories=None))


class TestStorable:
    @given(any_text)
    def test_can_be_sent(self, value: str) -> None:
        result = storable(connection, value)
        result.encode()
        assert "\x00" not in result or connection.vendor != "postgresql"

    @given(any_text)
    def test_can_be_stored_twice(self, value: str) -> None:
        once = storable(connection, value)
        assert storable(connection, once) == once

    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
    def test_leaves_what_every_database_takes(self, value: str) -> None:
        assert storable(connection, value) == value

    def test_makes_surrogates_visible_and_leaves_the_rest(self) -> None:
        assert storable(connection, "é\ud800🐍") == "é\\ud800🐍"

    def test_makes_nul_visible_only_where_it_must(self) -> None:
        assert storable(connection, "a\x00") == ("a\\x00" if connection.vendor == "postgresql" else "a\x00")

    @pytest.mark.parametrize("value", [None, 1, b"\x00", ["\x00"]])
    def test_leaves_anything_else(self, value: object) -> None:
        assert storable(connection, value) is value


class TestShorten:
    @pytest.mark.parametrize(
        ("value", "result"), [("", ""), ("abcd", "abcd"), ("abcde", "abc…"), ("🐍" * 5, "🐍🐍🐍…")]
    )
    def test_counts_characters(self, value: str, result: str) -> None:
        assert shorten(value, 4) == result

    def test_knows_columns_without_a_limit(self) -> None:
        assert shorten("x" * 1000, None) == "x" * 1000

    def test_leaves_anything_else(self) -> None:
        assert shorten(12345, 4) == 12345
