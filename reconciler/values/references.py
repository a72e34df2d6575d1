"""Files, folders, datasets and schemas: a URI or a local file becomes a reference.

Written are `s3://bucket/key`, `{uri, format, columns}` or `{path, format, columns}`; the columns
are those of a dataset. A plain text must look like a URI, so that a union of a file and a text can
tell them apart; `{uri: ...}` takes any text. A local file has a stand-in for its URI (`stand_ins`).
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from reconciler.model.interface import Unread
from reconciler.values import columns, freeform
from reconciler.values.problem import ValueProblem, mismatch, quote
from reconciler.values.stand_ins import stand_in
from reconciler.values.types import fields, show_type, text

if TYPE_CHECKING:
    from reconciler.model.attachment import Upload
    from reconciler.model.document import Json, Path
    from reconciler.values.known import Known

Problems = list[ValueProblem]

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.+", re.DOTALL)
_ENDINGS = {".parquet": "parquet", ".csv": "csv"}
_FIELDS = frozenset({"uri", "path", "format", "columns", "schema"})
_BESIDE = _FIELDS - {"uri", "path"}
_FIX = "write a URI such as s3://bucket/key, {uri: ..., format: ...} or {path: ...}"


@dataclass(frozen=True, slots=True)
class _Given:
    """What a value says; with a problem it says nothing."""

    uri: str = ""
    format: str = ""
    columns: Json = None
    schema: Json = None
    upload: Upload | None = None


def local_paths(value: Json) -> Iterator[str]:
    """Yield what a value may mean as paths of local files, whatever its type turns out to be."""
    match value:
        case {"path": str(path), **rest} if not rest.keys() - _BESIDE:
            yield path
        case dict():
            for one in value.values():
                yield from local_paths(one)
        case list():
            for one in value:
                yield from local_paths(one)
        case _:
            pass


def with_paths(value: Json, change: Callable[[str], str]) -> Json:
    """Change what `local_paths` yields of a value; the value itself is not changed."""
    match value:
        case {"path": str(path), **rest} if not rest.keys() - _BESIDE:
            return {**fields(value), "path": change(path)}
        case dict():
            return {name: with_paths(one, change) for name, one in value.items()}
        case list():
            return [with_paths(one, change) for one in value]
        case _:
            return value


def blob_literal(value: Json, type_: Json, path: Path, problems: Problems, known: Known) -> Json:
    """Refer to a file or a folder."""
    given = _read(value, type_, path, problems, known)
    blob = fields(fields(type_).get("blob"))
    declared = text(blob.get("format"))
    if given.format and declared and given.format != declared:
        _wrong_format(given.format, declared, (*path, "format"), problems)
    _no_columns(given, type_, path, problems)
    wants_folder = blob.get("dimensionality") == "MULTIPART"
    if given.upload is not None and given.upload.is_folder != wants_folder:
        found, wanted = ("folder", "file") if given.upload.is_folder else ("file", "folder")
        message = f"is a {found}, and the input takes a {wanted}"
        problems.append(ValueProblem((*path, "path"), message, f"name a {wanted}"))
    made = {**blob, "format": given.format} if given.format else blob
    return {"scalar": {"blob": {"metadata": {"type": made}, "uri": given.uri}}}


def dataset_literal(value: Json, type_: Json, path: Path, problems: Problems, known: Known) -> Json:
    """Refer to a structured dataset.

    Its format is the one given, else that of a local file by its ending, else that of the type.
    """
    given = _read(value, type_, path, problems, known)
    made = dict(fields(fields(type_).get("structuredDatasetType")))
    declared = text(made.get("format"))
    format_, at = given.format, (*path, "format")
    if given.upload is not None and not format_:
        format_, at = _ending(given.upload), (*path, "path")
        if not format_ and not declared:
            message = f"the format of {quote(given.upload.name)} cannot be told by its ending"
            problems.append(ValueProblem(at, message, "write format: parquet or format: csv"))
        if format_.casefold() == declared.casefold():
            format_ = declared
    # Flyte compares the formats of datasets without case, those of blobs with it
    if format_ and declared and format_.casefold() != declared.casefold():
        _wrong_format(format_, declared, at, problems)
    if format_:
        made["format"] = format_
    if given.columns is not None:
        made["columns"] = columns.typed(given.columns, made.get("columns"), path, problems)
    if given.schema is not None:
        made.update(_external(given.schema, (*path, "schema"), problems))
    return {
        "scalar": {
            "structuredDataset": {
                "uri": given.uri,
                "metadata": {"structuredDatasetType": made},
            }
        }
    }


def schema_literal(value: Json, type_: Json, path: Path, problems: Problems, known: Known) -> Json:
    """Refer to a table of the older schema type, which is parquet always."""
    given = _read(value, type_, path, problems, known)
    if given.format:
        message = "a schema has no format"
        problems.append(ValueProblem((*path, "format"), message, "leave the format out"))
    if given.upload is not None and _ending(given.upload) not in {"", "parquet"}:
        message = "a schema is parquet, and this is not"
        problems.append(ValueProblem((*path, "path"), message, "name a parquet file"))
    _no_columns(given, type_, path, problems)
    return {"scalar": {"schema": {"uri": given.uri, "type": fields(fields(type_).get("schema"))}}}


def _external(value: Json, path: Path, problems: Problems) -> dict[str, Json]:
    """Read the schema of another library, which Flyte keeps and nobody here looks into."""
    fix = 'write {type: arrow, bytes: "..."} with the schema in base64'
    match value:
        case {"type": str(name), "bytes": str(encoded), **rest} if name and not rest:
            try:
                b64decode(encoded, validate=True)
            except ValueError:
                problems.append(ValueProblem((*path, "bytes"), "is not base64", fix))
            return {"externalSchemaType": name, "externalSchemaBytes": encoded}
        case _:
            problems.append(mismatch(value, path, "the schema of another library", fix))
            return {}


def _wrong_format(format_: str, declared: str, at: Path, problems: Problems) -> None:
    message = f"the format {quote(format_)} is not the {quote(declared)} of the input"
    fix = f"write {quote(declared)}" if at[-1] == "format" else f"name a {declared} file"
    problems.append(ValueProblem(at, message, fix))


def _no_columns(given: _Given, type_: Json, path: Path, problems: Problems) -> None:
    for name, found in (("columns", given.columns), ("schema", given.schema)):
        if found is not None:
            message = f"{show_type(type_)} has no {name} of its own"
            problems.append(ValueProblem((*path, name), message, f"leave the {name} out"))


def _ending(upload: Upload) -> str:
    """Tell the format of a table by the one ending that its files have; empty when it cannot."""
    names = (PurePosixPath(file or upload.name) for file in upload.files)
    found = {name.suffix.lower() for name in names if not name.name.startswith("_")}
    return _ENDINGS.get(found.pop(), "") if len(found) == 1 else ""


def _read(value: Json, type_: Json, path: Path, problems: Problems, known: Known) -> _Given:
    """Read one of the forms; a fault in it is added to the problems."""
    match value:
        case str():
            if not _URI.fullmatch(value):
                problems.append(mismatch(value, path, show_type(type_), _FIX))
            freeform.check_text(value, path, problems)
            return _Given(value)
        case dict() if unknown := sorted(value.keys() - _FIELDS):
            message = f"{show_type(type_)} has no field {quote(unknown[0])}"
            problems.append(ValueProblem((*path, unknown[0]), message, _FIX))
        case {"uri": _, "path": _}:
            message = "has both a uri and a path"
            problems.append(ValueProblem(path, message, "keep one of the two"))
        case {"uri": str(where)} | {"path": str(where)} if where:
            return _read_fields(fields(value), where, path, problems, known)
        case {"uri": _} | {"path": _}:
            problems.append(mismatch(value, path, show_type(type_), _FIX))
        case dict():
            problems.append(ValueProblem(path, f"{show_type(type_)} needs a uri or a path", _FIX))
        case _:
            problems.append(mismatch(value, path, show_type(type_), _FIX))
    return _Given()


def _read_fields(
    value: dict[str, Json], where: str, path: Path, problems: Problems, known: Known
) -> _Given:
    format_ = value.get("format", "")
    if not isinstance(format_, str):
        problems.append(mismatch(format_, (*path, "format"), "a text", "quote it"))
        return _Given()
    freeform.check_text(format_, (*path, "format"), problems)
    if "uri" in value:
        freeform.check_text(where, (*path, "uri"), problems)
        return _Given(where, format_, value.get("columns"), value.get("schema"))
    found = known.files.get(where, Unread("local files cannot be given here"))
    if isinstance(found, Unread):
        problems.append(ValueProblem((*path, "path"), found.cause))
        return _Given()
    return _Given(stand_in(found), format_, value.get("columns"), value.get("schema"), found)
