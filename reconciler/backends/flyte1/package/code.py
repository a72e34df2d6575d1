"""How the arguments of serialized tasks name their code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reconciler.backends.flyte1.package.entities import ContentError
from reconciler.backends.packages import code as packed
from reconciler.backends.packages.code import Code

_PLACE = re.compile(r"\{\{\s*\.remote_package_path\s*\}\}")
_FOLDER = re.compile(r"\{\{\s*\.dest_dir\s*\}\}")
_HERE = "."
"""What clients put in for a folder that nobody named (flytekit 1.16, clis/flyte_cli/main.py)."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """How the arguments of tasks read in normal form.

    `archives` are what the package holds, by `code://` URL. `places` gains, as arguments are read,
    where a set uploaded code that the package only names: it stays there.
    """

    read: Callable[[str], str]
    archives: Mapping[str, Code]
    places: Mapping[str, str]


def arguments(code: Code | None, uploads: Mapping[str, Code]) -> Arguments:
    """Unpack the archives of a package; raises ContentError for one that cannot be."""
    known: dict[str, Code] = {}
    places: dict[str, str] = {}
    urls: dict[str, str] = {}
    own = ""
    if code is not None:
        own = _known(code, known, "its code archive")
    for url, upload in uploads.items():
        urls[url] = _known(upload, known, f"the upload {url}")

    def read(text: str) -> str:
        if own and _PLACE.fullmatch(text):
            return own
        if _FOLDER.fullmatch(text):
            return _HERE
        if text in urls:
            return urls[text]
        found = packed.as_code(text)
        if found == text or not packed.is_code(found):
            return text
        if found not in known:
            places[found] = text
        return found

    return Arguments(read, known, places)


def needs_code(text: str) -> bool:
    """Say whether an argument waits for the place of a code archive."""
    return _PLACE.fullmatch(text) is not None


def _known(code: Code, known: dict[str, Code], shown: str) -> str:
    try:
        url = packed.url_of(code)
    except ValueError as error:
        raise ContentError([f"{shown} {error}"]) from None
    known[url] = code
    return url
