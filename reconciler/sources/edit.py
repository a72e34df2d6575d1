"""Change one scalar in a text and leave every other byte, comments and style included, as it is.

The result is read again and compared, so that an edit either changes exactly the one path or is
refused.
"""

from __future__ import annotations

import codecs
import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from reconciler.errors import UsageError
from reconciler.model.document import show_path
from reconciler.sources.dump import scalar
from reconciler.sources.events import scan
from reconciler.sources.scalars import resolve, to_key
from reconciler.sources.yaml import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.model.document import Document, Json, Path


@dataclass(slots=True)
class _Node:
    """A node of the text: `start` and `end` are offsets in characters, `children` in order."""

    event: yaml.NodeEvent
    start: int
    end: int
    position: tuple[int, int]
    children: list[_Node] = field(default_factory=list)

    @property
    def is_flow(self) -> bool:
        return bool(getattr(self.event, "flow_style", False))

    @property
    def pairs(self) -> list[tuple[_Node, _Node]]:
        return list(zip(self.children[::2], self.children[1::2], strict=True))


def set_scalar(data: bytes, *, document: int, path: Path, value: str) -> bytes:
    """Set the text at `path` of a document (by its number in `parse`), or insert its last key.

    The mapping that holds the key must exist, in block or flow style. Raises UsageError when the
    text has problems or the edit could change anything else: values that come from an alias or a
    merge, tags, block scalars.
    """
    place = f"document {document}: {show_path(path)}"
    documents, problems = parse(data, file="-")
    if problems or not 0 <= document < len(documents) or not path:
        raise UsageError(f"{place}: the text cannot be edited; correct its problems first")
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    content = data.removeprefix(mark).decode("utf-8")
    try:
        start, end, text = _splice(content, documents[document], path, value)
    except yaml.YAMLError:
        # JSON may escape half characters in a way that the scanner of YAML does not know.
        raise UsageError(f"{place}: the text is not YAML; write {value!r} by hand") from None
    edited = mark + (content[:start] + text + content[end:]).encode()
    if not _changes_only(documents, parse(edited, file="-"), (document, path, value)):
        raise UsageError(f"{place}: the edit would change more than that; write {value!r} by hand")
    return edited


def _splice(content: str, document: Document, path: Path, value: str) -> tuple[int, int, str]:
    """Which characters to replace, and by what."""
    node = _root(content, document)
    for number, step in enumerate(path):
        is_last = number == len(path) - 1
        if isinstance(node.event, yaml.SequenceStartEvent) and isinstance(step, int):
            if step >= len(node.children):
                raise _refuse(path[: number + 1], "is not in the text; add it")
            key, node = None, node.children[step]
        elif isinstance(node.event, yaml.MappingStartEvent) and isinstance(step, str):
            pair = next((pair for pair in node.pairs if _key(pair[0]) == step), None)
            if pair is None and is_last:
                return _insertion(content, node, f"{scalar(step)}: {scalar(value)}")
            if pair is None:
                raise _refuse(path[: number + 1], "is not written in the text; add it")
            key, node = pair
        else:
            raise _refuse(path[:number], "is no mapping or list in the text; write it out")
        if isinstance(node.event, yaml.AliasEvent):
            raise _refuse(path[: number + 1], "is an alias; write it out")
    return _replacement(content, key, node, value, path=path)


def _replacement(
    content: str, key: _Node | None, node: _Node, value: str, *, path: Path
) -> tuple[int, int, str]:
    event = node.event
    if isinstance(event, yaml.MappingStartEvent) and event.tag is None and event.anchor is None:
        return _mapping_replacement(content, key, node, value, path=path)
    if not isinstance(event, yaml.ScalarEvent) or event.style in {"|", ">"}:
        raise _refuse(path, "is no scalar on one line; change it by hand")
    if event.tag is not None or event.anchor is not None:
        raise _refuse(path, "has a tag or an anchor; change it by hand")
    if node.start < node.end:
        return node.start, node.end, _styled(value, event.style)
    if key is None or not content[key.end :].lstrip(" \t").startswith(":"):
        raise _refuse(path, "has no value in the text; write one")
    behind = content.index(":", key.end) + 1
    return behind, behind, f" {scalar(value)}"


def _mapping_replacement(
    content: str, key: _Node | None, node: _Node, value: str, *, path: Path
) -> tuple[int, int, str]:
    """Put a text where a mapping stands, such as `{latest: true}`; comments in it stop that."""
    if node.is_flow:
        return node.start, node.end, scalar(value)
    if key is None or not content[key.end :].lstrip(" \t").startswith(":"):
        raise _refuse(path, "has no key before it; change it by hand")
    start = content.index(":", key.end) + 1
    end = max(child.end for child in node.children)
    if "#" in content[start:end]:
        raise _refuse(path, "has a comment in it; change it by hand")
    return start, end, f" {scalar(value)}"


def _insertion(content: str, node: _Node, entry: str) -> tuple[int, int, str]:
    """Insert behind the last value that ends on its line, else before the first key."""
    if node.is_flow:
        if not node.children:
            return node.start + 1, node.start + 1, entry
        end = max(child.end for child in node.children[-2:])
        return end, end, f", {entry}"
    indent = " " * node.position[1]
    line_break = "\r\n" if "\r\n" in content else "\n"
    for key, value in reversed(node.pairs):
        event = value.event
        is_block = isinstance(event, yaml.ScalarEvent) and event.style in {"|", ">"}
        if is_block or (value.children and not value.is_flow):
            continue
        end = content.find("\n", max(key.end, value.end if value.start < value.end else 0))
        end = len(content) if end < 0 else end
        end -= content[:end].endswith("\r")
        return end, end, f"{line_break}{indent}{entry}"
    return node.start, node.start, f"{entry}{line_break}{indent}"


def _styled(value: str, style: str | None) -> str:
    """Write a text in the quotes of the one it replaces, where they can hold it."""
    text = scalar(value)
    if text.startswith('"') or style not in {"'", '"'}:
        return text
    return f"{style}{text}{style}"


def _root(content: str, document: Document) -> _Node:
    """Find the mapping that begins where the document does; it may be an item of a list."""
    wanted = (document.origin.line - 1, document.origin.column - 1)
    for node in _nodes(content):
        if node.position == wanted and isinstance(node.event, yaml.MappingStartEvent):
            return node
    raise UsageError(f"{document.origin}: the document is not found again; change it by hand")


def _nodes(content: str) -> Iterator[_Node]:
    """Every node of every document, parents first."""
    found: list[_Node] = []
    stack: list[_Node] = []
    for event in scan(content):
        if isinstance(event, yaml.CollectionEndEvent):
            closed = stack.pop()
            assert event.end_mark is not None
            closed.end = event.end_mark.index
        if not isinstance(event, yaml.NodeEvent):
            continue
        start, end = event.start_mark, event.end_mark
        assert start is not None
        assert end is not None
        node = _Node(event, start.index, end.index, (start.line, start.column))
        found.append(node)
        if stack:
            stack[-1].children.append(node)
        if isinstance(event, yaml.CollectionStartEvent):
            stack.append(node)
    return iter(found)


def _key(node: _Node) -> str | None:
    event = node.event
    if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
        return None
    return to_key(resolve(event.value)) if event.implicit[0] else event.value


def _changes_only(
    before: tuple[Document, ...],
    result: tuple[tuple[Document, ...], tuple[object, ...]],
    change: tuple[int, Path, str],
) -> bool:
    after, problems = result
    number, path, value = change
    expected: list[Json] = [copy.deepcopy(document.value) for document in before]
    node: Json = expected[number]
    for step in path[:-1]:
        node = node[step]  # type: ignore[index] # the path was walked in the text
    node[path[-1]] = value  # type: ignore[index] # as above
    return not problems and [document.value for document in after] == expected


def _refuse(path: Path, reason: str) -> UsageError:
    return UsageError(f"{show_path(path)}: {reason}")
