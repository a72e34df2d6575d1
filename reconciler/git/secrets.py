"""Bundles of secret values that a FlyteSync names, read from folders and variables of `serve`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from reconciler.git.faults import Fault, SourceError
from reconciler.model.secret import Secret
from reconciler.specs.git import Bundle, GitSpec

Values = Mapping[str, Secret[str]]

NAMES = ("username", "password", "identity", "known_hosts", "ca.crt", "secret", "token", "url")
"""What is looked for in the environment; keys of signers are files."""

_MOST_BYTES = 1 << 20


def bundles(spec: GitSpec) -> dict[str, Bundle]:
    """Name the bundles of a FlyteSync's `git` by their fields."""
    found = {
        "secretRef": spec.secret_ref,
        "verify.secretRef": spec.verify.secret_ref if spec.verify else None,
        "webhook.secretRef": spec.webhook.secret_ref if spec.webhook else None,
        "pullRequests.secretRef": spec.pull_requests.secret_ref if spec.pull_requests else None,
    }
    return {name: bundle for name, bundle in found.items() if bundle is not None}


def read_local(field: str, bundle: Bundle, *, base: Path) -> Values:
    """Read a bundle of this machine; raises SourceError where there is none."""
    if bundle.directory is not None:
        return _folder(field, base / bundle.directory)
    if bundle.env is not None:
        found = {
            name: Secret(os.environ[variable])
            for name in (*NAMES, "allowed_signers")
            if (variable := _variable(bundle.env, name)) in os.environ
        }
        if not found:
            raise _missing(field, f"no variable begins with {bundle.env}_", "set it")
        return found
    raise _missing(field, "a Kubernetes Secret is read by the operator", "write directory or env")


def _variable(prefix: str, name: str) -> str:
    return f"{prefix}_{name.replace('.', '_').upper()}"


def _folder(field: str, folder: Path) -> Values:
    """Read the files of a folder; those of a mounted Secret are links, beside hidden ones."""
    found: dict[str, Secret[str]] = {}
    try:
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or not path.is_file():
                continue
            if path.stat().st_size > _MOST_BYTES:
                raise _missing(field, f"{path.name} is larger than 1 MiB", "store the bare value")
            found[path.name] = Secret(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise _missing(field, f"{folder} holds what is not text", "store the bare value") from None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise _missing(field, f"{folder}: {reason}", "correct the path") from None
    return found


def _missing(field: str, what: str, fix: str) -> SourceError:
    place = field if field.startswith("notify") else f"git.{field}"
    return SourceError(Fault.CREDENTIALS, f"{place}: {what}; {fix}")
