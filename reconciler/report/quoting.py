"""Quotes what users wrote, so that it is shown and never acts.

In Markdown every such text is a code span: what is in one is no link, no mention, no reference, no
HTML and no command of a forge, whatever it holds.
"""

from __future__ import annotations

import re

from reconciler.model.seen import seen

__all__ = ["code", "data", "in_comment", "seen", "units", "value"]

_RUNS = re.compile("`+")


def code(text: str) -> str:
    """Write a text as a code span of Markdown, on one line."""
    shown = seen(text)
    if not shown.strip():
        shown = f'"{shown}"'
    fence = "`" * (max((len(run) for run in _RUNS.findall(shown)), default=0) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def in_comment(text: str) -> str:
    """Write a text inside an HTML comment, which it cannot end."""
    shown = re.sub(r"[^A-Za-z0-9 .,:;()/_%+-]", "?", seen(text))
    return re.sub(r"-(?=-)|-$", "?", shown)


def data(text: str) -> str:
    """Write the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def value(text: str) -> str:
    """Write the value of a property of a workflow command."""
    return data(text).replace(":", "%3A").replace(",", "%2C")


def units(text: str) -> int:
    """Count as the strictest of the forges does: UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)
