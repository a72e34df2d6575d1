"""Files that clients upload: signed locations, and the bytes behind them.

A native URL names no host and no port, because clients write it into tasks and a task's content
must not change with the port. A signed URL carries its own expiry, checksum and signature, so that
the HTTP side needs no memory of what it signed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from reconciler.server.store import Store

SCHEME = "s3"
BUCKET = "embedded"
_ROUTE = "/objects/"


class Objects:
    """The files of one data directory, below `folder`, indexed in `store`."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._secret = _secret(store)
        self.base_url = ""

    def native_url(self, *parts: str) -> str:
        """The location of a key, for specs; empty parts are left out."""
        return f"{SCHEME}://{BUCKET}/" + "/".join(part for part in parts if part)

    def md5(self, native_url: str) -> bytes | None:
        """The checksum of the stored file; None when there is none."""
        row = self._store.row("SELECT md5 FROM objects WHERE key = ?", (_key(native_url),))
        return None if row is None else row["md5"]

    def read(self, native_url: str) -> bytes | None:
        """The bytes of the stored file; None when there is none."""
        return None if self.md5(native_url) is None else self.path(_key(native_url)).read_bytes()

    def label(self, native_url: str) -> str:
        """The checksum that an upload carried along as metadata; empty when it carried none."""
        row = self._store.row("SELECT md5 FROM object_labels WHERE key = ?", (_key(native_url),))
        return "" if row is None else row["md5"]

    def put(self, native_url: str, data: bytes) -> None:
        """Store a file that no client uploads."""
        key = _key(native_url)
        with self._temporary() as file:
            file.write(data)
            file.flush()
            os.replace(file.name, self.path(key))  # noqa: PTH105  # same as rename, of a name
        md5 = hashlib.md5(data, usedforsecurity=False).digest()
        self._index(key, md5, len(data), label="")

    def signed_url(self, method: str, native_url: str, *, seconds: float, md5: str = "") -> str:
        """A URL that allows `method` on this file for `seconds`; `md5` in base64 binds a PUT."""
        key = _key(native_url)
        expires = str(int(time.time() + seconds))
        query = {"expires": expires, "md5": md5}
        query["signature"] = self._signature(method, key, expires, md5)
        return f"{self.base_url}{_ROUTE}{quote(key)}?{urlencode(query)}"

    def _signature(self, *parts: str) -> str:
        text = "\n".join(parts)
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()

    def allowed(self, method: str, url: str) -> tuple[str, str] | None:
        """Key and expected checksum of a signed URL; None when it is forged or too old."""
        split = urlsplit(url)
        key = unquote(split.path.removeprefix(_ROUTE))
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        expires, md5 = query.get("expires", ""), query.get("md5", "")
        given = query.get("signature", "")
        if not hmac.compare_digest(given, self._signature(method, key, expires, md5)):
            return None
        return (key, md5) if int(expires) >= time.time() else None

    async def write(
        self, key: str, chunks: AsyncIterator[bytes], *, md5: bytes | None, label: str = ""
    ) -> bool:
        """Store a file; False, and nothing stored, when its MD5 is not the promised one.

        `label` is the checksum that travels as the file's metadata, as S3 keeps it.
        """
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        with self._temporary() as file:
            async for chunk in chunks:
                digest.update(chunk)
                size += file.write(chunk)
            if md5 is not None and digest.digest() != md5:
                return False
            file.flush()
            os.replace(file.name, self.path(key))  # noqa: PTH105  # same as rename, of a name
        self._index(key, digest.digest(), size, label=label)
        return True

    def _index(self, key: str, md5: bytes, size: int, *, label: str) -> None:
        with self._store.writing():
            self._store.run(
                "INSERT INTO objects (key, md5, size) VALUES (?, ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET md5 = excluded.md5, size = excluded.size",
                (key, md5, size),
            )
            self._store.run("DELETE FROM object_labels WHERE key = ?", (key,))
            if label:
                self._store.run("INSERT INTO object_labels VALUES (?, ?)", (key, label))

    @contextmanager
    def _temporary(self) -> Iterator[IO[bytes]]:
        """A new file beside the others; removed at the end unless it was renamed."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
            try:
                yield file
            finally:
                Path(file.name).unlink(missing_ok=True)

    def path(self, key: str) -> Path:
        """Where a file's bytes are; keys are hashed, so none can leave the folder."""
        return self._folder / hashlib.sha256(key.encode()).hexdigest()


def _key(native_url: str) -> str:
    return native_url.removeprefix(f"{SCHEME}://{BUCKET}/")


def _secret(store: Store) -> bytes:
    with store.writing():
        store.run(
            "INSERT OR IGNORE INTO settings (name, value) VALUES ('signing', ?)",
            (secrets.token_bytes(32),),
        )
    row = store.row("SELECT value FROM settings WHERE name = 'signing'")
    if row is None:
        raise RuntimeError("the signing key was just written")
    value: bytes = row["value"]
    return value
