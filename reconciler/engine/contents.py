"""Finds what declared secrets are to hold, before anything is resolved."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reconciler.engine.declaration import Declaration
from reconciler.errors import UsageError
from reconciler.model.secret import Content, Secret
from reconciler.sources import secrets
from reconciler.specs.connection import SecretKey
from reconciler.specs.secret import Age, Identity, Rotate, SecretSpec, Sops, ValueFrom
from reconciler.specs.sync import AllowedSources

HashKey = Callable[[], Secret[str] | None]
"""Gives the key for hashes of values, if the connection names one; raises UsageError."""


def read_contents(
    declaration: Declaration, key: HashKey | None = None, *, environ: Mapping[str, str] = os.environ
) -> Mapping[str, Content | str]:
    """Describe the content of every declared secret, by the place of its document.

    A failure is its reason. Without `key` nothing is read, and only what is not allowed is in it.
    """
    found: dict[str, Content | str] = {}
    for item in declaration.declared:
        if not isinstance(item.spec, SecretSpec):
            continue
        origin = item.document.origin
        base = declaration.cwd if origin.file == "-" else (declaration.cwd / origin.file).parent
        reader = _Reader(declaration, Path(base), environ)
        try:
            read = reader.reading(item.spec.value_from)
            if key is not None:
                found[str(origin)] = reader.content(item.spec, read, key)
        except UsageError as error:
            found[str(origin)] = str(error)
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads for one document, whose relative files are below `base`."""

    declaration: Declaration
    base: Path
    environ: Mapping[str, str]

    @property
    def _allowed(self) -> AllowedSources:
        return self.declaration.sync.secrets.allow

    def content(self, spec: SecretSpec, read: secrets.Read, key: HashKey) -> Content:
        """Choose what tells a change."""
        source = spec.value_from
        if spec.rotate is not Rotate.ON_CHANGE:
            return secrets.named(spec.rotate.value, read)
        if spec.revision is not None:
            return secrets.named(spec.revision, read)
        if source.sops is not None:
            return secrets.encrypted(self._path(source.sops.file), source.sops.key or "", read)
        if source.age is not None:
            return secrets.encrypted(self._path(source.age.file), "", read)
        hmac_key = key()
        return secrets.once(read) if hmac_key is None else secrets.hashed(hmac_key, read)

    def reading(self, source: ValueFrom) -> secrets.Read:
        """Make what gives the value; raises UsageError for what may not be read."""
        if source.secret_key_ref is not None:
            return self._cluster_secret(source.secret_key_ref)
        if not self.declaration.reach.is_local:
            raise UsageError(
                "the operator reads neither its environment nor files; write valueFrom.secretKeyRef"
            )
        if source.env is not None:
            return self._variable(source.env)
        if source.file is not None:
            return self._file(source.file)
        if source.sops is not None:
            return self._sops(source.sops)
        if source.age is not None:
            return self._age(source.age)
        raise AssertionError(source)

    def _cluster_secret(self, reference: SecretKey) -> secrets.Read:
        values = self.declaration.reach.secrets
        if values is None:
            raise UsageError(
                "a Kubernetes Secret is read by the operator only; name another source"
            )
        value = values.get((reference.name, reference.key), "was not looked up")
        if isinstance(value, str):
            raise UsageError(f"key {reference.key} of Secret {reference.name}: {value}")
        return lambda: value

    def _variable(self, name: str) -> secrets.Read:
        if name not in self._allowed.env:
            raise UsageError(
                f"environment variable {name} may not be read; "
                f"add it to secrets.allow.env of the FlyteSync"
            )
        return partial(secrets.from_environment, name, self.environ)

    def _file(self, name: str) -> secrets.Read:
        path = self._path(name)
        allowed = {_plain(self.declaration.base / item) for item in self._allowed.file}
        if path not in allowed:
            raise UsageError(
                f"file {name} may not be read; add it to secrets.allow.file of the FlyteSync"
            )
        return partial(secrets.from_file, path)

    def _sops(self, source: Sops) -> secrets.Read:
        path, key = self._path(source.file), source.key or ""
        if source.identity is None:
            return partial(secrets.open_sops, path, key, None)
        identity = self._identity(source.identity)
        return lambda: secrets.open_sops(path, key, identity())

    def _age(self, source: Age) -> secrets.Read:
        path, identity = self._path(source.file), self._identity(source.identity)
        return lambda: secrets.open_age(path, identity())

    def _identity(self, source: Identity) -> secrets.Read:
        if source.env is not None:
            return self._variable(source.env)
        assert source.file is not None
        return self._file(source.file)

    def _path(self, name: str) -> Path:
        return _plain(self.base / Path(name).expanduser())


def _plain(path: Path) -> Path:
    """Take `.` and `..` out of a path, without a look at the disk."""
    return Path(os.path.normpath(path.absolute()))
