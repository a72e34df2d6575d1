"""Text that somebody wrote, shown so that it stays on its line and steers nothing.

What reads our output line by line takes a line of somebody's text for one of ours: a forge finds
commands in the log of a job, a terminal obeys its control characters.
"""

from __future__ import annotations

import re

_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
"""Characters that nobody sees, and those that turn the direction of others around."""


def seen(text: str) -> str:
    """Write what cannot be seen, line ends included, as an escape."""
    return _UNSEEN.sub(lambda found: _escaped(found.group()), text)


def _escaped(character: str) -> str:
    code = ord(character)
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(
        character, f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )
