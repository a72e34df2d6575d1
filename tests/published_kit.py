"""Holds documents against the published schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SPECS = Path(__file__).parents[1] / "specs"


def validator(name: str) -> Draft202012Validator:
    """The published schema, closed so that no key stays undescribed."""
    schema = json.loads((SPECS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return Draft202012Validator(_closed(schema))


def _closed(schema: Any) -> Any:
    match schema:
        case {"properties": _}:
            return {"additionalProperties": False, **{k: _closed(v) for k, v in schema.items()}}
        case dict():
            return {name: _closed(part) for name, part in schema.items()}
        case list():
            return [_closed(part) for part in schema]
        case _:
            return schema
