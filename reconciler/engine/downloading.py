"""What there is to download of a literal, laid out as flytekit lays it out.

Facts from flytekit 1.16, `download_literal`: a file goes below the name of its variable under its
own name, a folder or table becomes that folder, items of lists are numbered, those of maps named, a
struct is a JSON file; any other scalar is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.document import Json
from reconciler.values import read
from reconciler.values.types import fields, items, text


class Sort(StrEnum):
    """How something is downloaded."""

    FILE = "file"
    FOLDER = "folder"
    DOCUMENT = "document"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing below the folder of a download; `path` are the names that lead to it.

    A document's `value` is written as JSON; of what is left out `why` says why.
    """

    path: tuple[str, ...]
    sort: Sort
    uri: str = ""
    value: Json = None
    why: str = ""


def items_of(name: str, literal: Json) -> Iterator[Item]:
    """List what there is of a variable."""
    yield from _items((name,), literal)


def _items(path: tuple[str, ...], literal: Json) -> Iterator[Item]:
    match literal:
        case {"collection": collection}:
            for index, one in enumerate(items(fields(collection).get("literals"))):
                yield from _items((*path, str(index)), one)
        case {"map": map_}:
            for key, one in fields(fields(map_).get("literals")).items():
                yield from _items((*path, key), one)
        case {"scalar": {"union": union}}:
            yield from _items(path, fields(union).get("value"))
        case {"scalar": dict(scalar)}:
            yield _scalar(path, scalar, literal)
        case _:
            yield Item(path=path, sort=Sort.NOTHING, why="it is kept by Flyte itself")


def _scalar(path: tuple[str, ...], scalar: dict[str, Json], literal: Json) -> Item:
    match scalar:
        case {"blob": blob}:
            kind = fields(fields(fields(blob).get("metadata")).get("type"))
            is_folder = kind.get("dimensionality") == "MULTIPART"
            sort = Sort.FOLDER if is_folder else Sort.FILE
            return Item(path=path, sort=sort, uri=text(fields(blob).get("uri")))
        case {"structuredDataset": table} | {"schema": table}:
            return Item(path=path, sort=Sort.FOLDER, uri=text(fields(table).get("uri")))
        case {"generic": _} | {"binary": {"tag": "msgpack"}}:
            return Item(path=path, sort=Sort.DOCUMENT, value=read.value(literal))
        case {"noneType": _}:
            return Item(path=path, sort=Sort.NOTHING, why="it is None")
        case _:
            return Item(path=path, sort=Sort.NOTHING, why="it is a value that `describe run` shows")
