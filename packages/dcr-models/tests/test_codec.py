"""A value comes back as it was, and never from a content type that is not accepted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.exceptions import ContentDisallowed, DecodeError
from kombu.serialization import dumps, registry

from dcr_models import codec

SERIALIZERS = ["json", "yaml", "msgpack", "pickle"]

VALUE = {"text": "é🐍", "list": [1, 2.5, None, True], "empty": {}}


def encode(value: Any, serializer: str) -> codec.Encoded:
    return codec.to_text(*dumps(value, serializer=serializer))


def mime(serializer: str) -> str:
    return str(registry.name_to_type[serializer])


class TestRoundTrip:
    @pytest.mark.parametrize("serializer", SERIALIZERS)
    def test_gives_the_value_back(self, serializer: str) -> None:
        assert codec.decode(encode(VALUE, serializer), {mime(serializer)}) == VALUE

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda children: st.lists(children) | st.dictionaries(st.text(), children),
        )
    )
    def test_gives_back_whatever_json_has(self, value: Any) -> None:
        encoded = encode(value, "json")
        assert isinstance(encoded.text, str)
        assert codec.decode(encoded, {mime("json")}) == value

    @given(st.binary())
    def test_keeps_bytes_in_ascii_text(self, payload: bytes) -> None:
        encoded = codec.to_text("application/x-any", codec.BINARY, payload)
        assert encoded.text.isascii()
        assert codec.to_payload(codec.BINARY, encoded.text) == payload


class TestToText:
    @pytest.mark.parametrize(("serializer", "encoding"), [("json", "utf-8"), ("yaml", "utf-8"), ("pickle", "binary")])
    def test_names_type_and_encoding(self, serializer: str, encoding: str) -> None:
        encoded = encode(VALUE, serializer)
        assert (encoded.content_type, encoded.content_encoding) == (mime(serializer), encoding)

    def test_decodes_text_that_a_serializer_made_as_bytes(self) -> None:
        assert codec.to_text("text/x-own", "latin-1", b"\xe9") == codec.Encoded("text/x-own", "latin-1", "é")


class TestDecode:
    @pytest.mark.parametrize("accept", [set(), {"application/json"}])
    def test_refuses_what_is_not_accepted(self, accept: set[str]) -> None:
        with pytest.raises(ContentDisallowed) as error:
            codec.decode(encode(VALUE, "pickle"), accept)
        message = str(error.value)
        assert "'application/x-python-serialize', which is not accepted" in message
        assert f"accepted are {', '.join(accept) or 'none'}." in message
        assert "result_accept_content" in message

    def test_refuses_before_anything_is_decoded(self) -> None:
        with pytest.raises(ContentDisallowed):
            codec.decode(codec.Encoded(mime("pickle"), codec.BINARY, "not even base64"), {mime("json")})

    @pytest.mark.parametrize("serializer", SERIALIZERS)
    def test_tells_a_stored_text_that_was_cut(self, serializer: str) -> None:
        encoded = encode({"text": "it's"}, serializer)
        damaged = encoded._replace(text="{'" if serializer == "yaml" else encoded.text[:8])
        with pytest.raises(DecodeError):
            codec.decode(damaged, {mime(serializer)})

    @pytest.mark.parametrize("text", ["AAA", "{'", "é", "AA\x00AA"])
    def test_tells_base64_that_is_damaged(self, text: str) -> None:
        with pytest.raises(DecodeError, match="claims to be base64 and is not"):
            codec.to_payload(codec.BINARY, text)


def test_is_known_tells_kombus_content_types_from_others() -> None:
    assert codec.is_known("application/json")
    assert not codec.is_known("application/x-own")
