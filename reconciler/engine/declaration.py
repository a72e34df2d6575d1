"""What some paths declare: the set they belong to, its policy, and its documents."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, cast

from reconciler.engine.reach import EVERYWHERE, Reach
from reconciler.errors import SpecError, UsageError
from reconciler.model.digest import UNCLAIMED
from reconciler.model.document import Document
from reconciler.model.key import Key, Place
from reconciler.model.origin import Problem, Severity
from reconciler.model.policy import Prune
from reconciler.plan.context import Policy
from reconciler.resolve.scope import Scope, scope_of
from reconciler.sources import files, git
from reconciler.sources.rendering import helm, kustomize, places
from reconciler.specs.connection import ConnectionSpec
from reconciler.specs.shape import written_name
from reconciler.specs.sync import Render, SyncSpec
from reconciler.specs.validate import Declared, Faulty, Validated, validate
from reconciler.values.own import OwnType

SYNC_FILE = "reconcile.yaml"
SYNC = "FlyteSync"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """Documents of one set, validated.

    `base` is the directory of reconcile.yaml, or the working directory without one; origins are
    shown relative to `cwd`. `source` names where the set is declared, the same on every machine for
    a Git checkout; `commit` is empty outside Git, and so is `tree`, Git's name of the directory's
    content, where a file was edited. `is_whole` says that the whole root of the set was read
    without an error. `types` are types of one's own that whoever runs the program named.

    With `is_independent` each document stands for itself: one with an error holds back nothing but
    its own object. `given_up` are objects whose declaration somebody deletes, with what is to
    happen to each, `withheld` are objects of documents that take no part: they stay as they are.
    `reach` is what documents may name outside themselves.

    Where documents have errors, `faulty` are those, and `sync` is what is left of a faulty
    FlyteSync, without the fields `unknown`. `repository` is the bare repository that the commit is
    in, where the documents are of no checkout.
    """

    base: Path
    cwd: Path
    sync: SyncSpec
    set_name: str
    declared: tuple[Declared, ...]
    problems: tuple[Problem, ...]
    skipped: int = 0
    sync_document: Declared | None = None
    is_whole: bool = False
    source: str = ""
    commit: str = ""
    tree: str = ""
    types: tuple[OwnType, ...] = ()
    is_independent: bool = False
    given_up: Mapping[Key, Prune] = field(default_factory=dict)
    withheld: frozenset[Key] = frozenset()
    reach: Reach = EVERYWHERE
    faulty: tuple[Faulty, ...] = ()
    unknown: frozenset[str] = frozenset()
    repository: Path | None = None

    @property
    def has_sync(self) -> bool:
        """Say whether the documents belong to a FlyteSync."""
        return self.sync_document is not None

    @property
    def policy(self) -> Policy:
        """What the set may do on its own."""
        limits = self.sync.limits
        return Policy(
            prune=Prune(self.sync.prune),
            drift=self.sync.drift,
            max_removals=limits.max_removals,
            max_removal_fraction=limits.max_removal_fraction,
        )

    @property
    def home(self) -> Place | None:
        """The project-domain where the set's ledger is looked for first."""
        defaults = self.sync.defaults
        if defaults.project and defaults.domain:
            return Place(defaults.project, defaults.domain)
        return None

    @property
    def scope(self) -> Scope | None:
        """What the set may touch; None without a FlyteSync and without a default project."""
        if not self.has_sync or not self.unknown.isdisjoint({"scopes", "defaults"}):
            return None
        if self.sync.scopes is None:
            project = self.sync.defaults.project
            return Scope(frozenset({Place(project)})) if project else None
        rules = tuple(
            (Place(scope.project, "" if domain == "*" else domain), scope.files)
            for scope in self.sync.scopes
            for domain in scope.domains
        )
        return scope_of(rules, folder=os.path.relpath(self.base, self.cwd))

    def connection(self, name: str) -> tuple[ConnectionSpec, Declared] | None:
        """Find a FlyteConnection of the tree by name."""
        for item in self.declared:
            if isinstance(item.spec, ConnectionSpec) and item.name == name:
                return item.spec, item
        return None

    def check(self) -> None:
        """Raise SpecError when any document has an error."""
        errors = [item for item in self.problems if item.severity is Severity.ERROR]
        if errors:
            raise SpecError(errors)


def declare(
    paths: Sequence[str],
    *,
    cwd: Path,
    stdin: BinaryIO | None = None,
    reach: Reach = EVERYWHERE,
) -> Declaration:
    """Read and validate what the paths hold.

    Without a path, and for a directory or file that is a FlyteSync's own, the whole set is read.
    Other files belong to the set of the nearest reconcile.yaml above them, and are a part of it.
    What is outside of the tree of `reach` is a problem. Raises UsageError when there is nothing to
    read.
    """
    root = _root(paths, cwd)
    if root is not None:
        return _whole(root, Where(root.parent, cwd, reach))
    if list(paths) == ["-"]:
        tree = files.parse_stdin(stdin or sys.stdin.buffer)
        nearest = _nearest(cwd, reach)
    else:
        if "-" in paths:
            raise UsageError("-: standard input cannot be mixed with files; give one of the two")
        tree = files.discover(paths, base=cwd, within=reach.tree)
        nearest = _nearest((cwd / paths[0]).absolute(), reach)
    found = validate(tree.documents)
    problems = (*tree.problems, *found.problems)
    own = _syncs(found)
    if own:
        return of_set(own, found, problems, Where(cwd, cwd, reach))
    if nearest is None:
        return Declaration(
            base=cwd,
            cwd=cwd,
            sync=SyncSpec(),
            set_name=UNCLAIMED,
            declared=found.declared,
            problems=problems,
            skipped=found.skipped,
            faulty=found.faulty,
            reach=reach,
        )
    above = files.discover([nearest.name], base=nearest.parent, within=reach.tree)
    set_found = validate(above.documents)
    syncs = _syncs(set_found)
    others = [item for item in set_found.declared if isinstance(item.spec, ConnectionSpec)]
    merged = replace(
        found,
        declared=(*found.declared, *others),
        faulty=(*found.faulty, *(item for item in set_found.faulty if item.kind == SYNC)),
    )
    problems = (*problems, *above.problems, *set_found.problems)
    return of_set(syncs, merged, problems, Where(nearest.parent, cwd, reach))


def name_of(paths: Sequence[str], *, cwd: Path, reach: Reach = EVERYWHERE) -> str:
    """Name the set that paths belong to, also where documents are at fault; never raises."""
    try:
        start = (cwd / (paths[0] if paths else ".")).absolute()
        nearest = _root(paths, cwd) or _nearest(start, reach)
    except (UsageError, OSError):
        return UNCLAIMED
    if nearest is None:
        return UNCLAIMED
    found = files.discover([nearest.name], base=nearest.parent, within=reach.tree)
    syncs = _syncs(validate(found.documents))
    return syncs[0].name if syncs else UNCLAIMED


def _root(paths: Sequence[str], cwd: Path) -> Path | None:
    """Return the reconcile.yaml whose whole set is meant, or None for a part."""
    if not paths:
        found = cwd / SYNC_FILE
        if not found.is_file():
            raise UsageError(
                f"{SYNC_FILE}: not found in this directory; give a path, or write one "
                "(see `reconcile explain FlyteSync`)"
            )
        return found
    if len(paths) != 1 or paths[0] == "-":
        return None
    path = cwd / paths[0]
    if path.is_dir() and (path / SYNC_FILE).is_file():
        return path / SYNC_FILE
    return path if path.name == SYNC_FILE and path.is_file() else None


def _nearest(start: Path, reach: Reach) -> Path | None:
    for folder in (start, *start.parents):
        if (folder / SYNC_FILE).is_file():
            return folder / SYNC_FILE
        if (folder / ".git").exists() or folder == reach.tree:
            return None
    return None


@dataclass(frozen=True, slots=True)
class Where:
    """The set's directory, the working directory that origins are relative to, and the bounds.

    `is_checkout` says that the directory itself tells which commit it is of, if of any.
    """

    base: Path
    cwd: Path
    reach: Reach
    is_checkout: bool = True


def _whole(root: Path, where: Where) -> Declaration:
    base, cwd, tree_root = where.base, where.cwd, where.reach.tree
    own = files.discover([_shown(root, cwd)], base=cwd, within=tree_root)
    found = validate(own.documents)
    syncs = _syncs(found)
    problems = (*own.problems, *found.problems)
    if not syncs:
        return of_set([], found, problems, where)
    sync = cast("SyncSpec", syncs[0].spec)
    folders = [_shown(base / path, cwd) for path in sync.paths]
    missing = [
        syncs[0].problem("does not exist", "paths", index, fix="correct the path")
        for index, path in enumerate(sync.paths)
        if not (base / path).exists()
    ]
    if missing:
        return of_set(syncs, found, (*problems, *missing), where)
    if sync.render is not Render.NONE:
        documents, faults = rendered(sync, where)
        whole = validate(chain(own.documents, documents))
        problems = (*own.problems, *faults, *whole.problems)
        is_sound = own.is_whole and not any(one.severity is Severity.ERROR for one in faults)
        return of_set(_syncs(whole), whole, problems, where, is_whole=is_sound)
    tree = files.Reading(folders, base=cwd, within=tree_root)
    others = (document for document in tree if (cwd / document.origin.file) != root)
    whole = validate(chain(own.documents, others))
    return of_set(
        _syncs(whole),
        whole,
        (*own.problems, *tree.problems, *whole.problems),
        where,
        is_whole=own.is_whole and tree.is_whole,
    )


def rendered(sync: SyncSpec, where: Where) -> tuple[list[Document], list[Problem]]:
    """Let kustomize or Helm make the documents: of folders, for Helm with files of values."""
    cwd, root = where.cwd, where.reach.tree or git.top_of(where.base) or where.base
    paths = [where.base / path for path in sync.paths]
    values = [path for path in paths if path.is_file()]
    documents: list[Document] = []
    problems: list[Problem] = []
    for path in paths:
        if path.is_file() and sync.render is Render.HELM:
            continue
        if sync.render is Render.HELM:
            found, faults = helm.render(path, values, cwd=cwd, root=root)
        else:
            found, faults = kustomize.render(path, cwd=cwd, root=root)
        documents += found
        problems += faults
    return list(places.apart(documents)), problems


def _shown(path: Path, cwd: Path) -> str:
    """Write a path as the user would: relative to the working directory where it is below it."""
    absolute = path.absolute()
    plain = Path(os.path.normpath(absolute))
    if plain.is_relative_to(cwd) and os.path.realpath(plain) == os.path.realpath(absolute):
        absolute = plain
    return str(absolute.relative_to(cwd)) if absolute.is_relative_to(cwd) else str(absolute)


def _syncs(found: Validated) -> list[Declared]:
    """List the FlyteSyncs; a faulty one is what is left of it, so that the rest can be checked."""
    syncs = [item for item in found.declared if isinstance(item.spec, SyncSpec)]
    for item in found.faulty:
        if item.kind == SYNC and not syncs:
            values = {name: part for name, part in item.sound.items() if name != "render"}
            syncs.append(item.as_declared(SyncSpec.model_construct(**_by_attribute(values))))
    return syncs


def _by_attribute(values: Mapping[str, Any]) -> dict[str, Any]:
    fields = {written_name(SyncSpec, attribute): attribute for attribute in SyncSpec.model_fields}
    return {fields[name]: value for name, value in values.items()}


def _elsewhere(item: Declared, sync: SyncSpec, revision: git.Revision | None) -> Iterator[Problem]:
    """Refuse a FlyteSync whose files are in Git, anywhere but in a checkout of just that folder.

    What is beside it would else be taken for the whole set, and the rest of the set for removed.
    """
    if sync.git is None:
        return
    name = git.normalise(sync.git.url) or sync.git.url
    source = f"{name}#{sync.git.path}" if sync.git.path else name
    if revision is None or revision.source != source:
        yield item.problem(
            f"says that the files are in {source}, and this is not a checkout of that",
            "git",
            fix="run `reconcile serve` with it, or reconcile in such a checkout",
        )


def of_set(
    syncs: Sequence[Declared],
    found: Validated,
    problems: tuple[Problem, ...],
    where: Where,
    *,
    is_whole: bool = False,
) -> Declaration:
    """Make the declaration of a set; `is_whole` says that all of its root was read."""
    extra: list[Problem] = [
        Problem(
            item.document.origin,
            f"a second FlyteSync; the first is at {syncs[0].document.origin}",
            fix="give each set a directory of its own",
        )
        for item in syncs[1:]
    ]
    name = syncs[0].name if syncs else UNCLAIMED
    sync = cast("SyncSpec", syncs[0].spec) if syncs else SyncSpec()
    declared = tuple(item for item in found.declared if not isinstance(item.spec, SyncSpec))
    for item in declared:
        wanted = getattr(item.spec, "sync", None)
        if wanted is not None and wanted != name:
            extra.append(
                item.problem(
                    f"names the set {wanted}, but is read as part of {name}",
                    "sync",
                    fix="move it to that set's directory, or leave the field out",
                )
            )
    revision = git.describe(where.base) if syncs and where.is_checkout else None
    if syncs and where.is_checkout:
        extra += _elsewhere(syncs[0], sync, revision)
    every = (*problems, *extra)
    return Declaration(
        base=where.base,
        cwd=where.cwd,
        sync=sync,
        set_name=name,
        declared=declared,
        problems=every,
        skipped=found.skipped,
        sync_document=syncs[0] if syncs else None,
        is_whole=is_whole
        and bool(syncs)
        and not any(item.severity is Severity.ERROR for item in every),
        source=revision.source if revision else f"directory:{where.base}",
        commit=revision.commit if revision else "",
        tree=revision.tree if revision else "",
        faulty=found.faulty,
        reach=where.reach,
        unknown=frozenset().union(
            *(item.given - item.sound.keys() for item in found.faulty if item.kind == SYNC)
        ),
    )
