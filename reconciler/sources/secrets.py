"""Reads secret values from where a declaration says that they are.

Encrypted files are opened by the programs that people encrypt them with, `sops` and `age`, without
a shell; keys and values go through pipes and variables of the child, never through its arguments.
A token of an encrypted file is made of its ciphertext, so that a plan needs no key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from reconciler.errors import UsageError
from reconciler.model.document import Json
from reconciler.model.secret import CIPHERTEXT, REVISION, Content, Secret
from reconciler.sources import yaml

MAX_BYTES = 1024 * 1024
"""The most bytes of a value: what Kubernetes takes, where Flyte keeps it."""

MAX_CIPHERTEXT_BYTES = 5 * 1024 * 1024
_SECONDS = 60
_SHOWN = 300

Read = Callable[[], Secret[bytes]]


def from_environment(name: str, environ: Mapping[str, str]) -> Secret[bytes]:
    """Return the value of a variable; raises UsageError when it is not set, or empty."""
    value = environ.get(name)
    if value is None:
        raise UsageError(f"environment variable {name} is not set; export it before running")
    return _bounded(value.encode("utf-8", "surrogateescape"), f"environment variable {name}")


def from_file(path: Path) -> Secret[bytes]:
    """Return the bytes of a regular file; raises UsageError when there is none."""
    return _bounded(_bytes(path, MAX_BYTES), f"file {path.name}")


def once(read: Read) -> Content:
    """Describe a value whose changes nobody can see; it is written once."""
    return Content("", read, is_verifiable=False)


def named(revision: str, read: Read) -> Content:
    """Describe a value whose changes the declaration tells."""
    return Content(f"{REVISION} {revision}", read)


def hashed(key: Secret[str], read: Read) -> Content:
    """Describe a value by its keyed hash, which is taken now and again when it is written.

    Raises UsageError when the value is not to be had.
    """

    def token(value: Secret[bytes]) -> str:
        return hmac.new(key.reveal().encode(), value.reveal(), hashlib.sha256).hexdigest()

    planned = token(read())

    def again() -> Secret[bytes]:
        value = read()
        if not hmac.compare_digest(token(value), planned):
            raise UsageError("the value changed after the plan was made; run again")
        return value

    return Content(f"hmac {planned}", again)


def encrypted(path: Path, key: str, read: Read) -> Content:
    """Describe a value by its ciphertext: that of one key of a SOPS file, or of a whole file.

    Raises UsageError when the file cannot be read or has no such key.
    """

    def token() -> str:
        raw = _bytes(path, MAX_CIPHERTEXT_BYTES)
        cipher = _at(raw, key, path).encode() if key else raw
        return hashlib.sha256(cipher).hexdigest()

    planned = token()

    def again() -> Secret[bytes]:
        if token() != planned:
            raise UsageError(f"file {path.name} changed after the plan was made; run again")
        return read()

    return Content(f"{CIPHERTEXT} {planned}", again)


def open_age(path: Path, identity: Secret[bytes]) -> Secret[bytes]:
    """Decrypt a file of age; raises UsageError when it cannot be opened."""
    return _run(["age", "--decrypt", "--identity", "-", str(path)], stdin=identity, environ={})


def open_sops(path: Path, key: str, identity: Secret[bytes] | None) -> Secret[bytes]:
    """Decrypt a file of SOPS, or the value at `key`; raises UsageError when it cannot be opened."""
    extract = "".join(f'["{step}"]' for step in key.split(".")) if key else ""
    arguments = ["sops", "decrypt", *(("--extract", extract) if extract else ()), str(path)]
    environ = {} if identity is None else {"SOPS_AGE_KEY": identity.reveal().decode("ascii")}
    return _run(arguments, stdin=None, environ=environ)


def _run(
    arguments: list[str], *, stdin: Secret[bytes] | None, environ: Mapping[str, str]
) -> Secret[bytes]:
    program, path = arguments[0], arguments[-1]
    found = shutil.which(program)
    if found is None:
        raise UsageError(f"{path}: the program `{program}` opens it and is not there; install it")
    try:
        ended = subprocess.run(  # noqa: S603 - the program is fixed, and there is no shell
            [found, *arguments[1:]],
            input=stdin.reveal() if stdin is not None else b"",
            capture_output=True,
            timeout=_SECONDS,
            env={**os.environ, **environ},
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        # Without the error as cause: it holds the output.
        raise UsageError(f"{path}: `{program}` failed ({type(error).__name__})") from None
    if ended.returncode:
        said = " ".join(ended.stderr.decode("utf-8", "replace").split())[:_SHOWN]
        raise UsageError(f"{path}: `{program}` cannot open it ({said}); check the key")
    return _bounded(ended.stdout, path)


def _bounded(value: bytes, what: str) -> Secret[bytes]:
    if not value:
        raise UsageError(f"{what} is empty; store the secret there")
    if len(value) > MAX_BYTES:
        raise UsageError(f"{what} holds more than {MAX_BYTES:,} bytes, the most of a secret")
    return Secret(value)


def _bytes(path: Path, limit: int) -> bytes:
    try:
        # Without O_NONBLOCK, opening a pipe waits for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UsageError(f"file {path.name} is not a regular file")
            raw = file.read(limit + 1)
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise UsageError(f"file {path.name} cannot be read ({why}); correct the path") from None
    if len(raw) > limit:
        raise UsageError(f"file {path.name} is larger than {limit:,} bytes")
    return raw


def _at(raw: bytes, key: str, path: Path) -> str:
    documents, _ = yaml.parse(raw, file=path.name)
    value: Json = documents[0].value if len(documents) == 1 else None
    for step in key.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if not isinstance(value, str) or not value.startswith("ENC["):
        raise UsageError(f"file {path.name} has no encrypted text at {key}; correct the key")
    return value
