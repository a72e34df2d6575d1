"""Declarations whose FlyteSync is not in the tree that it is about, as with a Git repository.

Whoever may write the tree is trusted with what the set may do, and with nothing else: where it is
written, how much may be removed and what may be read is only in the FlyteSync outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from reconciler.engine.declaration import (
    SYNC_FILE,
    Declaration,
    Where,
    of_set,
    rendered,
)
from reconciler.engine.reach import Reach
from reconciler.model.document import Document
from reconciler.model.origin import Problem, Severity
from reconciler.sources import files
from reconciler.specs.sync import Render, SyncSpec
from reconciler.specs.validate import Declared, Validated, validate

_TAKEN = ("paths", "defaults", "versions")
"""What a FlyteSync of the tree may say, where the one outside says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A folder that was written from a commit: `top` stands for the top of the repository."""

    top: Path
    path: str
    source: str
    commit: str
    hash: str
    repository: Path

    @property
    def base(self) -> Path:
        """The folder of the set."""
        return self.top / self.path if self.path else self.top


def declare_for(sync: Declared, tree: Tree, reach: Reach) -> Declaration:
    """Read what a tree holds for a FlyteSync that is elsewhere; nothing outside of it is read.

    A `reconcile.yaml` of the same set may be in it, as laptops need it: of that count its policies,
    and its paths, defaults and versions where the FlyteSync outside has none.
    """
    reach = replace(reach, tree=tree.base)
    where = Where(tree.base, tree.top, reach, is_checkout=False)
    inner, problems = _inner(sync, where)
    spec = _merged(cast("SyncSpec", sync.spec), inner)
    sync = replace(sync, spec=spec)
    missing = [
        sync.problem("does not exist in the commit", "paths", index, fix="correct the path")
        for index, path in enumerate(spec.paths)
        if not (tree.base / path).exists()
    ]
    if missing:
        found, is_whole = validate(()), False
        problems += missing
    else:
        found, others, is_whole = _read(spec, where)
        problems += others
    found, foreign = _without_syncs(found, sync.name)
    declaration = of_set(
        [sync], found, (*problems, *found.problems, *foreign), where, is_whole=is_whole
    )
    return replace(
        declaration,
        source=tree.source,
        commit=tree.commit,
        tree=tree.hash,
        repository=tree.repository,
    )


def _read(spec: SyncSpec, where: Where) -> tuple[Validated, list[Problem], bool]:
    if spec.render is not Render.NONE:
        documents, faults = rendered(spec, where)
        is_sound = not any(one.severity is Severity.ERROR for one in faults)
        return validate(documents), faults, is_sound
    folders = [str((where.base / path).relative_to(where.cwd)) for path in spec.paths]
    tree = files.Reading(folders, base=where.cwd, within=where.reach.tree)
    found = validate(_others(tree, where))
    return found, list(tree.problems), tree.is_whole


def _others(tree: files.Reading, where: Where) -> Iterator[Document]:
    """Leave out the set's own reconcile.yaml, which was read already."""
    own = where.base / SYNC_FILE
    return (document for document in tree if where.cwd / document.origin.file != own)


def _inner(sync: Declared, where: Where) -> tuple[SyncSpec | None, list[Problem]]:
    """Read the FlyteSync of the tree, if there is one; it has to be of this set."""
    path = where.base / SYNC_FILE
    if not path.is_file() or not path.resolve().is_relative_to(where.base.resolve()):
        return None, []
    own = files.discover(
        [str(path.relative_to(where.cwd))], base=where.cwd, within=where.reach.tree
    )
    found = validate(own.documents)
    problems = [*own.problems, *found.problems]
    for item in found.declared:
        if isinstance(item.spec, SyncSpec):
            if item.name == sync.name:
                return item.spec, problems
            problems.append(_foreign(item, sync.name))
    return None, problems


def _merged(outer: SyncSpec, inner: SyncSpec | None) -> SyncSpec:
    if inner is None:
        return outer
    update: dict[str, object] = {
        name: getattr(inner, name)
        for name in _TAKEN
        if name in inner.model_fields_set and name not in outer.model_fields_set
    }
    names = {one.name for one in outer.policies}
    more = tuple(one for one in inner.policies if one.name not in names)
    if more:
        update["policies"] = (*outer.policies, *more)
    return outer.model_copy(update=update)


def _without_syncs(found: Validated, name: str) -> tuple[Validated, list[Problem]]:
    """Take FlyteSyncs out of documents; those of other sets have no business there."""
    syncs = [item for item in found.declared if isinstance(item.spec, SyncSpec)]
    rest = tuple(item for item in found.declared if not isinstance(item.spec, SyncSpec))
    foreign = [_foreign(item, name) for item in syncs if item.name != name]
    return replace(found, declared=rest), foreign


def _foreign(item: Declared, name: str) -> Problem:
    return Problem(
        item.document.origin,
        f"is the FlyteSync {item.name}, and the folder is that of the set {name}",
        fix="give each set a folder of its own",
    )
