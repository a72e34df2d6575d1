"""What documents may name outside themselves: files, the environment, the network, a cluster.

Documents that somebody else may write are not trusted: they name neither files nor variables of
the program that reads them, and addresses only of hosts that its owner has allowed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.model.secret import Secret

ClusterSecrets = Mapping[tuple[str, str], Secret[bytes] | str]
"""Values of Kubernetes Secrets by the name and the key, or why there is none."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be read for a declaration.

    `is_local` allows files and variables. Addresses are allowed where `is_local` is, or by scheme
    and host in `urls` (such as `https://artifacts.example.com`). `secrets` are the values of
    Kubernetes Secrets that were read for the documents; None where there is no cluster. `tree` is
    the folder that nothing may be read outside of, and whose files may be named whatever else is
    allowed; None for no such folder; with `is_offline` no
    address is read at all.
    """

    is_local: bool = True
    urls: frozenset[str] = frozenset()
    secrets: ClusterSecrets | None = field(default=None, repr=False)
    tree: Path | None = None
    is_offline: bool = False

    def leaves(self, location: str, base: Path) -> str:
        """Say why a path relative to `base` may not be read; empty when it may, and for a URL."""
        scheme, separator, rest = location.partition("://")
        if self.tree is None or (separator and scheme != "file"):
            return ""
        real = Path(os.path.realpath(base / (rest if separator else location)))
        if real.is_relative_to(os.path.realpath(self.tree)):
            return ""
        return f"{location} leads out of the tree, which alone is read here; copy it inside"

    def why_not(self, location: str) -> str:
        """Say why an archive or a file may not be read, and what to do; empty when it may."""
        if self.is_local:
            return ""
        parts = urlsplit(location)
        if self.tree is not None and not parts.scheme and not parts.netloc and "::" not in location:
            return ""  # of the tree, see `leaves`
        if "::" in location or not (location.isascii() and location.isprintable()):
            return "it is not one plain address; give a URL of an allowed host"
        if not parts.scheme or not parts.netloc:
            return (
                f"{location} is a path on the machine of the operator, which reads no files; "
                "give a URL of an allowed host"
            )
        if "@" in parts.netloc or f"{parts.scheme}://{parts.netloc}".lower() not in self.urls:
            return (
                f"{parts.scheme}://{parts.netloc.rpartition('@')[2]} is not among the addresses "
                "that the operator may read from; its owner adds it by --allow-url"
            )
        return ""


EVERYWHERE = Reach()
"""Documents of one's own tree."""
