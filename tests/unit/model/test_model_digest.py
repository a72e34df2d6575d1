"""Digests: what they are taken over never depends on how it is written down."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.model.digest import canonical

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBER = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBER, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=20,
)


@given(st.dictionaries(TEXT, JSON, max_size=5))
@example({"a": [1e22, -0.0, 1.0, 5e-324, [-1.5]], "b": {"n": -(2**53) + 1}})
@example({"a": [0.1, 0.05, -10.0, 100.5, 1e16, 123456789012345.6, 1e-4, 9.9e-5, 1e-7, 1e21]})
@example({"\uffff": 1, "\U00010000": 2, "\ud7ff": 3})
@example({"a": 'x:1.5,[12345678901234567890 \x7f\x00\u2028"\\/'})
def test_canonical_form_is_that_of_rfc_8785(value: dict[str, Any]) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("number", [2**53, -(2**53), float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("place", [lambda number: number, lambda number: [[0, number]]])
def test_number_that_json_cannot_hold_has_no_canonical_form(number: float, place: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical({"n": place(number)})


def test_half_a_surrogate_pair_has_no_canonical_form() -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical({"n": "\ud800"})
