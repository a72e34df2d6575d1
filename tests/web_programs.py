"""The browser and the accessibility rules that the page is tested with.

Chromium is the machine's own; the rules come from npm, once, into a cache that may be deleted.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

_RULES = "axe-core@4.14.1"
_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
_MEMBER = "package/axe.min.js"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def missing() -> str:
    """Name what is not installed, empty when everything is."""
    absent = [] if browser() is not None else ["chromium"]
    if shutil.which("npm") is None and not _place().exists():
        absent.append("npm")
    return " and ".join(absent)


def browser() -> str | None:
    """Return the path of a Chromium."""
    return next((found for name in _BROWSERS if (found := shutil.which(name))), None)


def rules() -> str:
    """Return the script of the accessibility rules, of one version and no other."""
    place = _place()
    if not place.exists():
        _fetch(place)
    script = place.read_bytes()
    assert hashlib.sha256(script).hexdigest() == _SHA256, f"{place}: is not {_RULES}"
    return script.decode()


def _place() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "reconcile-tests" / f"{_RULES}.min.js"


def _fetch(place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        command = ["npm", "pack", _RULES, "--silent", "--ignore-scripts"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (packed,) = Path(folder).glob("*.tgz")
        with tarfile.open(packed) as archive:
            member = archive.extractfile(_MEMBER)
            assert member is not None
            part = Path(folder) / "part"
            part.write_bytes(member.read())
        part.replace(place)
