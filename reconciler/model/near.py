"""What somebody who named something that is not there may have meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST = 3


def hint(word: str, known: Iterable[str], otherwise: str) -> str:
    """Ask for the known words that are close, at most three; say `otherwise` where none is."""
    close = get_close_matches(word, sorted(set(known)), n=_MOST)
    return f"did you mean {' or '.join(close)}?" if close else otherwise
