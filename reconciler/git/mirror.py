"""What was fetched of one repository: a bare repository of our own in the cache.

It may be deleted at any time. One process at a time works on it. Commits that were applied are kept
by a reference, so that they can be returned to after the branch was rewritten.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from reconciler.errors import UsageError
from reconciler.git import damage, program
from reconciler.git.access import NOBODY, Access, opened
from reconciler.git.faults import Fault, SourceError
from reconciler.git.program import DEFAULT_LIMITS, Call, Limits
from reconciler.git.remote import Remote
from reconciler.sources import git

COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_PACKS = 50

T = TypeVar("T")


def cache_folder() -> Path:
    """Return where mirrors are kept: below `$XDG_CACHE_HOME/reconcile`."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(base) if base else Path.home() / ".cache") / "reconcile" / "git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """One repository of others, and what we have of it."""

    remote: Remote
    folder: Path
    access: Access = NOBODY
    limits: Limits = DEFAULT_LIMITS

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Make the mirror where there is none, and keep others out; waits for them."""
        with damage.on_disk(self.folder):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(f"{self.folder}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._ensure()
                yield
            finally:
                os.close(lock)

    def mended(self, work: Callable[[], T]) -> T:
        """Do what fetches, and once more over a new mirror where this one was found damaged."""
        try:
            return work()
        except SourceError as error:
            kind = damage.needs_new(error)
            if kind is None:
                raise
        self.remake(kind)
        return work()

    def remake(self, kind: str = "") -> None:
        """Begin the mirror anew, for hashes of a kind where it is named."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._ensure(kind)

    def heads(self, *patterns: str) -> dict[str, str]:
        """Ask the server which commit each reference is at; `HEAD` also says which branch it is.

        Annotated tags are there twice, as themselves and with `^{}` as what they lead to.
        """
        answer = self._ask("ls-remote", "--symref", "--", self.remote.url, *patterns)
        found: dict[str, str] = {}
        for line in answer.decode("utf-8", "replace").splitlines():
            first, _, name = line.partition("\t")
            if first.startswith("ref: "):
                found[f"symref {name}"] = first.removeprefix("ref: ")
            elif COMMIT.fullmatch(first):
                found.setdefault(name, first)
        return found

    def fetch(self, *references: str) -> None:
        """Fetch references by their whole names, or commits; history only as far as it is new."""
        depth = () if self._has_any() else ("--depth=1",)
        specs = [
            f"+{name}:{name}" if name.startswith("refs/") else f"+{name}:refs/reconcile/{name}"
            for name in references
        ]
        try:
            self._fetch(*depth, specs=specs)
        except SourceError as error:
            if not depth or "shallow" not in str(error):
                raise
            self._fetch(specs=specs)
        self._tidy()

    def deepen(self, *references: str) -> bool:
        """Fetch the history that is missing; says whether any was."""
        if not (self.folder / "shallow").exists():
            return False
        self._fetch("--unshallow", specs=[f"+{name}:{name}" for name in references])
        return True

    def looked_up(self, *names: str) -> tuple[tuple[str, str], ...]:
        """Return the object that each name leads to here, and its type; empty where there is none.

        A name has no line breaks, and is nothing that git takes for an option.
        """
        asked = "".join(f"{name}\n" for name in names).encode()
        call = Call(mirror=self.folder, limits=self.limits)
        words = ("cat-file", "--batch-check=%(objectname) %(objecttype)")
        lines = program.run(words, call, given=asked).decode("utf-8", "replace").splitlines()
        found = [line.rpartition(" ") for line in lines]
        kinds = {"commit", "tree", "blob", "tag"}
        return tuple((one, kind) if kind in kinds else ("", "") for one, _, kind in found)

    def commit(self, name: str) -> str:
        """Return the commit that a name leads to here; empty where there is none."""
        return self.looked_up(f"{name}^{{commit}}")[0][0]

    def tree(self, commit: str, path: str) -> str:
        """Return the hash of a folder in a commit; empty where there is none."""
        found, kind = self.looked_up(folder_of(commit, path))[0]
        return found if kind == "tree" else ""

    def follows(self, older: str, newer: str) -> bool | None:
        """Say whether a commit follows another one or is it; None where history is missing."""
        return git.is_ancestor(self.folder, older, newer, is_bare=True)

    def merge_base(self, one: str, other: str) -> str:
        """Return the commit that two have in common; empty where none is known here."""
        return self._own("merge-base", one, other)

    def merge(self, base: str, head: str) -> str:
        """Merge a commit into another one and return the tree; empty where it cannot be done."""
        return self._own("merge-tree", "--write-tree", "--no-messages", base, head)

    def keep(self, name: str, commit: str) -> None:
        """Keep a commit for as long as the mirror lives, until another one has that name."""
        self._own("update-ref", f"refs/kept/{name}", commit)

    def extract(self, tree: str, into: Path, *, name: str) -> None:
        """Write the files of a tree below an empty folder; raises SourceError for what may not be.

        No filter, hook or attribute of the repository has a part in it, and no link leads out.
        """
        limits = git.Limits(total_bytes=self.limits.folder_bytes, files=self.limits.files)
        try:
            git.extract_tree(self.folder, tree, into, name=name, limits=limits)
        except UsageError as error:
            if not damage.is_loss(error):
                raise SourceError(Fault.TREE, str(error)) from None
            self.remake()
            raise SourceError(
                Fault.FETCH, f"{name}: the mirror was damaged; it is fetched anew"
            ) from None
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise SourceError(Fault.TREE, f"{name}: cannot be written: {reason}") from None

    def _ensure(self, kind: str = "") -> None:
        if (self.folder / "HEAD").is_file() and (self.folder / "objects").is_dir():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        hashes = (f"--object-format={kind}",) if kind else ()
        words = ("init", "--bare", "--quiet", "--template=", *hashes, "--", str(self.folder))
        program.run(words, Call(limits=self.limits))

    def _has_any(self) -> bool:
        objects = self.folder / "objects"
        has_loose = len(list(objects.iterdir())) > len(("info", "pack"))
        return has_loose or any((objects / "pack").glob("*.pack"))

    def _fetch(self, *options: str, specs: list[str]) -> None:
        damage.sweep(self.folder)
        words = ("fetch", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--quiet")
        command = (*words, "--force", *options, "--", self.remote.url, *specs)
        try:
            self._ask(*command)
        except SourceError as error:
            if "cannot lock ref" not in str(error) or not self._make_way(specs):
                raise
            self._ask(*command)

    def _make_way(self, specs: list[str]) -> bool:
        """Remove references that the server no longer has where a new one needs their place."""
        wanted = [spec.rpartition(":")[2] for spec in specs]
        known = self._own("for-each-ref", "--format=%(refname)").splitlines()
        old = [
            one
            for one in known
            for name in wanted
            if one.startswith(f"{name}/") or name.startswith(f"{one}/")
        ]
        for one in old:
            self._own("update-ref", "-d", one)
        return bool(old)

    def _tidy(self) -> None:
        """Put many packs together now and then; nobody works on the mirror meanwhile."""
        if len(list((self.folder / "objects" / "pack").glob("*.pack"))) > _PACKS:
            for words in (("pack-refs", "--all"), ("repack", "-a", "-d", "-q")):
                program.run(words, Call(mirror=self.folder, limits=self.limits), is_quiet=True)

    def _ask(self, *command: str) -> bytes:
        with opened(self.access, self.remote) as way:
            call = Call(
                mirror=self.folder,
                scheme=self.remote.scheme,
                way=way,
                access=self.access,
                limits=self.limits,
            )
            return program.run(command, call)

    def _own(self, *command: str) -> str:
        call = Call(mirror=self.folder, limits=self.limits)
        return program.run(command, call, is_quiet=True).decode("utf-8", "replace").strip()


def folder_of(commit: str, path: str) -> str:
    """Name a folder in a commit, the top without a path."""
    return f"{commit}:{path}" if path else f"{commit}^{{tree}}"


def mirror_of(
    remote: Remote, *, cache: Path, access: Access = NOBODY, limits: Limits = DEFAULT_LIMITS
) -> Mirror:
    """Name the mirror of a repository; whoever may read it with other credentials has another one.

    What was fetched with one's credentials must not be had without them.
    """
    secret = access.password or access.identity
    mark = f"{remote.url}\n{access.username}\n{secret.reveal() if secret is not None else ''}"
    name = hashlib.sha256(mark.encode()).hexdigest()[:32]
    return Mirror(remote=remote, folder=cache / f"{name}.git", access=access, limits=limits)
