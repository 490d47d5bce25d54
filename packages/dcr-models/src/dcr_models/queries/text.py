"""Make text fit the database that it goes to, without losing the write."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

#: What stands in the place of a NUL character, which PostgreSQL cannot store.
VISIBLE_NUL = "\\x00"

ELLIPSIS = "…"


def storable(connection: BaseDatabaseWrapper, value: Any) -> Any:
    """Return ``value`` with what the database cannot store made visible; anything but text as it is."""
    if not isinstance(value, str):
        return value
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:  # lone surrogates: no driver can send them
            value = value.encode(errors="backslashreplace").decode()
    if connection.features.prohibits_null_characters_in_text_exception and "\x00" in value:
        value = value.replace("\x00", VISIBLE_NUL)
    return value


def shorten(value: Any, max_length: int | None) -> Any:
    """Return ``value`` cut to ``max_length`` characters, the last of them an ellipsis where it was longer."""
    if max_length is None or not isinstance(value, str) or len(value) <= max_length:
        return value
    return value[: max_length - len(ELLIPSIS)] + ELLIPSIS
