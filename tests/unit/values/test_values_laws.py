"""Laws over random types and values, with protobuf itself as the judge of the literals."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from flyteidl.core import literals_pb2, types_pb2
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.values.canonical import canonical
from reconciler.values.cast import castable, type_of
from reconciler.values.decode import decode
from reconciler.values.encode import encode
from reconciler.values.problem import NotExpressibleError
from reconciler.values.size import inline_size
from reconciler.values.types import show_type

MSGPACK = {
    "annotation": {"annotations": {"cache-key-metadata": {"serialization-format": "msgpack"}}}
}
WORDS = st.text(st.characters(codec="utf-8"), max_size=6)
URIS = st.builds("s3://bucket/{}".format, st.text("abc/", min_size=1, max_size=5))

Pair = tuple[Any, Any]


def simple(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Pair]:
    return values.map(lambda value: ({"simple": name}, value))


def freeform(numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | WORDS | numbers
    nested = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
        max_leaves=6,
    )
    return st.dictionaries(WORDS, nested, max_size=3)


WHOLE_53 = st.integers(-(2**53), 2**53)
HALVES = st.integers(-1000, 1000).map(lambda n: n + 0.5)
SCHEMA = {
    "type": "object",
    "title": "Point",
    "properties": {"x": {"type": "number"}, "n": {"type": "integer"}, "t": {"type": "string"}},
    "required": ["x"],
    "additionalProperties": False,
}
POINTS = st.fixed_dictionaries(
    {"x": st.floats(allow_nan=False, allow_infinity=False)},
    optional={"n": WHOLE_53, "t": WORDS},
)

LEAVES: st.SearchStrategy[Pair] = st.one_of(
    simple("NONE", st.none()),
    simple("INTEGER", st.integers(-(2**63), 2**63 - 1)),
    simple("FLOAT", st.floats(allow_nan=False, allow_infinity=False)),
    simple("FLOAT", st.sampled_from(["NaN", "Infinity", "-Infinity"])),
    simple("STRING", WORDS),
    simple("BOOLEAN", st.booleans()),
    simple("DATETIME", st.sampled_from(["2024-01-02T03:04:05Z", "1960-01-02T03:04:05.120Z"])),
    simple("DURATION", st.sampled_from(["1h30m", "-1.5s", "0s", "0.000001s"])),
    simple("BINARY", st.sampled_from([{"base64": "aGk="}, {"base64": "", "tag": "t"}])),
    simple("STRUCT", freeform(WHOLE_53 | HALVES)),
    freeform(st.integers(-(2**63), 2**64 - 1) | HALVES).map(
        lambda value: ({"simple": "STRUCT", **MSGPACK}, value)
    ),
    POINTS.map(lambda value: ({"simple": "STRUCT", "metadata": SCHEMA, **MSGPACK}, value)),
    POINTS.map(lambda value: ({"simple": "STRUCT", "metadata": SCHEMA}, value)),
    st.sampled_from(["a", "b"]).map(lambda value: ({"enumType": {"values": ["a", "b"]}}, value)),
    URIS.map(lambda value: ({"blob": {"format": "csv"}}, value)),
    URIS.map(
        lambda value: ({"blob": {"dimensionality": "MULTIPART"}}, {"uri": value, "format": "z"})
    ),
    URIS.map(lambda value: ({"structuredDatasetType": {}}, {"uri": value, "format": "parquet"})),
    URIS.map(lambda value: ({"schema": {}}, value)),
)


@st.composite
def pairs(draw: st.DrawFn, depth: int = 4) -> Pair:
    """A type and a value of it, in the one form that `decode` writes (unions aside)."""
    kind = draw(st.sampled_from(["leaf", "list", "map", "union"])) if depth else "leaf"
    if kind == "leaf":
        return draw(LEAVES)
    type_, value = draw(pairs(depth=depth - 1))
    match kind:
        case "list":
            return {"collectionType": type_}, draw(st.sampled_from([[], [value], [value, value]]))
        case "map":
            keys = draw(st.lists(WORDS, max_size=2, unique=True))
            return {"mapValueType": type_}, dict.fromkeys(keys, value)
        case _:
            other, _ = draw(pairs(depth=depth - 1))
            tagged = [
                {**type_, "structure": {"tag": "one"}},
                {**other, "structure": {"tag": "two"}},
            ]
            return {"unionType": {"variants": draw(st.permutations(tagged))}}, value


def has_union(type_: Any) -> bool:
    inner = type_.get("collectionType") or type_.get("mapValueType")
    return "unionType" in type_ or (inner is not None and has_union(inner))


@settings(max_examples=400)
@given(pairs())
def test_decoding_what_was_encoded_gives_the_value_and_then_the_same_literal(pair: Pair) -> None:
    type_, value = pair
    literal, problems = encode(value, type_)
    assert problems == []

    back = decode(literal, type_)

    assert encode(back, type_) == (literal, [])
    assert has_union(type_) or back == value


@settings(max_examples=400)
@given(pairs())
def test_encoded_literals_pass_through_protobuf_unchanged(pair: Pair) -> None:
    type_, value = pair
    literal, _ = encode(value, type_)

    message = json_format.ParseDict(literal, literals_pb2.Literal())
    wire = literals_pb2.Literal.FromString(message.SerializeToString())

    assert json_format.MessageToDict(wire) == literal
    assert json_format.MessageToDict(json_format.ParseDict(type_, types_pb2.LiteralType())) == type_


@settings(max_examples=200)
@given(pairs())
def test_canonical_form_is_stable_and_scalars_cast_to_their_type(pair: Pair) -> None:
    type_, value = pair
    literal, _ = encode(value, type_)

    assert canonical(canonical(literal)) == canonical(literal)
    assert (
        not isinstance(literal, dict)
        or "scalar" not in literal
        or castable(type_of(literal), type_)
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "value", "uri", "format", "base64", "x", "\ud800", "1"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
KEYS = st.sampled_from(
    [
        "simple",
        "collectionType",
        "mapValueType",
        "unionType",
        "variants",
        "enumType",
        "values",
        "blob",
        "format",
        "schema",
        "structuredDatasetType",
        "metadata",
        "annotation",
        "scalar",
        "primitive",
        "integer",
        "duration",
        "binary",
        "tag",
        "union",
        "literals",
        "collection",
        "map",
        "generic",
    ]
)
NOISE = st.recursive(
    st.none()
    | st.integers()
    | st.sampled_from(["STRUCT", "INTEGER", "STRING", "msgpack", "wA==", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=500)
@given(JSON, pairs().map(lambda pair: pair[0]) | NOISE)
def test_encoding_any_json_as_any_type_never_raises(value: Any, type_: Any) -> None:
    literal, problems = encode(value, type_)

    assert bool(problems) == (literal is None)
    assert show_type(type_)
    if literal is not None and isinstance(type_, dict):
        assert inline_size(literal) > 0


@settings(max_examples=500)
@given(NOISE, NOISE)
def test_decoding_any_json_raises_nothing_but_its_reason(literal: Any, type_: Any) -> None:
    castable(type_, type_of(literal))
    canonical(literal)
    with contextlib.suppress(NotExpressibleError):
        value = decode(literal, type_)
        assert canonical(encode(value, type_)[0]) == canonical(literal)


@pytest.mark.parametrize("count", [1, 1000])
def test_size_is_near_that_of_the_message(count: int) -> None:
    type_ = {"mapValueType": {"collectionType": {"simple": "STRING"}}}
    value: Any = {f"k{n}": ["x" * n, "y" * 100] for n in range(count)}
    literal, _ = encode(value, type_)
    real = json_format.ParseDict(literal, literals_pb2.Literal()).ByteSize()

    assert real * 0.8 <= inline_size(literal) <= real * 1.2 + 64


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({"hash": "abc"}, "hash"),
        ({"metadata": {"k": "v"}}, "metadata"),
        ({"offloadedMetadata": {"uri": "s3://b/k"}}, "own store"),
    ],
)
def test_literals_that_say_more_than_their_value_cannot_be_written(
    extra: dict[str, Any], reason: str
) -> None:
    literal = {"scalar": {"primitive": {"integer": "1"}}, **extra}

    with pytest.raises(NotExpressibleError, match=reason):
        decode(literal, {"simple": "INTEGER"})


def test_bytes_with_an_unknown_tag_cannot_be_written_as_a_struct() -> None:
    with pytest.raises(NotExpressibleError, match="'pickle'"):
        decode({"scalar": {"binary": {"tag": "pickle", "value": "aGk="}}}, {"simple": "STRUCT"})


def test_a_later_variant_is_written_with_its_name() -> None:
    variants = [{"simple": "FLOAT"}, {"simple": "INTEGER"}]
    type_ = {"unionType": {"variants": variants}}
    value = {"scalar": {"primitive": {"integer": "3"}}}

    written = decode({"scalar": {"union": {"type": variants[1], "value": value}}}, type_)

    assert written == {"type": "int", "value": 3}
