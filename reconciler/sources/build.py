"""Parse events into one JSON value and its skeleton of places, without recursion over the input."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import yaml

from reconciler.model.document import show_path
from reconciler.model.origin import Problem
from reconciler.sources import scalars
from reconciler.sources.places import pack

if TYPE_CHECKING:
    from reconciler.model.document import Json, Path
    from reconciler.sources.places import Locate, Skeleton

MAX_DEPTH = 100
"""How deep mappings and lists may nest."""

MAX_EXPANDED_NODES = 10_000
MAX_EXPANDED_CHARACTERS = 1024 * 1024
"""How much the aliases of one document may add to it."""

_MERGE: Final = object()
_DISCARD: Final = object()
_MERGE_TAG = scalars.TAG + "merge"


class UnusableDocumentError(Exception):
    """A fault after which the rest of the document means nothing."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


class TooDeepError(UnusableDocumentError):
    """Nesting beyond the limit; scanning on could take time that grows with the square of it."""


class _Anchor:
    """What `&name` names; `is_open` while its mapping or list is still being read."""

    __slots__ = ("is_open", "resolved", "skeleton", "value", "word")

    def __init__(self, value: Json, skeleton: Skeleton | None) -> None:
        self.value = value
        self.skeleton = skeleton
        self.resolved: scalars.Scalar = None
        self.word = ""
        self.is_open = skeleton is not None


class _Frame:
    """A mapping or list that is still open; a mapping without a `key` waits for one."""

    __slots__ = ("anchor", "is_key", "key", "key_place", "merged", "node", "place", "skeleton")

    def __init__(self, node: dict[str, Json] | list[Json], place: int) -> None:
        self.node = node
        self.place = place
        self.skeleton: Skeleton = []
        self.key: object = None
        self.key_place = 0
        self.is_key = False
        self.merged: set[str] | None = None
        self.anchor: _Anchor | None = None


class Builder:
    """Takes the events of one document, save its start and end.

    Afterwards `value` is the document, `skeleton` and `place` say where it was written, `words` and
    `key_words` are the plain words that became booleans, by place. `is_blank`: there was nothing
    but comments. Problems that leave the rest of the document readable go to `problems`.
    """

    def __init__(self, locate: Locate, problems: list[Problem]) -> None:
        self.problems = problems
        self.value: Json = None
        self.skeleton: Skeleton | None = None
        self.place = 0
        self.is_blank = False
        self.words: dict[int, str] = {}
        self.key_words: dict[int, str] = {}
        self._locate = locate
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchor] = {}
        self._nodes_left = MAX_EXPANDED_NODES
        self._characters_left = MAX_EXPANDED_CHARACTERS

    def feed(self, event: yaml.Event) -> None:
        """Take one event; raises UnusableDocumentError."""
        mark = event.start_mark
        assert mark is not None
        place = pack(mark.line, mark.column)
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, place)
        elif isinstance(event, yaml.MappingStartEvent):
            self._open({}, event, place)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._open([], event, place)
        elif isinstance(event, yaml.AliasEvent):
            assert event.anchor is not None
            self._alias(event.anchor, place)
        else:
            self._close()

    def _scalar(self, event: yaml.ScalarEvent, place: int) -> None:
        text: str = event.value
        resolved: scalars.Scalar = text
        word = ""
        if event.tag is not None:
            resolved = self._tagged(event.tag, text, place)
        elif event.implicit[0]:
            resolved = scalars.resolve(text)
            if (resolved is True or resolved is False) and text in scalars.WORDS:
                word = text
        stack = self._stack
        if stack and stack[-1].key is None and type(stack[-1].node) is dict:
            if word:
                self.key_words[place] = word
            if text == "<<" and (event.implicit[0] or event.tag == _MERGE_TAG):
                stack[-1].key = _MERGE
            else:
                self._key(resolved, place)
            value: Json = None
        else:
            if word:
                self.words[place] = word
            value = resolved if type(resolved) is not float else self._number(resolved, text, place)
            if not text and event.implicit[0] and event.tag is None:
                # Nobody wrote this null: it stands where its key does.
                self.is_blank = not stack
                place = stack[-1].key_place if stack and stack[-1].key is not None else place
            self._put(value, None, place)
        if event.anchor is not None:
            anchor = self._anchors[event.anchor] = _Anchor(value, None)
            anchor.resolved = resolved
            anchor.word = word

    def _tagged(self, tag: str, text: str, place: int) -> scalars.Scalar:
        if tag == "!" or (tag == _MERGE_TAG and text == "<<"):
            return text
        try:
            return scalars.resolve_tagged(tag, text)
        except ValueError as error:
            self._complain(place, str(error), fix="remove the tag or correct the value")
            return text

    def _number(self, number: float, text: str, place: int) -> Json:
        try:
            return scalars.to_json(number)
        except ValueError as error:
            self._complain(place, f"{text}: {error}", fix="write a finite number or quote it")
            return text

    def _key(self, resolved: scalars.Scalar, place: int) -> None:
        frame = self._stack[-1]
        frame.key_place = place
        key = resolved if type(resolved) is str else scalars.to_key(resolved)
        if key is None:
            what = "null" if resolved is None else f"the number {resolved}"
            self._complain(
                place, f"a key is {what}, and keys are text", fix="quote it or remove it"
            )
            frame.key = _DISCARD
        else:
            # Thousands of documents repeat the same few keys.
            frame.key = sys.intern(key)

    def _open(
        self,
        node: dict[str, Json] | list[Json],
        event: yaml.MappingStartEvent | yaml.SequenceStartEvent,
        place: int,
    ) -> None:
        stack = self._stack
        if len(stack) >= MAX_DEPTH:
            message = f"mappings and lists nest deeper than {MAX_DEPTH} levels"
            raise TooDeepError(Problem(self._locate(place), message, fix="write it flatter"))
        frame = _Frame(node, place)
        frame.is_key = bool(stack) and stack[-1].key is None and type(stack[-1].node) is dict
        if event.tag is not None:
            expected = "map" if type(node) is dict else "seq"
            if event.tag not in ("!", scalars.TAG + expected):
                shown = scalars.show_tag(event.tag)
                self._complain(place, f"the tag {shown} is not known", fix="remove the tag")
        if event.anchor is not None:
            frame.anchor = self._anchors[event.anchor] = _Anchor(node, frame.skeleton)
        stack.append(frame)

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.anchor is not None:
            frame.anchor.is_open = False
        if frame.is_key:
            self._refuse_key(frame.node, frame.place)
        else:
            self._put(frame.node, frame.skeleton, frame.place)

    def _alias(self, name: str, place: int) -> None:
        anchor = self._anchors.get(name)
        if anchor is None:
            raise self._unusable(
                place,
                f"the alias *{name} names no anchor",
                fix=f"write &{name} before it in the same document, or quote the text",
            )
        if anchor.is_open:
            raise self._unusable(
                place, f"the anchor &{name} contains itself", fix="remove the alias"
            )
        stack = self._stack
        if stack and stack[-1].key is None and type(stack[-1].node) is dict:
            if anchor.word:
                self.key_words[place] = anchor.word
            if anchor.skeleton is None:
                self._key(anchor.resolved, place)
            else:
                self._refuse_key(anchor.value, place)
            return
        if anchor.word:
            self.words[place] = anchor.word
        if anchor.skeleton is None and type(anchor.resolved) is float:
            value = self._number(anchor.resolved, str(anchor.resolved), place)
        else:
            value = anchor.resolved if anchor.skeleton is None else anchor.value
        self._put(self._copy(value, len(stack), place), anchor.skeleton, place, is_alias=True)

    def _copy(self, value: Json, depth: int, place: int) -> Json:
        """Copy what an alias stands for; recursion ends at MAX_DEPTH."""
        self._nodes_left -= 1
        if isinstance(value, str):
            self._characters_left -= len(value)
        elif isinstance(value, dict):
            self._characters_left -= sum(map(len, value))
        if depth > MAX_DEPTH or self._nodes_left < 0 or self._characters_left < 0:
            raise self._unusable(
                place,
                f"the aliases of this document expand to more than {MAX_EXPANDED_NODES:,} values, "
                f"{MAX_EXPANDED_CHARACTERS:,} characters or {MAX_DEPTH} levels",
                fix="write the values out or use fewer aliases",
            )
        if isinstance(value, dict):
            return {key: self._copy(item, depth + 1, place) for key, item in value.items()}
        if isinstance(value, list):
            return [self._copy(item, depth + 1, place) for item in value]
        return value

    def _put(
        self, value: Json, skeleton: Skeleton | None, place: int, *, is_alias: bool = False
    ) -> None:
        if not self._stack:
            self.value, self.skeleton, self.place = value, skeleton, place
            return
        frame = self._stack[-1]
        node = frame.node
        if type(node) is list:
            node.append(value)
            frame.skeleton += (place, skeleton)
            return
        assert type(node) is dict
        key, frame.key = frame.key, None
        if type(key) is str:
            if key in node:
                self._repeat(frame, key)
                _replace(frame, key, value, [frame.key_place, place, skeleton])
            else:
                node[key] = value
                frame.skeleton += (frame.key_place, place, skeleton)
        elif key is _MERGE:
            # go-yaml follows an alias to a mapping only.
            is_foreign = is_alias and isinstance(value, list)
            self._merge(frame, None if is_foreign else value, skeleton, place)

    def _repeat(self, frame: _Frame, key: str) -> None:
        """Complain about a second key, unless the first came by a merge and may be overridden."""
        if frame.merged is not None and key in frame.merged:
            frame.merged.remove(key)
            return
        first = frame.skeleton[list(frame.node).index(key) * 3]
        assert isinstance(first, int)
        origin = self._locate(first)
        self.problems.append(
            Problem(
                self._locate(frame.key_place),
                f"the key is written twice, first in line {origin.line}, column {origin.column}",
                path=show_path((*self._path(), key)),
                fix="keep one of them",
            )
        )

    def _merge(self, frame: _Frame, value: Json, skeleton: Skeleton | None, place: int) -> None:
        """Merge as go-yaml v2 does: in the order written, over keys that came before."""
        node = frame.node
        assert isinstance(node, dict)
        sources = _merge_sources(value, skeleton)
        if sources is None:
            self._complain(
                place,
                "the merge key << takes a mapping or a list of mappings",
                fix="correct the value",
            )
            return
        merged = frame.merged = frame.merged or set()
        for source, places in sources:
            for number, (key, item) in enumerate(source.items()):
                where = places[number * 3 : number * 3 + 3]
                if key in node:
                    _replace(frame, key, item, where)
                else:
                    node[key] = item
                    frame.skeleton += where
                    merged.add(key)

    def _refuse_key(self, key: Json, place: int) -> None:
        what = "a mapping" if isinstance(key, dict) else "a list"
        self._complain(place, f"a key is {what}, and keys are text", fix="quote it or rewrite it")
        self._stack[-1].key = _DISCARD

    def _path(self) -> Path:
        path: list[str | int] = []
        for frame in self._stack[:-1]:
            if isinstance(frame.node, list):
                path.append(len(frame.node))
            elif isinstance(frame.key, str):
                path.append(frame.key)
            else:
                break
        return tuple(path)

    def _complain(self, place: int, message: str, *, fix: str) -> None:
        self.problems.append(self._unusable(place, message, fix=fix).problem)

    def _unusable(self, place: int, message: str, *, fix: str) -> UnusableDocumentError:
        path = self._path()
        if self._stack:
            frame = self._stack[-1]
            if isinstance(frame.node, list):
                path = (*path, len(frame.node))
            elif isinstance(frame.key, str):
                path = (*path, frame.key)
        return UnusableDocumentError(
            Problem(self._locate(place), message, path=show_path(path), fix=fix)
        )


def _merge_sources(
    value: Json, skeleton: Skeleton | None
) -> list[tuple[dict[str, Json], Skeleton]] | None:
    """List the mappings to merge, the one that wins last; None when that is no mapping."""
    if skeleton is None:
        return None
    if isinstance(value, dict):
        return [(value, skeleton)]
    if not isinstance(value, list):
        return None
    sources: list[tuple[dict[str, Json], Skeleton]] = []
    for item, places in zip(value, skeleton[1::2], strict=True):
        if not isinstance(item, dict) or not isinstance(places, list):
            return None
        sources.append((item, places))
    return sources[::-1]


def _replace(frame: _Frame, key: str, value: Json, where: Skeleton) -> None:
    assert isinstance(frame.node, dict)
    start = list(frame.node).index(key) * 3
    frame.node[key] = value
    frame.skeleton[start : start + 3] = where
