"""Finds out which commit the declared packages are read from."""

from __future__ import annotations

from pathlib import Path

from reconciler.engine.declaration import Declaration
from reconciler.model.provenance import Provenance
from reconciler.sources import git
from reconciler.specs.package import PackageSpec
from reconciler.specs.validate import Declared


def provenance(declaration: Declaration) -> Provenance | None:
    """Name the commit that registered code is declared in; None where that is none."""
    if declaration.repository is not None:
        return _of_mirror(declaration)
    packages = [item for item in declaration.declared if isinstance(item.spec, PackageSpec)]
    top = git.top_of(declaration.base)
    if not packages or not declaration.commit or top is None:
        return None
    cwd = declaration.cwd.resolve()
    places = [(item.at("archive").file, *_places(item, cwd)) for item in packages]
    wanted = {cwd / shown for shown, _, _ in places}
    known = git.at_head(top, wanted | {file for _, *both in places for file in both})
    return Provenance(
        repository=declaration.source.partition("#")[0],
        commit=declaration.commit,
        top=top.as_posix(),
        cwd=cwd.as_posix(),
        files=frozenset(shown for shown, _, _ in places)
        - {
            shown
            for shown, document, archive in places
            # CI may have built the archive just now: then the commit knows nothing of it.
            if not (known.get(cwd / shown) and known.get(document) and known.get(archive, True))
        },
    )


def _of_mirror(declaration: Declaration) -> Provenance:
    """Name the commit of a folder that was written from it just now."""
    top = declaration.cwd.resolve().as_posix()
    return Provenance(
        repository=declaration.source.partition("#")[0],
        commit=declaration.commit,
        top=top,
        cwd=top,
        files=frozenset(
            item.at("archive").file
            for item in declaration.declared
            if isinstance(item.spec, PackageSpec)
        ),
    )


def _places(item: Declared, cwd: Path) -> tuple[Path, Path]:
    """Name the file of a document, and that of its archive where it is a local one."""
    spec = item.spec
    assert isinstance(spec, PackageSpec)
    file = cwd / item.document.origin.file
    return file, file if "://" in spec.archive else file.parent / spec.archive
