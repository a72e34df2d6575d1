"""Files, folders, datasets and schemas: a URI, or `{uri, format}`, becomes a reference.

A plain text must look like a URI, so that a union of a file and a text can tell them apart;
`{uri: ...}` takes any text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reconciler.values import freeform
from reconciler.values.problem import ValueProblem, mismatch, quote
from reconciler.values.types import fields, show_type, text

if TYPE_CHECKING:
    from reconciler.model.document import Json, Path

Problems = list[ValueProblem]

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.+", re.DOTALL)


def blob_literal(value: Json, type_: Json, path: Path, problems: Problems) -> Json:
    """Refer to a file or a folder."""
    uri, format_ = _reference(value, type_, path, problems)
    blob = fields(fields(type_).get("blob"))
    declared = text(blob.get("format"))
    if format_ and declared and format_ != declared:
        _wrong_format(format_, declared, path, problems)
    made = {**blob, "format": format_} if format_ else blob
    return {"scalar": {"blob": {"metadata": {"type": made}, "uri": uri}}}


def dataset_literal(value: Json, type_: Json, path: Path, problems: Problems) -> Json:
    """Refer to a structured dataset; without a format, the one of the type is meant."""
    uri, format_ = _reference(value, type_, path, problems)
    dataset = fields(fields(type_).get("structuredDatasetType"))
    declared = text(dataset.get("format"))
    # Flyte compares the formats of datasets without case, those of blobs with it
    if format_ and declared and format_.casefold() != declared.casefold():
        _wrong_format(format_, declared, path, problems)
    made = {**dataset, "format": format_} if format_ else dataset
    return {
        "scalar": {"structuredDataset": {"uri": uri, "metadata": {"structuredDatasetType": made}}}
    }


def _wrong_format(format_: str, declared: str, path: Path, problems: Problems) -> None:
    message = f"the format {quote(format_)} is not the {quote(declared)} of the workflow"
    problems.append(ValueProblem((*path, "format"), message, f"write {quote(declared)}"))


def schema_literal(value: Json, type_: Json, path: Path, problems: Problems) -> Json:
    """Refer to a table of the older schema type, which is parquet always."""
    uri, format_ = _reference(value, type_, path, problems)
    if format_:
        message = "a schema has no format"
        problems.append(ValueProblem((*path, "format"), message, "leave the format out"))
    return {"scalar": {"schema": {"uri": uri, "type": fields(fields(type_).get("schema"))}}}


def _reference(value: Json, type_: Json, path: Path, problems: Problems) -> tuple[str, str]:
    """Read `s3://bucket/key` or `{uri, format}`: the URI and the format, empty when not given."""
    fix = "write a URI such as s3://bucket/key, or {uri: ..., format: ...}"
    match value:
        case str():
            if not _URI.fullmatch(value):
                problems.append(mismatch(value, path, show_type(type_), fix))
            freeform.check_text(value, path, problems)
            return value, ""
        case {"uri": str(uri), "format": str(format_), **rest} if uri and not rest:
            freeform.check_text(uri, (*path, "uri"), problems)
            freeform.check_text(format_, (*path, "format"), problems)
            return uri, format_
        case {"uri": str(uri), **rest} if uri and not rest:
            freeform.check_text(uri, (*path, "uri"), problems)
            return uri, ""
        case dict() if unknown := sorted(value.keys() - {"uri", "format"}):
            message = f"{show_type(type_)} has no field {quote(unknown[0])}"
            problems.append(ValueProblem((*path, unknown[0]), message, fix))
        case {"uri": str(uri), "format": format_} if uri:
            problems.append(mismatch(format_, (*path, "format"), "a text", "quote it"))
        case {}:
            problems.append(ValueProblem(path, f"{show_type(type_)} needs a uri", fix))
        case _:
            problems.append(mismatch(value, path, show_type(type_), fix))
    return "", ""
