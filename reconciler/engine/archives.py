"""Reads the archives of declared packages, before anything is resolved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.engine.declaration import Declaration
from reconciler.model.interface import Unread
from reconciler.sources import archive
from reconciler.sources.archive import Archive
from reconciler.specs.package import PackageSpec


def read_archives(declaration: Declaration) -> Mapping[str, Archive | str]:
    """Open every package's archive, by the place of its document; a failure is its reason.

    Relative paths start at the directory of the document's file.
    """
    found: dict[str, Archive | str] = {}
    for item in declaration.declared:
        if not isinstance(item.spec, PackageSpec):
            continue
        origin = item.document.origin
        base = declaration.cwd if origin.file == "-" else (declaration.cwd / origin.file).parent
        loaded = archive.load(item.spec.archive, base=Path(base), sha256=item.spec.sha256)
        found[str(origin)] = loaded.cause if isinstance(loaded, Unread) else loaded
    return found
