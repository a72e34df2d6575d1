"""A FlyteSync with a repository as something that can be done: what to fetch, how, and for whom."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import gettempdir
from typing import cast

from reconciler.engine.remote import Tree
from reconciler.git import access, mirror, remote, scratch, source, verify
from reconciler.git.damage import on_disk
from reconciler.git.mirror import Mirror
from reconciler.git.program import DEFAULT_LIMITS, Limits
from reconciler.git.remote import Remote
from reconciler.git.secrets import Values
from reconciler.git.source import Found, Wanted
from reconciler.specs.git import GitSpec
from reconciler.specs.sync import SyncSpec
from reconciler.specs.validate import Declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the owner of the service allows: schemes, how large a repository may be, the cache."""

    schemes: frozenset[str] = remote.SCHEMES
    limits: Limits = DEFAULT_LIMITS
    cache: Path = field(default_factory=mirror.cache_folder)

    def own(self) -> Rules:
        """Return the same rules for one service, which may end its git without that of others."""
        return replace(self, limits=replace(self.limits, end=threading.Event()))

    def end(self) -> None:
        """Have every git of these rules end, and start none any more."""
        self.limits.end.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One set and its repository."""

    sync: Declared
    mirror: Mirror
    wanted: Wanted
    trust: verify.Trust | None = None

    @property
    def spec(self) -> SyncSpec:
        """The FlyteSync's spec."""
        return cast("SyncSpec", self.sync.spec)

    @property
    def remote(self) -> Remote:
        """The repository."""
        return self.mirror.remote

    @property
    def source(self) -> str:
        """How the set's claim names it, the same as in a checkout."""
        name, path = self.remote.name, self.wanted.path
        return f"{name}#{path}" if path else name

    def find(self) -> Found:
        """Fetch what is wanted; blocks on the network. Raises SourceError."""
        with self.mirror.alone():
            return source.find(self.mirror, self.wanted, self.trust)

    def deepen(self, found: Found) -> bool:
        """Fetch the history of a commit that is missing; says whether any was."""
        with self.mirror.alone():
            return self.mirror.deepen(*source.reference(self.wanted, found))

    def known(self, commit: str) -> Found | None:
        """Find a commit that was applied once, as far as it is here still and signed as it must be.

        Raises SourceError where it is not.
        """
        with self.mirror.alone():
            tree = self.mirror.tree(commit, self.wanted.path) if self.mirror.commit(commit) else ""
            if tree and self.trust is not None and self.trust.signed is not verify.Signed.TAG:
                head = replace(self.trust, signed=verify.Signed.HEAD)
                verify.check(self.mirror, head, commit=commit, tag="", tag_name="")
        return Found(name="", commit=commit, tree=tree) if tree else None

    def keep(self, found: Found) -> None:
        """Keep what is applied, so that it can be returned to."""
        with self.mirror.alone():
            self.mirror.keep(self.sync.name, found.commit)

    @contextmanager
    def written(self, found: Found) -> Iterator[Tree]:
        """Write the folder of a commit to a temporary place; blocks on the disk.

        Raises SourceError for what may not be written.
        """
        with ExitStack() as stack:
            with on_disk(Path(gettempdir())):
                top = stack.enter_context(scratch.folder("tree"))
                tree = Tree(
                    top=top,
                    path=self.wanted.path,
                    source=self.source,
                    commit=found.commit,
                    hash=found.tree,
                    repository=self.mirror.folder,
                )
                tree.base.mkdir(parents=True, exist_ok=True)
                with self.mirror.alone():
                    self.mirror.extract(found.tree, tree.base, name=f"commit {found.commit[:12]}")
            yield tree


def spec_of(sync: Declared) -> GitSpec:
    """Return `git` of a FlyteSync that has one."""
    spec = cast("SyncSpec", sync.spec).git
    assert spec is not None
    return spec


def job_of(sync: Declared, values: Mapping[str, Values], rules: Rules) -> Job:
    """Make the job of a FlyteSync; `values` are its bundles by their fields.

    Raises SourceError for what may not be fetched, or not like that.
    """
    spec = spec_of(sync)
    ref = spec.ref
    wanted = Wanted(
        branch=ref.branch or "",
        tag=ref.tag or "",
        semver=ref.semver or "",
        commit=ref.commit or "",
        reset_to=spec.reset_to or "",
        path=spec.path or "",
    )
    trust = None
    if spec.verify is not None:
        signed = verify.Signed(spec.verify.mode.value)
        trust = verify.read(signed, values.get("verify.secretRef", {}))
    return Job(
        sync=sync,
        mirror=mirror.mirror_of(
            remote.read(spec.url, schemes=rules.schemes),
            cache=rules.cache,
            access=access.read(values.get("secretRef", {})),
            limits=rules.limits,
        ),
        wanted=wanted,
        trust=trust,
    )
