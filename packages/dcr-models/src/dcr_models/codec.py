"""Value <-> (content type, encoding, text); the only place that decodes what a row holds.

Text serializers (json, yaml) are stored as they are. What a binary serializer (pickle, msgpack) makes is
stored as base64, and says so with the content encoding ``binary``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from kombu import serialization
from kombu.exceptions import ContentDisallowed, DecodeError

#: Content encoding of a payload that is bytes, kept as base64 text.
BINARY = "binary"


class Encoded(NamedTuple):
    """A value in the form that a row keeps."""

    content_type: str
    content_encoding: str
    text: str


def to_text(content_type: str, content_encoding: str, payload: str | bytes) -> Encoded:
    """Return the row form of what a kombu serializer made of a value."""
    if content_encoding == BINARY:
        octets = payload.encode() if isinstance(payload, str) else payload
        return Encoded(content_type, content_encoding, base64.b64encode(octets).decode("ascii"))
    text = payload if isinstance(payload, str) else payload.decode(content_encoding)
    return Encoded(content_type, content_encoding, text)


def to_payload(content_encoding: str, text: str) -> str | bytes:
    """Return the serializer's output that ``text`` holds.

    Raises kombu's DecodeError where the encoding is ``binary`` and the text is not base64.
    """
    if content_encoding != BINARY:
        return text
    try:
        # Strict: otherwise a damaged text is read as if its odd characters were not there.
        return base64.b64decode(text, validate=True)
    except ValueError as exc:
        raise DecodeError(f"Stored value claims to be base64 and is not: {exc}") from exc


def decode(encoded: Encoded, accept: Collection[str], unpack: Callable[[Any], Any] = lambda payload: payload) -> Any:
    """Return the Python value of a stored one.

    ``accept``: MIME types that may be decoded. ``unpack``: what to do with the payload first. Raises kombu's
    ContentDisallowed for another type, before anything is decoded, and DecodeError where the text is not
    what its content type says.
    """
    if encoded.content_type not in accept:
        raise ContentDisallowed(
            f"A stored value has content type {encoded.content_type!r}, which is not accepted; accepted are "
            f"{', '.join(sorted(accept)) or 'none'}. If it is one of your own, add its serializer to Celery's "
            f"result_accept_content."
        )
    payload = unpack(to_payload(encoded.content_encoding, encoded.text))
    return serialization.loads(payload, encoded.content_type, encoded.content_encoding, accept=accept)


def is_known(content_type: str) -> bool:
    """Return whether kombu has a serializer that writes ``content_type``."""
    types = serialization.registry.type_to_name  # type: ignore[attr-defined] # not in the stubs
    return content_type in types
