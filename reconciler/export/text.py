"""Documents as text: YAML with notes as comments, or JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable

from reconciler.model.document import Json
from reconciler.sources.dump import dump

_WIDTH = 96


def yaml(made: dict[str, Json], notes: Iterable[str] = ()) -> str:
    """Write one document as YAML, its notes as comments above it."""
    return comment(notes) + dump(made)


def json_text(made: Json) -> str:
    """Write a value as JSON."""
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def comment(notes: Iterable[str]) -> str:
    """Write notes as comment lines; control characters in them cannot end a comment."""
    lines: list[str] = []
    for note in notes:
        plain = "".join(char if char.isprintable() else " " for char in note)
        lines += textwrap.wrap(
            plain,
            _WIDTH,
            initial_indent="# ",
            subsequent_indent="#   ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "".join(f"{line}\n" for line in lines)
