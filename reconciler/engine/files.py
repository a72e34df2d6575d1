"""Reads the files that documents name, before anything is resolved.

Relative paths start at the folder of the document's file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.engine.declaration import Declaration
from reconciler.model.attachment import Upload
from reconciler.model.interface import Unread
from reconciler.sources import archive, local
from reconciler.sources.archive import Archive
from reconciler.specs.package import PackageSpec
from reconciler.specs.validate import Declared
from reconciler.values.references import local_paths


def read_archives(declaration: Declaration) -> Mapping[str, Archive | str]:
    """Open every package's archive, by the place of its document; a failure is its reason."""
    found: dict[str, Archive | str] = {}
    for item in declaration.declared:
        if not isinstance(item.spec, PackageSpec):
            continue
        base, reach = _folder(declaration, item), declaration.reach
        refused = reach.why_not(item.spec.archive) or reach.leaves(item.spec.archive, base)
        if refused:
            found[str(item.document.origin)] = refused
            continue
        loaded = archive.load(
            item.spec.archive,
            base=base,
            sha256=item.spec.sha256,
            is_connected=not reach.is_offline,
            why_not=None if reach.is_local else reach.why_not,
        )
        found[str(item.document.origin)] = loaded.cause if isinstance(loaded, Unread) else loaded
    return found


def read_inputs(declaration: Declaration) -> Mapping[str, Mapping[str, Upload | Unread]]:
    """Read what inputs may mean as local files, by the place of the document and as written.

    Which of them are meant, only the type of the input tells.
    """
    read: dict[tuple[Path, str], Upload | Unread] = {}
    found: dict[str, dict[str, Upload | Unread]] = {}
    for item in declaration.declared:
        base = _folder(declaration, item)
        for field in ("inputs", "fixed_inputs"):
            for written in local_paths(getattr(item.spec, field, None)):
                refused = declaration.reach.why_not(written)
                if refused:
                    read[base, written] = Unread(refused)
                elif (base, written) not in read:
                    read[base, written] = local.load(written, base=base, tree=declaration.base)
                found.setdefault(str(item.document.origin), {})[written] = read[base, written]
    return found


def _folder(declaration: Declaration, item: Declared) -> Path:
    file = item.document.origin.file
    return declaration.cwd if file == "-" else (declaration.cwd / file).parent
