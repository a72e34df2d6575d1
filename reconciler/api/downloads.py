"""Inputs and outputs brought onto this disk."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.api.stored import Store, base_name, within
from reconciler.engine.downloading import Item, Sort, items_of

if TYPE_CHECKING:
    from reconciler.model.document import Json
    from reconciler.model.run import Values


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that was written, or what was left out and why."""

    name: str
    path: Path | None = None
    why: str = ""


async def download(
    store: Store, values: Values, to: Path, names: Sequence[str] = ()
) -> AsyncIterator[Brought]:
    """Bring everything that values refer to below a folder; `names` are the values meant."""
    for name, literal in values.literals.items():
        if names and name not in names:
            continue
        for item in items_of(name, literal):
            async for one in _bring(store, item, to):
                yield one


async def _bring(store: Store, item: Item, to: Path) -> AsyncIterator[Brought]:
    name = "/".join(item.path)
    folder = to
    for part in item.path:
        folder = within(folder, part)
    match item.sort:
        case Sort.FILE:
            yield Brought(name, await store.save(item.uri, within(folder, base_name(item.uri))))
        case Sort.FOLDER:
            for path in await store.save_folder(item.uri, folder):
                yield Brought(name, path)
        case Sort.DOCUMENT:
            yield Brought(name, _written(folder.with_name(f"{folder.name}.json"), item.value))
        case Sort.NOTHING:
            yield Brought(name, why=item.why)


def _written(path: Path, value: Json) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
