"""Code archives: what they hold, by digest, and the URLs that stand for them in normal forms.

A digest goes over the decompressed members: names, contents, targets of links, and whether a file
may be executed. Order, times, owners and how it was compressed are left out, so that the same
source gives the same digest on every machine, with pigz and with gzip.

    code://<digest>/<file>    in place of the URL that a code archive was uploaded to, which holds
                              the digest of what is in the archive
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.attachment import Upload
from reconciler.model.digest import digest
from reconciler.model.document import Json
from reconciler.sources.archive import DEFAULT_LIMITS, entries

TAR = "code.tar.gz"
PICKLE = "pkl.gz"
"""The names of the two forms of code archives; clients tell them by how they end."""

_CODE = re.compile(r"code://([a-z][a-z2-7]{15})/(?:code\.tar\.gz|pkl\.gz)")
_UPLOADED = re.compile(
    r"[a-z0-9+.-]+://[^\s\"']*/(?P<digest>[a-z][a-z2-7]{15})/"
    r"(?:[0-9a-f]{32}\.tar\.gz|(?P<pickle>(?:[0-9a-f]{32}\.)?pkl\.gz))(?![\w.])"
)


@dataclass(frozen=True, slots=True)
class Code:
    """One code archive, as it is to be uploaded; a pickle is not a tar."""

    content: bytes = field(repr=False)
    is_pickle: bool = False


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


def url_of(code: Code) -> str:
    """Name a code archive by what it holds; raises ValueError when it cannot be unpacked."""
    return code_url(digest_of(code), is_pickle=code.is_pickle)


def code_url(digest: str, *, is_pickle: bool = False) -> str:
    """Name a code archive in a normal form."""
    return f"code://{digest}/{PICKLE if is_pickle else TAR}"


def code_of(body: Mapping[str, Any]) -> frozenset[str]:
    """List the `code://` URLs in a normal form."""
    return frozenset(match.group(0) for match in _CODE.finditer(json.dumps(body)))


def is_code(text: str) -> bool:
    """Say whether a text is one `code://` URL and nothing else."""
    return _CODE.fullmatch(text) is not None


def digest_of_code(url: str) -> str:
    """Return the digest in a `code://` URL."""
    match = _CODE.fullmatch(url)
    assert match is not None
    return match.group(1)


def upload_of(url: str, content: bytes) -> Upload:
    """Return what is uploaded for a `code://` URL, and under which name."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    name = PICKLE if url.endswith(PICKLE) else f"{md5}.tar.gz"
    return Upload(digest_of_code(url), name, {"": content})


def as_code(text: str) -> str:
    """Put `code://` URLs in place of those that we uploaded code to, anywhere in a text."""
    return _UPLOADED.sub(_as_code, text)


def places(text: str) -> dict[str, str]:
    """Map the `code://` URLs of code that we uploaded to where a text says that it is."""
    return {_as_code(found): found[0] for found in _UPLOADED.finditer(text)}


def _as_code(found: re.Match[str]) -> str:
    return code_url(found["digest"], is_pickle=found["pickle"] is not None)


def _unpacked(content: bytes) -> bytes:
    with gzip.open(io.BytesIO(content)) as file:
        found = file.read(DEFAULT_LIMITS.total_bytes + 1)
    if len(found) > DEFAULT_LIMITS.total_bytes:
        raise OSError("it unpacks to more than the limit")
    return found


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
