"""From bytes to text that a YAML scanner may read, or the reason why not.

YAML 1.1 allows no control characters, and kubectl reads UTF-8. A JSON text may escape a character
beyond U+FFFF as two surrogates, which YAML does not know; those escapes are rewritten and the
columns behind them corrected.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from dataclasses import dataclass, field

from reconciler.model.origin import Origin, Problem

MAX_BYTES = 5 * 1024 * 1024
"""Size limit of one file, in bytes; 5 MiB, more than etcd or a gRPC message would take."""

_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_SURROGATES = re.compile(r"(\\\\)|\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Text:
    """The text of one file.

    `shifts` gives, by line, the columns (from 0, as scanned) from which on the file has more
    characters than the scanned text, and how many.
    """

    content: str
    shifts: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)

    def place(self, line: int, column: int) -> tuple[int, int]:
        """Turn a scanner's line and column, from 0, into those of the file, from 1."""
        shifts = self.shifts.get(line)
        if shifts is not None:
            starts, amounts = shifts
            found = bisect_right(starts, column)
            column += amounts[found - 1] if found else 0
        return line + 1, column + 1


def decode(data: bytes, *, file: str, max_bytes: int = MAX_BYTES) -> Text | Problem:
    """Decode UTF-8, with or without a byte order mark."""
    if len(data) > max_bytes:
        return Problem(
            Origin(file, 1, 1),
            f"the file is larger than the limit of {max_bytes:,} bytes",
            fix="split it",
        )
    if data.startswith(_UTF16):
        return Problem(Origin(file, 1, 1), "the file is UTF-16", fix="save it as UTF-8")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        return Problem(
            Origin(file, *_position(before)),
            f"the byte 0x{data[error.start]:02x} is not UTF-8",
            fix="save the file as UTF-8",
        )
    bad = _FORBIDDEN.search(content)
    if bad is not None:
        return Problem(
            Origin(file, *_position(content[: bad.start()])),
            f"the character U+{ord(bad[0]):04X} is not allowed in YAML",
            fix="remove it, or write it as an escape in double quotes",
        )
    if content.lstrip().startswith("{") and "\\u" in content:
        return _rewrite_surrogates(content)
    return Text(content)


def _position(before: str) -> tuple[int, int]:
    """Line and column, from 1, of the character behind this text."""
    line, start = 1, 0
    for found in _BREAK.finditer(before):
        line, start = line + 1, found.end()
    return line, len(before) - start + 1


def _rewrite_surrogates(content: str) -> Text:
    lines: dict[int, tuple[list[int], list[int]]] = {}
    parts: list[str] = []
    taken = line = line_start = shift = 0
    for found in _SURROGATES.finditer(content):
        if found[1] is not None:
            continue
        for end in _BREAK.finditer(content, taken, found.start()):
            line, line_start, shift = line + 1, end.end(), 0
        high, low = int(found[2], 16), int(found[3], 16)
        character = chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
        parts += (content[taken : found.start()], character)
        taken = found.end()
        starts, amounts = lines.setdefault(line, ([], []))
        starts.append(found.start() - line_start - shift + 1)
        shift += len(found[0]) - 1
        amounts.append(shift)
    parts.append(content[taken:])
    return Text(
        "".join(parts),
        {number: (tuple(starts), tuple(amounts)) for number, (starts, amounts) in lines.items()},
    )
