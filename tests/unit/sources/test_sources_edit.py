"""An edit changes one scalar and keeps every other byte."""

from __future__ import annotations

import pytest

from reconciler.errors import UsageError
from reconciler.sources.edit import set_scalar

PATH = ("spec", "workflow", "version")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "spec:\n  workflow: {name: a, version: v1}  # c\n",
            "spec:\n  workflow: {name: a, version: v2}  # c\n",
        ),
        (
            "spec:\n  workflow:\n    version: v1   # c\n    name: a",
            "spec:\n  workflow:\n    version: v2   # c\n    name: a",
        ),
        (
            "spec: {workflow: {version: 'v1'}}",
            "spec: {workflow: {version: 'v2'}}",
        ),
        (
            '{"spec": {"workflow": {"version": "v1"}}}',
            '{"spec": {"workflow": {"version": "v2"}}}',
        ),
        (
            "spec:\n  workflow: {name: a}\n",
            "spec:\n  workflow: {name: a, version: v2}\n",
        ),
        (
            "spec:\n  workflow: {name: a,}\n",
            "spec:\n  workflow: {name: a, version: v2,}\n",
        ),
        (
            "spec:\n  workflow: {}\n",
            "spec:\n  workflow: {version: v2}\n",
        ),
        (
            "spec:\n  workflow: {\n    name: a  # c\n  }\n",
            "spec:\n  workflow: {\n    name: a, version: v2  # c\n  }\n",
        ),
        (
            "spec:\n  workflow:\n    name: a # c\nx: 1\n",
            "spec:\n  workflow:\n    name: a # c\n    version: v2\nx: 1\n",
        ),
        (
            "spec:\n  workflow:\n    name: a",
            "spec:\n  workflow:\n    name: a\n    version: v2",
        ),
        (
            "spec:\r\n  workflow:\r\n    name: a\r\n",
            "spec:\r\n  workflow:\r\n    name: a\r\n    version: v2\r\n",
        ),
        (
            "spec:\n  workflow:\n    name: |\n      a\n\n",
            "spec:\n  workflow:\n    version: v2\n    name: |\n      a\n\n",
        ),
        (
            "spec:\n  workflow:\n    version:  # c\n",
            "spec:\n  workflow:\n    version: v2  # c\n",
        ),
        (
            "spec:\n  workflow:\n    version: a\n      b\n",
            "spec:\n  workflow:\n    version: v2\n",
        ),
        (
            "﻿spec: {é: 日本🚀, workflow: {version: v1}}",
            "﻿spec: {é: 日本🚀, workflow: {version: v2}}",
        ),
        (
            "spec: {workflow: {version: 1}}\n",
            "spec: {workflow: {version: v2}}\n",
        ),
    ],
)
def test_scalar_is_set_and_the_rest_stays(before: str, after: str) -> None:
    edited = set_scalar(before.encode(), document=0, path=PATH, value="v2")
    assert edited.decode() == after


def test_value_is_quoted_where_it_must_be() -> None:
    edited = set_scalar(b"a: {b: x}\n", document=0, path=("a", "b"), value="1e3, [")
    assert edited == b'a: {b: "1e3, ["}\n'
    assert set_scalar(b"a: 'x'\n", document=0, path=("a",), value="it's") == b'a: "it\'s"\n'


def test_only_the_named_document_and_item_change() -> None:
    text = b"a: [{v: 1}, {v: 2}]\n---\na: [{v: 1}, {v: 2}]\n"
    edited = set_scalar(text, document=1, path=("a", 1, "v"), value="x")
    assert edited == b"a: [{v: 1}, {v: 2}]\n---\na: [{v: 1}, {v: x}]\n"
    text = b"apiVersion: v1\nkind: List\nitems:\n- a: 1\n- a: 2\n"
    assert set_scalar(text, document=1, path=("a",), value="x").endswith(b"- a: 1\n- a: x\n")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: &x {v: 1}\nb: *x\n", ("b", "v")),
        ("a: &x {v: 1}\nb: *x\n", ("a", "v")),
        ("a: &x 1\nb: *x\n", ("b",)),
        ("a: &x 1\nb: *x\n", ("a",)),
        ("a: !!str 1\n", ("a",)),
        ("a: |\n  x\n", ("a",)),
        ("a: &x {b: 1}\n", ("a",)),
        ("a:\n  # why\n  b: 1\n", ("a",)),
        ("a: 1\n", ("a", "b")),
        ("a: 1\n", ("c", "b")),
        ("a: [1]\n", ("a", 3)),
        ("a: [1\n", ("a",)),
        ("a: 1\na: 2\n", ("a",)),
        ("a: {b}\n", ("a", "b")),
        ('{"a": "\\ud83d\\ude00"}', ("a",)),
        ("a: 1\n", ()),
    ],
)
def test_edit_that_is_not_sure_is_refused(text: str, path: tuple[str | int, ...]) -> None:
    with pytest.raises(UsageError):
        set_scalar(text.encode(), document=0, path=path, value="v2")


def test_missing_document_is_refused() -> None:
    with pytest.raises(UsageError, match="document 1"):
        set_scalar(b"a: 1\n", document=1, path=("a",), value="x")


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("a: {b: 1}  # kept\n", "a: v1  # kept\n"),
        ("a:\n  b: {c: 1}\n  d: 2\ne: 3\n", "a: v1\ne: 3\n"),
        ("a:\n  b: 1", "a: v1"),
    ],
)
def test_mapping_is_replaced_by_a_text_and_the_rest_stays(text: str, edited: str) -> None:
    assert set_scalar(text.encode(), document=0, path=("a",), value="v1") == edited.encode()
