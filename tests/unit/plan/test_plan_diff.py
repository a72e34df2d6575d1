from __future__ import annotations

import pytest

from reconciler.model.document import Json
from reconciler.plan.diff import diff

CASES: list[tuple[str, Json, Json, list[tuple[str, Json, Json]]]] = [
    ("equal", {"a": 1}, {"a": 1}, []),
    ("changed", {"a": 1}, {"a": 2}, [("a", 1, 2)]),
    ("added", {}, {"a": 1}, [("a", None, 1)]),
    ("removed", {"a": 1}, {}, [("a", 1, None)]),
    ("nested", {"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [("a.c", 2, 3)]),
    ("sorted", {}, {"b": 1, "a": 1}, [("a", None, 1), ("b", None, 1)]),
    ("item of a list", {"a": [1, 2]}, {"a": [1, 3]}, [("a[1]", 2, 3)]),
    ("list of another length", {"a": [1]}, {"a": [1, 2]}, [("a", [1], [1, 2])]),
    ("odd key", {'a b"': 1}, {'a b"': 2}, [('["a b""]', 1, 2)]),
    ("another shape", {"a": {"b": 1}}, {"a": [1]}, [("a", {"b": 1}, [1])]),
    ("truth is no number", {"a": 1}, {"a": True}, [("a", 1, True)]),
    ("zero is not false", {"a": False}, {"a": 0}, [("a", False, 0)]),
    ("whole numbers of both types are equal", {"a": 1}, {"a": 1.0}, []),
    ("null is absent", {"a": None}, {}, []),
    ("empty is not absent", {"a": {}}, {}, [("a", {}, None)]),
]


@pytest.mark.parametrize(
    ("before", "after", "shown"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_diff(before: Json, after: Json, shown: list[tuple[str, Json, Json]]) -> None:
    found = [(item.path, item.before, item.after) for item in diff(before, after)]
    assert [(path, repr(old), repr(new)) for path, old, new in found] == [
        (path, repr(old), repr(new)) for path, old, new in shown
    ]
