"""Parse events of a text, from libyaml where PyYAML was built with it.

PyYAML's own scanner is the fallback. It knows fewer tabs (those are errors there) and would read
three things differently in silence; these become errors too, so that a text means the same on
every machine or is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator


def scan(content: str, *, pure: bool = not yaml.__with_libyaml__) -> Iterator[yaml.Event]:
    """Yield the parse events of a text; raises yaml.YAMLError where its syntax ends."""
    return _pure(content) if pure else _events(yaml.CSafeLoader(content))


def _events(loader: yaml.CSafeLoader | yaml.SafeLoader) -> Iterator[yaml.Event]:
    try:
        while (event := loader.get_event()) is not None:
            yield event
    finally:
        loader.dispose()


def _pure(content: str) -> Iterator[yaml.Event]:
    try:
        for event in _events(yaml.SafeLoader(content)):
            if isinstance(event, yaml.ScalarEvent):
                _check(event, content)
            yield event
    except (ValueError, OverflowError):
        raise yaml.YAMLError("an escape names no character") from None


def _check(event: yaml.ScalarEvent, content: str) -> None:
    """Refuse what libyaml refuses: `[a:]`, and half a surrogate pair."""
    start, end = event.start_mark, event.end_mark
    assert isinstance(start, yaml.error.Mark)
    assert isinstance(end, yaml.error.Mark)
    is_plain = not event.style
    if is_plain and content[end.index : end.index + 1] == ":":
        behind = content[end.index + 1 : end.index + 2]
        if behind and not behind.isspace():
            raise yaml.scanner.ScannerError(None, None, "found unexpected ':'", end)
    if any("\ud800" <= character <= "\udfff" for character in event.value):
        raise yaml.scanner.ScannerError(
            None, None, "found invalid Unicode character escape code", start
        )
