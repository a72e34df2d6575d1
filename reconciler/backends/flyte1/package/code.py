"""How the arguments of serialized tasks name their code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from reconciler.backends.flyte1.package.entities import ContentError
from reconciler.backends.packages import code as packed
from reconciler.backends.packages.code import Code

_PLACE = re.compile(r"\{\{\s*\.remote_package_path\s*\}\}")
_FOLDER = re.compile(r"\{\{\s*\.dest_dir\s*\}\}")
_HERE = "."
"""What clients put in for a folder that nobody named (flytekit 1.16, clis/flyte_cli/main.py)."""


def arguments(
    code: Code | None, uploads: Mapping[str, Code]
) -> tuple[Callable[[str], str], Mapping[str, Code]]:
    """Return how the arguments of tasks read in normal form, and the archives by `code://` URL.

    Raises ContentError for an archive that cannot be unpacked.
    """
    known: dict[str, Code] = {}
    urls: dict[str, str] = {}
    own = ""
    if code is not None:
        own = _known(code, known, "its code archive")
    for url, upload in uploads.items():
        urls[url] = _known(upload, known, f"the upload {url}")

    def read(text: str) -> str:
        if own and _PLACE.fullmatch(text):
            return own
        return _HERE if _FOLDER.fullmatch(text) else urls.get(text, text)

    return read, known


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
