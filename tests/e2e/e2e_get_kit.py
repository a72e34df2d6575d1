"""What the tests of `reconcile get` and `describe` share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli_kit import Shell
from jsonschema import Draft202012Validator
from world import DOMAIN, PROJECT

SPECS = Path(__file__).parents[2] / "specs"
HERE = ("--project", PROJECT, "--domain", DOMAIN)


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


async def names(shell: Shell, *arguments: str) -> list[str]:
    ended = await shell("get", *arguments, "-o", "name")
    assert ended.code == 0, ended.err
    return ended.out.split()


async def items(shell: Shell, *arguments: str) -> list[dict[str, Any]]:
    ended = await shell("get", *arguments, "-o", "json")
    assert ended.code == 0, ended.err
    found = ended.json()
    validator("get").validate(found)
    rows: list[dict[str, Any]] = found["items"]
    return rows
