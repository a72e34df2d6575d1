"""An export as files: one per object below its project and domain, and a reconcile.yaml.

Reading them again on the same connection gives a plan of adoptions and nothing else. Packages stand
below `packages/`, an archive beside each document.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import cast

from reconciler.api.connecting import AUTO, CONFIG_NAMES, EMBEDDED, EMBEDDED_DIRECTORY, Choice
from reconciler.engine.declaration import SYNC_FILE
from reconciler.engine.inventory import Export
from reconciler.errors import UsageError
from reconciler.export import names, package, root, text
from reconciler.model.document import Json

CONNECTION = "flyte"
"""Name of the FlyteConnection that an export declares."""

_CONNECTION_FILE = "connection.yaml"
_FILE_FIELDS = frozenset({"caFile", "certFile", "keyFile", "file"})
_SHOWN = 5


def documents(export: Export, choice: Choice, *, folder: Path) -> list[dict[str, Json]]:
    """List all documents of an export, the FlyteSync first; `folder` is where they will stand."""
    name, connection = _connection(choice, folder)
    sync = root.sync(
        export.set_name, places=export.places, connection=name, defaults=export.defaults
    )
    return [sync, *([connection] if connection else []), *(one.document for one in export.exported)]


def stream(export: Export, choice: Choice, *, folder: Path) -> Iterator[str]:
    """Write all documents as one YAML stream."""
    notes = {id(one.document): one.notes for one in export.exported}
    for index, made in enumerate(documents(export, choice, folder=folder)):
        yield ("---\n" if index else "") + text.yaml(made, notes.get(id(made), ()))


def files(
    export: Export, choice: Choice, *, folder: Path, is_json: bool = False
) -> Mapping[PurePosixPath, str | bytes]:
    """Lay an export out as files, by their path below `folder`."""
    name, connection = _connection(choice, folder)
    sync = root.sync(
        export.set_name, places=export.places, connection=name, defaults=export.defaults
    )
    found: dict[PurePosixPath, str | bytes] = {PurePosixPath(SYNC_FILE): text.yaml(sync)}
    if connection is not None:
        found[PurePosixPath(_CONNECTION_FILE)] = text.yaml(connection)
    suffix = ".json" if is_json else ".yaml"
    plain = (one.key for one in export.exported if one.key not in export.archives)
    paths = dict(names.file_names(plain, suffix=suffix))
    for key, archive in export.archives.items():
        paths[key] = names.package_file(key.place, suffix=suffix)
        found[names.package_file(key.place, suffix=package.SUFFIX)] = archive
    for one in export.exported:
        content = text.json_text(one.document) if is_json else text.yaml(one.document, one.notes)
        found[paths[one.key]] = content
    return found


def write(found: Mapping[PurePosixPath, str | bytes], *, folder: Path, force: bool = False) -> int:
    """Write files below a folder, all of them or none, and return how many.

    Raises UsageError when one exists and `force` is not given, OSError when the disk refuses.
    """
    targets = {folder / path: content for path, content in found.items()}
    existing = sorted(str(path) for path in targets if path.exists())
    if existing and not force:
        more = f" and {len(existing) - _SHOWN} more" if len(existing) > _SHOWN else ""
        raise UsageError(
            f"--out: {', '.join(existing[:_SHOWN])}{more}: exists already; give an empty folder, "
            "or --force to overwrite"
        )
    drafts: dict[Path, Path] = {}
    try:
        for path, content in targets.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.part")
            drafts[draft] = path
            draft.write_bytes(content.encode() if isinstance(content, str) else content)
        for draft, path in drafts.items():
            draft.replace(path)
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)
    return len(targets)


def _connection(choice: Choice, folder: Path) -> tuple[str, dict[str, Json] | None]:
    """Name the connection that was used, and declare it where a name alone would not find it."""
    is_plain = choice.flyte == AUTO
    if choice.config in CONFIG_NAMES and is_plain:
        return choice.config, None
    if choice.data is not None:
        if choice.data == folder / EMBEDDED_DIRECTORY and is_plain:
            return EMBEDDED, None
        spec: dict[str, Json] = {"embedded": {"path": _from(folder, choice.data)}}
    elif choice.config:
        spec = {"config": _from(folder, Path(choice.config))}
    elif choice.endpoint:
        spec = {"endpoint": choice.endpoint}
        if choice.insecure:
            spec["tls"] = {"insecure": True}
    else:
        spec = cast("dict[str, Json]", _moved(dict(choice.spec or {}), choice.base, folder))
    if not is_plain:
        spec["flyte"] = choice.flyte
    return CONNECTION, root.connection(CONNECTION, spec)


def _moved(value: Json, base: Path, folder: Path) -> Json:
    """Rewrite the relative files of a connection, so that they are found from another folder."""
    match value:
        case dict():
            return {
                name: _from(folder, base / part)
                if name in _FILE_FIELDS and isinstance(part, str)
                else _moved(part, base, folder)
                for name, part in value.items()
            }
        case list():
            return [_moved(one, base, folder) for one in value]
        case _:
            return value


def _from(folder: Path, path: Path) -> str:
    """Write a path as seen from a folder; absolute and home paths stay as they are."""
    if str(path).startswith("~"):
        return str(path)
    return os.path.relpath(path, folder)
