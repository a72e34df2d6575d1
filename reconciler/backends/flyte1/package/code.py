"""Code archives: what they hold, by digest.

A digest goes over the decompressed members: names, contents, targets of links, and whether a file
may be executed. Order, times, owners and how it was compressed are left out, so that the same
source gives the same digest on every machine, with pigz and with gzip.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Mapping

from reconciler.backends.flyte1.package.entities import Code, ContentError
from reconciler.backends.flyte1.task import code_url
from reconciler.model.digest import digest
from reconciler.model.document import Json
from reconciler.sources.archive import DEFAULT_LIMITS, entries

_PLACE = re.compile(r"\{\{\s*\.remote_package_path\s*\}\}")
_FOLDER = re.compile(r"\{\{\s*\.dest_dir\s*\}\}")
_HERE = "."
"""What clients put in for a folder that nobody named (flytekit 1.16, clis/flyte_cli/main.py)."""


def digest_of(code: Code) -> str:
    """Digest of what a code archive holds; raises ValueError when it cannot be unpacked."""
    if code.is_pickle:
        try:
            return digest({"pickle": _sha256(_unpacked(code.content))})
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"is no gzip ({error}); build it again") from None
    members: dict[str, Json] = {}
    for entry in entries(code.content):
        if entry.target:
            members[entry.name] = {"link": entry.target}
        else:
            members[entry.name] = {
                "sha256": _sha256(entry.content),
                **({"executable": True} if entry.is_executable else {}),
            }
    return digest({"code": members})


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
        url = code_url(digest_of(code), is_pickle=code.is_pickle)
    except ValueError as error:
        raise ContentError([f"{shown} {error}"]) from None
    known[url] = code
    return url


def _unpacked(content: bytes) -> bytes:
    with gzip.open(io.BytesIO(content)) as file:
        found = file.read(DEFAULT_LIMITS.total_bytes + 1)
    if len(found) > DEFAULT_LIMITS.total_bytes:
        raise OSError("it unpacks to more than the limit")
    return found


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
