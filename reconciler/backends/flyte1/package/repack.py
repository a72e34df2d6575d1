"""Packs a code archive so that the same files always give the same bytes.

tar and gzip add times, owners, an order and the habits of their version; the place of an upload
follows from the digest, and Flyte's data proxy refuses other bytes at a place that is taken. The
files are therefore sorted, stripped of all that, and stored in gzip without compression.
"""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
import zlib

from reconciler.backends.flyte1.package.entities import PackageError
from reconciler.model.digest import FORMAT, encode_hash

_BLOCK = 65_535
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def repack(data: bytes, *, name: str) -> bytes:
    """Pack a tar archive anew; raises PackageError when it is damaged."""
    packed = io.BytesIO()
    try:
        with (
            tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as old,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
        ):
            for member in sorted(old, key=lambda item: item.name):
                if not (member.isreg() or member.issym()):
                    continue
                info = tarfile.TarInfo(member.name)
                info.mode = 0o755 if member.mode & 0o111 else 0o644
                info.type = member.type
                info.linkname = member.linkname
                info.size = member.size
                new.addfile(info, old.extractfile(member) if member.isreg() else None)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise PackageError(f"{name}: its code archive is damaged ({error})") from None
    return _stored(packed.getvalue())


def digest_of(packed: bytes) -> str:
    """Digest of a repacked archive."""
    return FORMAT + encode_hash(hashlib.sha256(packed).digest())


def _stored(data: bytes) -> bytes:
    """Wrap bytes in gzip (RFC 1952) with stored blocks (RFC 1951), the same for every zlib."""
    parts = [_GZIP_HEADER]
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        is_last = start + _BLOCK >= len(data)
        parts.append(struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF) + block)
    parts.append(struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(parts)
