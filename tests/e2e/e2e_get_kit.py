"""What the tests of `reconcile get` and `describe` share."""

from __future__ import annotations

from typing import Any

from cli_kit import Shell
from published_kit import validator
from world import DOMAIN, PROJECT

HERE = ("--project", PROJECT, "--domain", DOMAIN)


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
