"""YAML and JSON texts into documents that remember their places.

The values are the JSON that kubectl would send for the same text (sigs.k8s.io/yaml over go-yaml v2;
the corpus in tests/corpus/kubectl.jsonl holds its answers), except that what kubectl would take in
silence or by chance is refused: duplicate keys, unknown tags, numbers that JSON does not have.

PyYAML contributes the parse events only. Its composer recurses and would crash on deep nesting.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import yaml

from reconciler.model.document import Content, Document, show_path
from reconciler.model.origin import Origin, Problem
from reconciler.sources.build import Builder, TooDeepError, UnusableDocumentError
from reconciler.sources.events import scan
from reconciler.sources.places import Places, Skeleton, Words, unpack
from reconciler.sources.text import MAX_BYTES, Text, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.model.document import Json
    from reconciler.sources.places import Locate


def parse(
    data: bytes, *, file: str, max_bytes: int = MAX_BYTES
) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """Read every document of one file, and every problem in them, in file order.

    A document with a local problem, such as a duplicate key, is returned too, so that its other
    faults can be reported in the same run: whoever gets a problem must not apply the documents.
    Documents that hold nothing but comments are left out; a file of no text at all is a problem,
    since it is what a broken write leaves behind. The items of a `kind: List` come one by one.
    """
    text = decode(data, file=file, max_bytes=max_bytes)
    if isinstance(text, Problem):
        return (), (text,)
    if not text.content.strip():
        return (), (Problem(Origin(file, 1, 1), "the file is empty", fix="remove it or fill it"),)
    return _parse(text, file)


def _parse(text: Text, file: str) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    found: list[tuple[Content, Origin]] = []
    problems: list[Problem] = []
    events = scan(text.content)
    try:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if event.version not in (None, (1, 1)):
                    problems.append(_version_problem(event, text=text, file=file))
                found += _read(events, text=text, file=file, problems=problems)
    except TooDeepError as error:
        problems.append(error.problem)
    except yaml.YAMLError as error:
        problems.append(_syntax_problem(error, text=text, file=file))
    shelf = _Shelf(text, file)
    documents = tuple(
        Document(content, origin, again=partial(shelf.content, number))
        for number, (content, origin) in enumerate(found)
    )
    return documents, tuple(problems)


class _Shelf:
    """The text of one file, from which the content of its documents can be read once more.

    Whoever asks for one document of a file asks for its neighbours too, so that a second reading is
    kept.
    """

    __slots__ = ("_contents", "_file", "_text")

    def __init__(self, text: Text, file: str) -> None:
        self._text = text
        self._file = file
        self._contents: tuple[Content, ...] | None = None

    def content(self, number: int) -> Content:
        if self._contents is None:
            documents, _ = _parse(self._text, self._file)
            self._contents = tuple(document.content for document in documents)
        return self._contents[number]


def _read(
    events: Iterator[yaml.Event], *, text: Text, file: str, problems: list[Problem]
) -> Iterator[tuple[Content, Origin]]:
    """Read one document, from behind its start event up to its end event."""

    def locate(place: int) -> Origin:
        return Origin(file, *text.place(*unpack(place)))

    builder = Builder(locate, problems)
    try:
        for event in events:
            if isinstance(event, yaml.DocumentEndEvent):
                break
            builder.feed(event)
    except TooDeepError:
        raise
    except UnusableDocumentError as error:
        problems.append(error.problem)
        for event in events:
            if isinstance(event, yaml.DocumentEndEvent):
                break
        return
    if builder.is_blank:
        return
    if not isinstance(builder.value, dict) or builder.skeleton is None:
        problems.append(
            Problem(
                locate(builder.place),
                f"the document is {_name(builder.value)}, not a mapping",
                fix="write `apiVersion: ...` and `kind: ...` at its top",
            )
        )
        return
    yield from _unfold(builder.value, builder.skeleton, builder=builder, locate=locate)


def _unfold(
    value: dict[str, Json], skeleton: Skeleton, *, builder: Builder, locate: Locate
) -> Iterator[tuple[Content, Origin]]:
    """Yield the document, or its items when it is a list as `kubectl get -o yaml` writes it."""
    items = value.get("items")
    if (
        value.get("kind") != "List"
        or value.get("apiVersion") != "v1"
        or not isinstance(items, list)
    ):
        yield _document(value, skeleton, root=builder.place, builder=builder, locate=locate)
        return
    below = skeleton[list(value).index("items") * 3 + 2]
    assert isinstance(below, list)
    for number, item in enumerate(items):
        place, places = below[number * 2 : number * 2 + 2]
        assert isinstance(place, int)
        if isinstance(item, dict) and isinstance(places, list):
            yield _document(item, places, root=place, builder=builder, locate=locate)
        else:
            builder.problems.append(
                Problem(
                    locate(place),
                    f"the item is {_name(item)}, not a mapping",
                    path=show_path(("items", number)),
                    fix="write an object with apiVersion and kind",
                )
            )


def _document(
    value: dict[str, Json], skeleton: Skeleton, *, root: int, builder: Builder, locate: Locate
) -> tuple[Content, Origin]:
    def places(*, keys: bool) -> Places:
        return Places(value, skeleton, root=root, locate=locate, keys=keys)

    if not builder.words and not builder.key_words:
        return Content(value, places(keys=False), places(keys=True)), locate(root)
    words = Words(value, skeleton, words=builder.words, keys=False)
    key_words = Words(value, skeleton, words=builder.key_words, keys=True)
    content = Content(value, places(keys=False), places(keys=True), words, key_words)
    return content, locate(root)


def _name(value: Json) -> str:
    match value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return "text"
        case None:
            return "null"
        case bool():
            return "a boolean"
        case _:
            return "a number"


def _version_problem(event: yaml.DocumentStartEvent, *, text: Text, file: str) -> Problem:
    mark = event.start_mark
    assert mark is not None
    return Problem(
        Origin(file, *text.place(mark.line, mark.column)),
        "the %YAML directive names a version other than 1.1, which kubectl does not read",
        fix="remove the directive",
    )


def _syntax_problem(error: yaml.YAMLError, *, text: Text, file: str) -> Problem:
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(Origin(file), f"the text is not YAML ({error})", fix="correct the syntax")
    mark = error.problem_mark or error.context_mark
    origin = Origin(file, *text.place(mark.line, mark.column)) if mark else Origin(file)
    message = error.problem or "the text is not YAML"
    if error.context:
        message += f" {error.context}"
        began = error.context_mark
        if began is not None and mark is not None and began.line != mark.line:
            message += f" that began in line {began.line + 1}"
    return Problem(origin, message, fix="correct the YAML syntax")
