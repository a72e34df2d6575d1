"""Documents that give their content up say the same when they are asked again."""

from __future__ import annotations

from reconciler.model.document import Document
from reconciler.model.origin import Origin
from reconciler.sources.yaml import parse

TEXT = b"""\
a: {n: on}
b: [1, 2]
---
apiVersion: v1
kind: List
items:
- kind: A
- kind: B
  y: [yes, {z: 3}]
"""


def test_shelved_document_reads_the_same_again() -> None:
    kept, _ = parse(TEXT, file="f.yaml")
    shelved, _ = parse(TEXT, file="f.yaml")
    assert len(kept) == 3
    for one in shelved:
        one.shelve()
    for mine, other in zip(shelved, kept, strict=True):
        assert mine.value == other.value
        assert mine.origin == other.origin
        assert dict(mine.values) == dict(other.values)
        assert dict(mine.keys) == dict(other.keys)
        assert dict(mine.words) == dict(other.words)
        assert dict(mine.key_words) == dict(other.key_words)
        assert mine.key_at(("kind",)) == other.key_at(("kind",))


def test_document_that_has_no_text_stays_as_it_is() -> None:
    document = Document({"a": 1}, Origin("-", 1, 1))
    document.shelve()
    assert document.value == {"a": 1}
