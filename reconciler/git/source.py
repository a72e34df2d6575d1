"""Finds the commit that is wanted of a repository: fetched, its signature checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from reconciler.git import semver, verify
from reconciler.git.faults import Fault, SourceError
from reconciler.git.mirror import COMMIT, Mirror, folder_of

_NAME = re.compile(r"(?!-)(?!.*(?:\.\.|//|@\{|\.lock$|/$|\.$))[^\x00-\x20\x7f~^:?*\[\\]+")
_LONGEST = 200
_HEADS, _TAGS = "refs/heads/", "refs/tags/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of a repository: at most one of the four; none is its default branch.

    `reset_to` is a commit of that history to stay at instead. `path` is the folder that is read.
    """

    branch: str = ""
    tag: str = ""
    semver: str = ""
    commit: str = ""
    reset_to: str = ""
    path: str = ""

    @property
    def reset(self) -> str:
        """The commit that its owner named by itself, so that it need not follow the last one."""
        return self.reset_to or self.commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A commit that may be applied: how it was reached, and the hash of the folder in it."""

    name: str
    commit: str
    tree: str

    @property
    def revision(self) -> str:
        """The commit as it is written in a status: `main@sha1:...`."""
        kind = "sha1" if len(self.commit) == 40 else "sha256"
        return f"{self.name}@{kind}:{self.commit}" if self.name else f"{kind}:{self.commit}"


def reference(wanted: Wanted, found: Found) -> tuple[str, ...]:
    """Name the reference that a commit was reached by; none for one that is named by itself."""
    if wanted.commit or not found.name:
        return ()
    return (f"{_TAGS if wanted.tag or wanted.semver else _HEADS}{found.name}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ref:
    """A reference of the server; `full` is empty for a commit that is named by itself.

    `at` is where it is, empty where nobody has asked yet.
    """

    name: str
    full: str
    at: str


def find(mirror: Mirror, wanted: Wanted, trust: verify.Trust | None = None) -> Found:
    """Find what is wanted; raises SourceError where it is not there, or not signed as it must be.

    The mirror must be held alone; one that is damaged is made anew.
    """
    return mirror.mended(lambda: _find(mirror, wanted, trust))


def _find(mirror: Mirror, wanted: Wanted, trust: verify.Trust | None) -> Found:
    ref = _asked(mirror, wanted)
    if not ref.full:
        _have(mirror, ref.at, lambda: mirror.fetch(ref.at))
    elif not ref.at or mirror.looked_up(ref.full)[0][0] != ref.at:
        _fetch(mirror, ref)
    name = ref.full or ref.at
    (own, _), (commit, _), (tree, kind) = mirror.looked_up(
        name, f"{name}^{{commit}}", folder_of(f"{name}^{{commit}}", wanted.path)
    )
    tag = own if ref.full.startswith(_TAGS) else ""
    if not commit:
        raise SourceError(Fault.REF, f"git.ref: {ref.name or ref.at} leads to no commit")
    if wanted.reset_to:
        commit, tag = _reset(mirror, wanted.reset_to, commit, ref), ""
        tree, kind = mirror.looked_up(folder_of(commit, wanted.path))[0]
    if trust is not None:
        verify.check(mirror, trust, commit=commit, tag=tag, tag_name=ref.name)
    if kind != "tree":
        raise SourceError(
            Fault.FOLDER, f"git.path: {wanted.path} is no folder of commit {commit[:12]}"
        )
    return Found(name=ref.name, commit=commit, tree=tree)


def _fetch(mirror: Mirror, ref: _Ref) -> None:
    try:
        mirror.fetch(ref.full)
    except SourceError as error:
        if "couldn't find remote ref" not in str(error):
            raise
        raise _missing(ref.full, ref.name) from None


def _missing(full: str, name: str) -> SourceError:
    what = f"tag {name}" if full.startswith(_TAGS) else f"branch {name}"
    return SourceError(
        Fault.REF,
        f"git.ref: the repository has no {what if full else 'default branch'}; what was applied "
        "last stays. Push it, or correct the name",
    )


def _asked(mirror: Mirror, wanted: Wanted) -> _Ref:
    """Ask the server where the wanted reference is."""
    if wanted.commit:
        if not COMMIT.fullmatch(wanted.commit):
            raise SourceError(Fault.REF, "git.ref.commit: is no whole hash of a commit")
        return _Ref(name="", full="", at=wanted.commit)
    for name in (wanted.branch, wanted.tag):
        if name and not _NAME.fullmatch(name):
            raise SourceError(Fault.REF, "git.ref: is no name of a branch or a tag")
    if wanted.semver:
        return _newest(mirror, wanted.semver)
    if wanted.branch or wanted.tag:
        name = wanted.branch or wanted.tag
        return _Ref(name=name, full=f"{_HEADS if wanted.branch else _TAGS}{name}", at="")
    heads = mirror.heads("HEAD")
    full, at = heads.get("symref HEAD", ""), heads.get("HEAD", "")
    name = full.removeprefix(_HEADS)
    if not at or not full.startswith(_HEADS) or not _NAME.fullmatch(name):
        raise _missing("", "")
    return _Ref(name=name, full=full, at=at)


def _newest(mirror: Mirror, text: str) -> _Ref:
    heads = mirror.heads(f"{_TAGS}*")
    tags = [name.removeprefix(_TAGS) for name in heads if name.startswith(_TAGS)]
    sound = (one for one in tags if len(one) <= _LONGEST and _NAME.fullmatch(one))
    try:
        tag = semver.newest(sound, semver.parse_range(text))
    except ValueError as error:
        raise SourceError(Fault.REF, f"git.ref.semver: {error}") from None
    if tag is None:
        raise SourceError(Fault.REF, f"git.ref.semver: no tag of the repository is in {text}")
    return _Ref(name=tag, full=f"{_TAGS}{tag}", at=heads[f"{_TAGS}{tag}"])


def _have(mirror: Mirror, commit: str, fetch: Callable[[], None]) -> None:
    """Fetch a commit by its hash unless it is there; servers may refuse to give one."""
    if mirror.commit(commit):
        return
    try:
        fetch()
    except SourceError as error:
        if error.fault is not Fault.FETCH or "not our ref" not in str(error):
            raise
        raise SourceError(
            Fault.REF, f"git: the server does not give commit {commit[:12]}; correct the hash"
        ) from None


def _reset(mirror: Mirror, commit: str, tip: str, ref: _Ref) -> str:
    """Take a commit of the history of a reference, which may have to be fetched first."""
    if not COMMIT.fullmatch(commit):
        raise SourceError(Fault.REF, "git.resetTo: is no whole hash of a commit")
    if mirror.follows(commit, tip) is None and ref.full and mirror.deepen(ref.full):
        tip = mirror.commit(ref.full)
    if not mirror.follows(commit, tip):
        raise SourceError(
            Fault.REF,
            f"git.resetTo: commit {commit[:12]} is not in the history of {ref.name or tip[:12]}; "
            "correct the hash, or remove the field",
        )
    return commit
