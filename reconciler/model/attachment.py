"""What registering an object needs beside its body: files to bring to the store, texts to send."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on this disk as it was when it was read; `path` has no links left in it."""

    path: Path
    size: int
    md5: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """A file, or the files of a folder, that go to one location in the store.

    `root` is the digest of the content and `name` that of the file or folder; both are part of
    the location, so that equal content has one. `files` are by their path below `name`, a single
    file by the empty path.
    """

    root: str
    name: str
    files: Mapping[str, bytes | LocalFile] = field(repr=False)

    @property
    def is_folder(self) -> bool:
        """Say whether it is a folder, however many files are in it."""
        return "" not in self.files

    @property
    def size(self) -> int:
        """Return how many bytes go to the store."""
        return sum(
            len(file) if isinstance(file, bytes) else file.size for file in self.files.values()
        )


Attachment = bytes | Upload
"""A text that goes along with a call, such as a description, or an upload before it."""
