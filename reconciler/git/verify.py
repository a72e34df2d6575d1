"""Asks who signed a commit or a tag: one of the keys that were named, or nobody."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from reconciler.git import program, scratch
from reconciler.git.access import Way
from reconciler.git.faults import Fault, SourceError
from reconciler.git.mirror import Mirror
from reconciler.git.program import Call
from reconciler.model.secret import Secret

_SIGNERS = "allowed_signers"
_SECONDS = 30
_TAG = re.compile(rb"(?m)^tag (.*)$")


class Signed(StrEnum):
    """What has to be signed."""

    HEAD = "Head"
    TAG = "Tag"
    TAG_AND_HEAD = "TagAndHead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What has to be signed, and by whom: lines of allowed signers for ssh, public keys for GPG."""

    signed: Signed
    signers: str = ""
    keys: tuple[str, ...] = ()


def read(signed: Signed, values: Mapping[str, Secret[str]]) -> Trust:
    """Read the keys that a Secret or a folder holds; raises SourceError where it holds none."""
    signers = values[_SIGNERS].reveal() if _SIGNERS in values else ""
    keys = tuple(
        text.reveal() for name, text in sorted(values.items()) if name.endswith((".asc", ".gpg"))
    )
    if not signers.strip() and not keys:
        raise SourceError(
            Fault.CREDENTIALS,
            f"git.verify.secretRef: holds no keys; add {_SIGNERS}, or public keys as NAME.asc",
        )
    return Trust(signed=signed, signers=signers, keys=keys)


def check(mirror: Mirror, trust: Trust, *, commit: str, tag: str, tag_name: str) -> None:
    """Raise SourceError unless what has to be signed is, by one of the keys.

    `tag` is the tag's own object, empty where the commit was not reached by one.
    """
    with scratch.folder("keys") as made:
        way = _prepared(made, trust)
        call = Call(mirror=mirror.folder, way=way, limits=mirror.limits)
        if trust.signed is not Signed.HEAD:
            _check_tag(call, commit=commit, tag=tag, name=tag_name)
        if trust.signed is not Signed.TAG:
            _ask(("verify-commit", commit), call, f"commit {commit[:12]}")


def _check_tag(call: Call, *, commit: str, tag: str, name: str) -> None:
    if not tag or tag == commit:
        raise _unsigned("it was reached by no annotated tag, which alone can be signed")
    _ask(("verify-tag", tag), call, f"tag {name}")
    content = program.run(("cat-file", "tag", tag), call)
    found = _TAG.search(content)
    inner = found[1].decode("utf-8", "replace") if found else ""
    if inner != name:
        # Somebody who may write references could else give an old release a new name.
        raise _unsigned(f"tag {name} is the signed tag {inner} under another name")


def _ask(command: tuple[str, ...], call: Call, what: str) -> None:
    try:
        program.run(command, call)
    except SourceError as error:
        said = str(error).partition(": ")[2]
        shown = "" if said == "it failed" else f" ({said})"
        raise _unsigned(f"{what} is signed by no known key{shown}") from None


def _unsigned(why: str) -> SourceError:
    fix = "sign it with a key that git.verify knows; nothing of it is applied"
    return SourceError(Fault.SIGNATURE, f"git.verify: {why}; {fix}")


def _prepared(home: Path, trust: Trust) -> Way:
    """Write the keys where only this run of git looks, and nothing but them."""
    signers = home / _SIGNERS
    signers.write_text(trust.signers, encoding="utf-8")
    keyring = home / "gnupg"
    keyring.mkdir(mode=0o700)
    (keyring / "gpg.conf").write_text(
        "batch\nno-autostart\nno-auto-key-retrieve\nno-auto-key-locate\ntrust-model always\n"
    )
    environ = {"HOME": str(home), "GNUPGHOME": str(keyring)}
    if trust.keys:
        _import(trust.keys, environ)
    settings = (
        f"gpg.ssh.allowedSignersFile={signers}",
        "gpg.ssh.program=ssh-keygen",
        "gpg.ssh.revocationFile=",
        f"gpg.program={'gpg' if trust.keys else 'false'}",
        "gpg.x509.program=false",
        "gpg.minTrustLevel=undefined",
    )
    return Way(settings, environ)


def _import(keys: tuple[str, ...], environ: Mapping[str, str]) -> None:
    for key in keys:
        try:
            done = subprocess.run(
                ["gpg", "--quiet", "--import"],  # noqa: S607 - the gpg of the PATH
                env=program.environment(Way((), environ), ""),
                input=key.encode(),
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            raise SourceError(
                Fault.CREDENTIALS, "git.verify: gpg cannot be started; install gnupg"
            ) from None
        if done.returncode:
            raise SourceError(
                Fault.CREDENTIALS,
                "git.verify.secretRef: holds a key that gpg does not read; export it anew by "
                "`gpg --armor --export`",
            )
