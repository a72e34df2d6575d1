"""What making a package of recorded requests has in common: places, uploads, and the bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from google.protobuf.message import Message

from reconciler.backends.packages import texts
from reconciler.backends.packages.recorded import Blob
from reconciler.errors import UsageError
from reconciler.sources.archive import Archive

PROJECT = "{{ registration.project }}"
DOMAIN = "{{ registration.domain }}"
VERSION = "{{ registration.version }}"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that the client brought: the URL that it was told, its name and its bytes."""

    url: str
    name: str
    content: bytes = field(repr=False)

    @property
    def recorded_url(self) -> str:
        """Return the URL that stands for it in a package, the same wherever it was recorded."""
        return f"recorded://{hashlib.sha256(self.content).hexdigest()}/{self.name}"


def check_places(places: Iterable[str]) -> None:
    """Refuse registrations into several places, each written as PROJECT/DOMAIN."""
    found = sorted(set(places))
    if len(found) > 1:
        raise UsageError(
            f"registered into {' and '.join(found)}, and a package is for one project and domain; "
            "record a command for each"
        )


def check_uploads(name: str, request: Message, files: Mapping[str, Upload]) -> None:
    """Refuse what names an upload outside of a task's code: nobody would bring it along."""
    folders = {url.rpartition("/")[0] for url in files}
    for text in texts.texts(request):
        for url in (*files, *folders):
            if text == url or text.startswith(f"{url}/"):
                raise UsageError(
                    f"{name}: has the file {text.rpartition('/')[2]} as a value, which was "
                    "uploaded for it; a package carries code alone: name the file by a URL"
                )


def blobs(files: Iterable[Upload]) -> list[Blob]:
    """Make blobs of uploads, one for equal content."""
    brought = {file.recorded_url: file for file in files}
    return [Blob(url, file.name, file.content) for url, file in sorted(brought.items())]


def different(name: str) -> UsageError:
    """Say that one name came with two contents."""
    return UsageError(
        f"{name}: was registered twice with different content; record each version on its own"
    )


def pack(archive: Archive) -> bytes:
    """Write a tgz without times, owners and file names, so that equal content is equal bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in archive.members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)
