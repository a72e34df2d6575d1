"""Read-only facts about a local checkout: where it comes from, which commit, whether it was edited.

The git program is asked, never the network: no prompts, no hooks, no fetches, no system settings.
The source is the same text for every clone of a repository, so that a claim made by one machine is
recognised on another.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reconciler.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TIMEOUT = 30.0
"""How long one git command may take, in seconds."""

_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.sshCommand=false",
    "credential.helper=",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
    "submodule.recurse=false",
)
_LINK = "120000"
_HEADER_WORDS = 3
_CHUNK = 1 << 16
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_SCP = re.compile(r"(?:[^@/]+@)?([^:/@]+):(?!//)(.+)")
_URL_SCHEMES = ("https", "http", "ssh", "git", "git+ssh", "ssh+git")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a commit is read."""

    total_bytes: int = 512 << 20
    files: int = 50_000


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Revision:
    """The state of a folder of a checkout.

    `source` is `<host>/<repository>#<folder>` or `git:<first commit>#<folder>`, without `#` at the
    top of the repository; `path` is that folder. `is_dirty`: the folder differs from `commit`.
    `tree` is Git's name of the folder's content, the same in every commit that has it; empty where
    a file that Git knows was edited.
    """

    source: str
    commit: str
    is_dirty: bool
    path: str
    tree: str = ""


def describe(path: Path) -> Revision | None:
    """Describe the checkout that holds a folder (or a file's folder); None outside of one.

    None also before the first commit. Raises UsageError when git is needed and does not answer:
    silence would make the folder look like another source.
    """
    folder = path if path.is_dir() else path.parent
    if not any((above / ".git").exists() for above in _above(folder)):
        return None
    top = _git(folder, "rev-parse", "--show-prefix")
    if top.returncode:
        if b"not a git repository" in top.stderr:
            return None
        raise UsageError(
            f"{folder}: git: {_first_line(top.stderr)}; make the checkout readable to git"
        )
    prefix = os.fsdecode(top.stdout).strip("\n").rstrip("/")
    head = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if head.returncode:
        return None
    status = _run(
        folder,
        ("status", "--porcelain", "--ignore-submodules=dirty", "--", ".", ":(exclude).reconcile"),
    )
    repository = _repository(folder)
    return Revision(
        source=f"{repository}#{prefix}" if prefix else repository,
        commit=head.stdout.decode().strip(),
        is_dirty=bool(status.strip()),
        path=prefix,
        tree=_tree(folder, prefix, status),
    )


def _tree(folder: Path, prefix: str, status: bytes) -> str:
    """Name the content of a folder, unless a file that Git knows was edited."""
    if any(line and not line.startswith(b"?? ") for line in status.splitlines()):
        return ""
    found = _git(folder, "rev-parse", "--verify", "--quiet", f"HEAD:{prefix}")
    return found.stdout.decode().strip() if not found.returncode else ""


def top_of(path: Path) -> Path | None:
    """Return the top folder of the checkout that holds a folder; None outside of one."""
    return next((above for above in _above(path) if (above / ".git").exists()), None)


def at_head(top: Path, files: Iterable[Path]) -> dict[Path, bool]:
    """Tell of files below `top` that the last commit has whether they are as it has them."""
    wanted = {file: path for file in files if (path := _below(top, file))}
    if not wanted:
        return {}
    folder = os.path.commonpath([PurePosixPath(path).parent for path in wanted.values()])
    listed = ("ls-tree", "-r", "-z", "--name-only", "--full-tree", "HEAD", folder or ".")
    edited = ("diff", "-z", "--name-only", "--no-ext-diff", "--no-renames", "HEAD")
    known = frozenset(_run(top, listed).split(b"\0"))
    changed = frozenset(_run(top, (*edited, "--", f":(literal){folder}")).split(b"\0"))
    return {
        file: os.fsencode(path) not in changed
        for file, path in wanted.items()
        if os.fsencode(path) in known
    }


def _below(top: Path, file: Path) -> str:
    path = Path(os.path.normpath(file))
    return path.relative_to(top).as_posix() if path.is_relative_to(top) else ""


def extract(top: Path, ref: str, into: Path, *, limits: Limits = DEFAULT_LIMITS) -> str:
    """Write the files of a commit below an empty folder, and return the commit.

    Contents are written as they are stored: no filter, hook or attribute of the repository has a
    part in it. Links are written last, so that no file is written through one; submodules are left
    out. Raises UsageError for what is no commit, is too large, or has names that lead out.
    """
    found = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if found.returncode:
        raise UsageError(f"{ref}: git knows no such commit here; fetch it, or correct the name")
    commit = found.stdout.decode().strip()
    _write(top, commit, into, name=ref, limits=limits)
    return commit


def extract_tree(
    repository: Path, tree: str, into: Path, *, name: str, limits: Limits = DEFAULT_LIMITS
) -> None:
    """Write the files of a tree of a bare repository below an empty folder, as `extract` does.

    `name` is what errors call it. Raises UsageError also for a link that leads out of the folder.
    """
    links = _write(repository, tree, into, name=name, limits=limits, is_bare=True)
    top = into.resolve()
    for path in links:
        if not Path(os.path.realpath(into / path)).is_relative_to(top):
            raise UsageError(
                f"{path}: the symbolic link leaves the folder; copy what it points to, or remove it"
            )


def _write(
    top: Path, tree: str, into: Path, *, name: str, limits: Limits, is_bare: bool = False
) -> list[PurePosixPath]:
    """Write what a tree holds, and return which of it are links."""
    blobs: dict[PurePosixPath, tuple[str, str]] = {}
    total = 0
    for entry in _entries(top, tree, name=name, limits=limits, is_bare=is_bare):
        facts, _, raw = entry.partition(b"\t")
        mode, kind, blob, size = facts.decode().split()
        path = PurePosixPath(os.fsdecode(raw))
        if kind != "blob":
            continue
        if path.is_absolute() or {"..", ".git"}.intersection(path.parts) or path in blobs:
            raise UsageError(f"{name}: git: {path} is no name of a file; repair the repository")
        blobs[path] = (mode, blob)
        total += int(size)
        if total > limits.total_bytes:
            raise _too_much(name, limits)
    contents = _contents(top, sorted({blob for _, blob in blobs.values()}), is_bare=is_bare)
    links = {path: blob for path, (mode, blob) in blobs.items() if mode == _LINK}
    for path, (_, blob) in blobs.items():
        if path not in links:
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            (into / path).write_bytes(contents[blob])
    for path, blob in links.items():
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        (into / path).symlink_to(os.fsdecode(contents[blob]))
    return list(links)


def _entries(top: Path, tree: str, *, name: str, limits: Limits, is_bare: bool) -> Iterator[bytes]:
    """List the entries of a tree, and stop at a limit.

    A tree may hold one other tree many times over, and so have billions of entries in a few bytes.
    """
    command = ("ls-tree", "-r", "-z", "-l", "--full-tree", tree)
    with _started(top, command, is_bare=is_bare) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        count, rest = 0, b""
        while chunk := os.read(child.stdout.fileno(), _CHUNK):
            *entries, rest = (rest + chunk).split(b"\0")
            count += len(entries)
            if count > limits.files:
                raise _too_much(name, limits)
            yield from entries
        if child.wait():
            reason = _first_line(child.stderr.read())
            raise UsageError(f"{top}: git ls-tree: {reason}; repair the checkout")


@contextmanager
def _started(
    folder: Path, command: tuple[str, ...], *, is_bare: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """Start git for as long as the block lasts, and not for ever."""
    words, environment = _words(folder, command, is_bare=is_bare)
    try:
        child = subprocess.Popen(  # noqa: S603 - a list of words, and no shell
            words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError as error:
        raise _not_started(folder, error) from None
    timer = threading.Timer(TIMEOUT, child.kill)
    timer.start()
    try:
        with child:
            try:
                yield child
            finally:
                child.kill()
    finally:
        timer.cancel()


def _too_much(name: str, limits: Limits) -> UsageError:
    return UsageError(
        f"{name}: git: holds more than the {limits.files:,} files or the "
        f"{limits.total_bytes >> 20:,} MiB that are read; make it smaller"
    )


def _contents(top: Path, names: list[str], *, is_bare: bool) -> dict[str, bytes]:
    """Read blobs, all in one call."""
    asked = "".join(f"{name}\n" for name in names).encode()
    answer = _run(top, ("cat-file", "--batch"), asked, is_bare=is_bare)
    found: dict[str, bytes] = {}
    start = 0
    for name in names:
        end = answer.index(b"\n", start)
        header = answer[start:end].split()
        if len(header) != _HEADER_WORDS:
            raise UsageError(f"{top}: git: object {name} is missing; fetch the whole history")
        size = int(header[2])
        found[name] = answer[end + 1 : end + 1 + size]
        start = end + 1 + size + 1
    return found


def is_ancestor(path: Path, older: str, newer: str, *, is_bare: bool = False) -> bool | None:
    """Tell whether `newer` follows `older` or is it; None when the checkout cannot tell.

    It cannot for a commit it does not have, nor deny it in a shallow clone. With `is_bare` the path
    is a repository of our own without a checkout.
    """
    if not _COMMIT.fullmatch(older) or not _COMMIT.fullmatch(newer):
        return None
    folder = path if path.is_dir() else path.parent
    command = ("merge-base", "--is-ancestor", older, newer)
    answer = _git(folder, *command, is_bare=is_bare)
    if answer.returncode == 0:
        return True
    if answer.returncode == 1 and not _is_shallow(folder, is_bare=is_bare):
        return False
    return None


def normalise(url: str) -> str | None:
    """Reduce a remote's URL to `host/path`: no scheme, user, password, default port or `.git`.

    None for a path of this machine, which names nothing on another.
    """
    if "://" in url:
        try:
            parts = urlsplit(url)
            host, port, name = parts.hostname, parts.port, parts.path
        except ValueError:
            return None
        if parts.scheme not in _URL_SCHEMES:
            return None
        if port is not None and parts.scheme.startswith("http") and port not in {80, 443}:
            host = f"{host}:{port}"
    else:
        found = _SCP.fullmatch(url)
        if found is None:
            return None
        host, name = found[1].lower(), found[2]
    name = name.strip("/").removesuffix(".git").strip("/")
    return f"{host}/{name}" if host and name else None


def _repository(folder: Path) -> str:
    remote = _git(folder, "config", "--get", "remote.origin.url")
    known = normalise(os.fsdecode(remote.stdout).strip()) if not remote.returncode else None
    if known is not None:
        return known
    if _is_shallow(folder):
        raise UsageError(
            f"{folder}: git: a shallow clone without a remote URL has no name; fetch its history"
        )
    roots = _run(folder, ("rev-list", "--max-parents=0", "HEAD")).split()
    return f"git:{min(roots).decode()}"


def _is_shallow(folder: Path, *, is_bare: bool = False) -> bool:
    command = ("rev-parse", "--is-shallow-repository")
    return _run(folder, command, is_bare=is_bare).strip() == b"true"


def _run(
    folder: Path, command: tuple[str, ...], given: bytes = b"", *, is_bare: bool = False
) -> bytes:
    answer = _git(folder, *command, given=given, is_bare=is_bare)
    if answer.returncode:
        reason = _first_line(answer.stderr)
        raise UsageError(f"{folder}: git {command[0]}: {reason}; repair the checkout")
    return answer.stdout


def _git(
    folder: Path, *command: str, given: bytes = b"", is_bare: bool = False
) -> subprocess.CompletedProcess[bytes]:
    words, environment = _words(folder, command, is_bare=is_bare)
    try:
        return subprocess.run(  # noqa: S603 - a list of words, and no shell
            words,
            cwd=folder,
            env=environment,
            input=given,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{folder}: git {command[0]}: no answer in {TIMEOUT:.0f} s; try again"
        raise UsageError(message) from None
    except OSError as error:
        raise _not_started(folder, error) from None


def _words(
    folder: Path, command: tuple[str, ...], *, is_bare: bool
) -> tuple[list[str], dict[str, str]]:
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    if is_bare:
        settings.append(f"--git-dir={folder}")
    environment = {
        name: value
        for name in ("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR")
        if (value := os.environ.get(name)) is not None
    }
    environment |= {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    return ["git", "--no-pager", "--no-replace-objects", *settings, *command], environment


def _not_started(folder: Path, error: OSError) -> UsageError:
    reason = (error.strerror or type(error).__name__).lower()
    return UsageError(f"{folder}: git: it cannot be started ({reason}); install git")


def _above(folder: Path) -> tuple[Path, ...]:
    real = folder.resolve()
    return (real, *real.parents)


def _first_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else "it failed"
