"""FlyteConnections of the cluster as open backends, one for each, shared by all who may use it.

A connection is opened when it is first needed, and anew when its spec or one of its Secrets has
changed; passes that are under way finish on the old one.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from reconciler.api import connecting
from reconciler.backends import settings as settings_of
from reconciler.backends.auth import secret as secrets
from reconciler.backends.auth.tls import host_and_port
from reconciler.backends.kubernetes.access import kubeconfig_text
from reconciler.backends.kubernetes.client import Cluster
from reconciler.backends.port import Backend
from reconciler.backends.settings import DataPlane, Settings
from reconciler.engine.reach import ClusterSecrets
from reconciler.errors import DeniedError, ReconcilerError, UsageError
from reconciler.model.secret import Secret
from reconciler.operator import trust, words
from reconciler.operator.resources import Custom, Ref
from reconciler.operator.store import Store
from reconciler.operator.words import Reason
from reconciler.specs.connection import ConnectionSpec, SecretKey

_TLS_FIELDS = {
    "ca_secret_key_ref": "ca_file",
    "cert_secret_key_ref": "cert_file",
    "key_secret_key_ref": "key_file",
}
_AUTH_FIELDS = {"clientSecret": "client_secret", "token": "token", "apiKey": "api_key"}


class UnusableError(ReconcilerError):
    """A connection cannot be used; `reason` is that of the objects which need it.

    `is_gone` says that there is no such connection, so that nothing is to be waited for;
    `is_stalled` that somebody has to name one.
    """

    def __init__(
        self, reason: Reason, message: str, *, is_gone: bool = False, is_stalled: bool = False
    ) -> None:
        self.reason = reason
        self.is_gone = is_gone
        self.is_stalled = is_stalled
        super().__init__(message)


@dataclass(slots=True)
class Opened:
    """An open connection, for as many passes as there are; `mark` tells what it was opened from.

    `endpoint` is the same for two FlyteConnections that lead to one server. `identity` is who
    answers there, empty until somebody has asked.
    """

    ref: Ref
    spec: ConnectionSpec
    endpoint: str
    backend: Backend
    mark: tuple[object, ...]
    stack: AsyncExitStack = field(repr=False)
    identity: Mapping[str, str] = field(default_factory=dict)
    users: int = 0
    is_old: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator's owner decided: `permit` is asked before every write to Flyte.

    `observe` is told of every call to Flyte. `deadline` bounds each call in seconds, since a lease
    must outlive it. `home` is the operator's own namespace, whose connections serve others.
    """

    allowed: trust.Allowed = field(default_factory=trust.Allowed)
    permit: Callable[[], None] | None = None
    observe: Callable[[str, str, float], None] | None = None
    deadline: float = 15.0
    home: str = ""


class Connections:
    """Opens, shares and closes connections."""

    def __init__(self, store: Store, cluster: Cluster, rules: Rules) -> None:
        self._store = store
        self._cluster = cluster
        self._rules = rules
        self._opened: dict[tuple[Ref, bool], Opened] = {}
        self._locks: dict[tuple[Ref, bool], asyncio.Lock] = {}
        self.needs: dict[Ref, frozenset[tuple[str, str]]] = {}

    @property
    def allowed(self) -> trust.Allowed:
        """What the owner of the operator allows."""
        return self._rules.allowed

    def find(self, namespace: str, name: str) -> Custom:
        """Find a FlyteConnection: of a namespace, else of the operator's own.

        Raises UnusableError where there is none, or one that is being deleted.
        """
        for where in dict.fromkeys((namespace, self._rules.home)):
            found = self._store.get(Ref(words.CONNECTION, where, name))
            if found is not None and not found.deleted:
                return found
        raise UnusableError(
            Reason.DEPENDENCY,
            f"FlyteConnection {namespace}/{name} does not exist; create it",
            is_gone=True,
        )

    @asynccontextmanager
    async def use(self, custom: Custom, *, read_only: bool = False) -> AsyncIterator[Opened]:
        """Lend the open connection of a FlyteConnection; with `read_only` it writes nothing.

        Raises UnusableError where it may not be used, BackendError where its cluster or its
        server does not answer.
        """
        opened = await self._current(custom, read_only=read_only)
        opened.users += 1
        try:
            yield opened
        finally:
            opened.users -= 1
            if opened.is_old and not opened.users:
                await opened.stack.aclose()

    async def close(self) -> None:
        """Close everything."""
        for opened in list(self._opened.values()):
            await self._retire(opened)
        self._opened.clear()

    async def _current(self, custom: Custom, *, read_only: bool) -> Opened:
        spec = _spec(custom)
        why = trust.why_not(spec, self._rules.allowed)
        if why:
            raise UnusableError(Reason.SOURCE, f"FlyteConnection {_named(custom)}: {why}")
        name = (custom.ref, read_only)
        async with self._locks.setdefault(name, asyncio.Lock()):
            found = await self._secrets(custom, spec)
            marks = tuple(sorted((name, item.version) for name, item in found.items()))
            mark = (custom.uid, custom.generation, marks)
            known = self._opened.get(name)
            if known is not None and known.mark == mark:
                return known
            opened = await self._open(custom, spec, found, mark, read_only=read_only)
            if known is not None:
                await self._retire(known)
            self._opened[name] = opened
            return opened

    async def _retire(self, opened: Opened) -> None:
        opened.is_old = True
        if not opened.users:
            await opened.stack.aclose()

    async def _open(
        self,
        custom: Custom,
        spec: ConnectionSpec,
        found: Mapping[str, _Read],
        mark: tuple[object, ...],
        *,
        read_only: bool,
    ) -> Opened:
        stack = AsyncExitStack()
        async with contextlib.AsyncExitStack() as guard:
            guard.push_async_callback(stack.aclose)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reconcile-")))
            try:
                settings = self._settings(custom, found, folder)
            except UsageError as error:
                raise UnusableError(Reason.INVALID, str(error)) from None
            await self._check_reached(custom, "spec.endpoint", *host_and_port(settings.endpoint))
            plane = await self._data_plane(custom, spec, found)
            settings = replace(settings, data_plane=plane)
            backend = await stack.enter_async_context(
                connecting.open_backend(settings, str(spec.flyte), read_only=read_only)
            )
            guard.pop_all()
        return Opened(custom.ref, spec, settings.endpoint.lower(), backend, mark, stack)

    async def _check_reached(self, custom: Custom, field_name: str, host: str, port: int) -> None:
        """Refuse a name that leads into the operator's own machine or network."""
        try:
            await self._rules.allowed.check(trust.host_of(host), port)
        except DeniedError as error:
            raise UnusableError(
                Reason.SOURCE, f"FlyteConnection {_named(custom)}: {field_name}: {error}"
            ) from None

    async def _data_plane(
        self, custom: Custom, spec: ConnectionSpec, found: Mapping[str, _Read]
    ) -> DataPlane:
        """Find the cluster of a Flyte 1's tasks: one that a Secret leads to, else the operator's.

        The operator's own rights are lent to connections of its own namespace alone: whoever
        writes one chooses the namespaces that Secrets are written to.
        """
        plane = DataPlane(context=spec.secrets.context or "", namespace=spec.secrets.namespace)
        text = _given(found, "secrets.kubeconfig")
        if text is None:
            is_home = custom.ref.namespace == self._rules.home
            return replace(plane, access=self._cluster.access if is_home else None)
        try:
            way = await asyncio.to_thread(kubeconfig_text, text.secret, text.origin, plane.context)
        except UsageError as error:
            raise UnusableError(
                Reason.INVALID, f"FlyteConnection {_named(custom)}: {error}"
            ) from None
        host = trust.host_of(way.server.partition("://")[2].partition("/")[0])
        why = trust.why_not_host(host, self._rules.allowed)
        if why:
            raise UnusableError(
                Reason.SOURCE, f"FlyteConnection {_named(custom)}: {text.origin}: {why}"
            )
        await self._check_reached(custom, "spec.secrets", host, 443)
        return replace(plane, access=way)

    def _settings(self, custom: Custom, found: Mapping[str, _Read], folder: Path) -> Settings:
        """Read the settings; what is in Secrets is put in by value, certificates by file."""
        written = cast("dict[str, Any]", dict(custom.spec))
        tls = {
            name: value
            for name, value in cast("dict[str, Any]", written.get("tls") or {}).items()
            if not name.endswith("SecretKeyRef")
        }
        for reference, attribute in _TLS_FIELDS.items():
            read = found.get(f"tls.{reference}")
            if read is not None:
                path = folder / attribute
                path.write_bytes(read.value.reveal())
                path.chmod(0o600)
                tls[attribute.replace("_file", "File")] = str(path)
        place = f"FlyteConnection {_named(custom)}"
        given = {field: _given(found, f"auth.{name}") for field, name in _AUTH_FIELDS.items()}
        settings = settings_of.from_spec(
            {**written, "tls": tls},
            base=folder,
            chosen_by=place,
            given={field: value for field, value in given.items() if value is not None},
        )
        deadline = min(settings.deadline, timedelta(seconds=self._rules.deadline))
        return replace(
            settings,
            hmac_key=_given(found, "secrets.hmac_key"),
            deadline=deadline,
            permit=self._rules.permit,
            reaches=self._rules.allowed.check,
            # Whoever names the same client of the same server has not thereby its secret.
            keeps_tokens=False,
            observe=self._rules.observe,
        )

    async def _secrets(self, custom: Custom, spec: ConnectionSpec) -> dict[str, _Read]:
        references = dict(_references(spec))
        namespace = custom.ref.namespace
        self.needs[custom.ref] = frozenset((namespace, item.name) for item in references.values())
        found: dict[str, _Read] = {}
        for field_name, reference in references.items():
            read = await read_secret(self._cluster, namespace, reference)
            if isinstance(read, str):
                raise UnusableError(
                    Reason.DEPENDENCY,
                    f"FlyteConnection {_named(custom)}: Secret {namespace}/{reference.name}, key "
                    f"{reference.key}: {read}",
                )
            found[field_name] = read
        return found


@dataclass(frozen=True, slots=True)
class _Read:
    """A value of a Secret, and the version of the Secret that it is from."""

    value: Secret[bytes]
    version: str
    origin: str


async def read_secret(cluster: Cluster, namespace: str, reference: SecretKey) -> _Read | str:
    """Read one key of a Secret; a text says why there is none."""
    found = await cluster.get(f"/api/v1/namespaces/{namespace}/secrets/{reference.name}")
    if found is None:
        return "there is no such Secret"
    encoded = (found.get("data") or {}).get(reference.key)
    if encoded is None:
        return "the Secret has no such key"
    try:
        value = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return "its value is not base64"
    origin = f"Secret {namespace}/{reference.name}, key {reference.key}"
    return _Read(Secret(value), str(found["metadata"]["resourceVersion"]), origin)


async def values_of(
    cluster: Cluster, namespace: str, references: frozenset[tuple[str, str]]
) -> ClusterSecrets:
    """Read the keys of Secrets that declared secrets name, all in the namespace of the objects."""
    found: dict[tuple[str, str], Secret[bytes] | str] = {}
    for name, key in sorted(references):
        read = await read_secret(cluster, namespace, SecretKey(name=name, key=key))
        found[name, key] = read if isinstance(read, str) else read.value
    return found


def _references(spec: ConnectionSpec) -> Iterator[tuple[str, SecretKey]]:
    sources = {
        "auth.client_secret": spec.auth.client_secret,
        "auth.token": spec.auth.token,
        "auth.api_key": spec.auth.api_key,
        "secrets.hmac_key": spec.secrets.hmac_key,
    }
    if spec.secrets.kubeconfig_secret_key_ref is not None:
        yield "secrets.kubeconfig", spec.secrets.kubeconfig_secret_key_ref
    for name, source in sources.items():
        if source is not None and source.secret_key_ref is not None:
            yield name, source.secret_key_ref
    for attribute in _TLS_FIELDS:
        reference = getattr(spec.tls, attribute)
        if reference is not None:
            yield f"tls.{attribute}", reference


def _given(found: Mapping[str, _Read], name: str) -> secrets.Given | None:
    read = found.get(name)
    if read is None:
        return None
    try:
        text = read.value.reveal().decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise UnusableError(
            Reason.INVALID, f"{read.origin}: is not text; store the bare value"
        ) from None
    return secrets.Given(Secret(text), read.origin)


def _spec(custom: Custom) -> ConnectionSpec:
    if custom.declared is None:
        raise UnusableError(
            Reason.DEPENDENCY,
            f"FlyteConnection {_named(custom)} has an error; see its conditions",
        )
    return cast("ConnectionSpec", custom.declared.spec)


def _named(custom: Custom) -> str:
    return f"{custom.ref.namespace}/{custom.ref.name}"
