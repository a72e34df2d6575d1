"""How one backend is reached: endpoint, TLS, identity, limits, and who chose them.

Built from the spec of a FlyteConnection (`from_spec`), from an existing config file
(`configfiles`) or from a bare endpoint (`for_endpoint`). Secrets are kept as references.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reconciler import errors
from reconciler.backends.auth import api_key, secret

if TYPE_CHECKING:
    from reconciler.backends.kubernetes.access import Access
    from reconciler.model.document import Json

_MESSAGE_BYTES = 64 * 1024 * 1024
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")
METADATA_KEY = re.compile(r"(?!grpc-|:)[a-z0-9_.-]+(?<!-bin)")
"""Names that call metadata may have for text values."""

_UNITS = (3600, 60, 1, 0.001)


class AuthMode(Enum):
    """How we prove who we are."""

    NONE = "None"
    TOKEN = "Token"  # noqa: S105 - the name of a mode
    CLIENT_CREDENTIALS = "ClientCredentials"
    PASSTHROUGH = "Passthrough"


Reaches = Callable[[str, int], Awaitable[None]]
"""Asked with the host and port of an address that a server named; raises DeniedError."""

API_KEY = "ApiKey"
"""A mode of specs alone: what a key says is client credentials."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Whom we trust and which certificate we show; `insecure` is plaintext."""

    insecure: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    insecure_skip_verify: bool = False


@dataclass(frozen=True, slots=True)
class Auth:
    """Identity by reference; `metadata_key` is empty for the key that the server advertises."""

    mode: AuthMode = AuthMode.NONE
    client_id: str = ""
    client_secret: secret.Reference | None = None
    token: secret.Reference | None = None
    scopes: tuple[str, ...] = ()
    audience: str = ""
    metadata_key: str = ""


NAMESPACE = "{project}-{domain}"


@dataclass(frozen=True, slots=True)
class DataPlane:
    """The cluster that runs the tasks of a Flyte 1, where their secrets are.

    `access` is a way to it that somebody found already; it counts before `kubeconfig`.
    """

    kubeconfig: secret.Reference | None = None
    context: str = ""
    namespace: str = NAMESPACE
    access: Access | None = field(default=None, repr=False, compare=False)

    @property
    def is_known(self) -> bool:
        """Whether there is a way to it."""
        return self.access is not None or self.kubeconfig is not None

    def namespace_of(self, project: str, domain: str) -> str:
        """Name the namespace of a project-domain."""
        return self.namespace.replace("{project}", project).replace("{domain}", domain)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything needed to open one connection.

    `per_second` of 0 means no limit. `chosen_by` says who picked this connection, for the first
    line of a plan. `hmac_key` is the key for hashes of secret values, `data_plane` says where those
    of a Flyte 1 are. `permit` is asked right before every write is sent and raises where nothing
    may be written any more. `reaches` is asked before anything is sent to an address that the
    server named. With `keeps_tokens` fetched tokens are kept between runs, for whoever has this
    machine's cache. `observe` is told of every call that was sent: its name, the code of its answer
    and the seconds that it took.
    """

    endpoint: str
    chosen_by: str
    tls: Tls = field(default_factory=Tls)
    auth: Auth = field(default_factory=Auth)
    in_flight: int = 16
    per_second: float = 0.0
    deadline: timedelta = timedelta(seconds=30)
    max_message_bytes: int = _MESSAGE_BYTES
    console: str = ""
    hmac_key: secret.Reference | None = None
    data_plane: DataPlane = DataPlane()
    permit: Callable[[], None] | None = field(default=None, repr=False, compare=False)
    reaches: Reaches | None = field(default=None, repr=False, compare=False)
    keeps_tokens: bool = True
    observe: Callable[[str, str, float], None] | None = field(
        default=None, repr=False, compare=False
    )

    async def check_address(self, named: str) -> None:
        """Ask whether an address that the server named may be used; raises DeniedError."""
        if self.reaches is None:
            return
        try:
            parts = urlsplit(named if "//" in named else f"//{named}")
            host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
        except ValueError:
            host, port = "", 0
        if not host:
            raise errors.DeniedError(f"{self.endpoint}: names an address that cannot be read")
        await self.reaches(host, port)

    @property
    def insecure(self) -> bool:
        """Whether the connection is plaintext."""
        return self.tls.insecure

    @property
    def is_loopback(self) -> bool:
        """Whether the endpoint is this machine, so that nothing leaves it."""
        return is_loopback(self.endpoint)

    def describe(self) -> dict[str, Json]:
        """Show the settings for people and machines; secrets appear as where they come from."""
        auth = self.auth
        return {
            "endpoint": self.endpoint,
            "chosenBy": self.chosen_by,
            "tls": {
                "insecure": self.tls.insecure,
                "caFile": _text(self.tls.ca_file),
                "certFile": _text(self.tls.cert_file),
                "keyFile": _text(self.tls.key_file),
                "insecureSkipVerify": self.tls.insecure_skip_verify,
            },
            "auth": {
                "mode": auth.mode.value,
                "clientId": auth.client_id or None,
                "clientSecret": _text(auth.client_secret),
                "token": _text(auth.token),
                "scopes": list(auth.scopes),
                "audience": auth.audience or None,
                "metadataKey": auth.metadata_key or None,
            },
            "limits": {
                "inFlight": self.in_flight,
                "perSecond": self.per_second,
                "deadline": f"{self.deadline.total_seconds():g}s",
                "maxMessageBytes": self.max_message_bytes,
            },
            "console": self.console or None,
            "secrets": {
                "hmacKey": _text(self.hmac_key),
                "kubeconfig": _text(self.data_plane.kubeconfig),
                "context": self.data_plane.context or None,
                "namespace": self.data_plane.namespace,
            },
        }


def for_endpoint(endpoint: str, *, chosen_by: str, insecure: bool = False) -> Settings:
    """Settings for `host:port` with every default; raises UsageError."""
    return Settings(
        endpoint=clean_endpoint(endpoint, place=chosen_by),
        chosen_by=chosen_by,
        tls=Tls(insecure=insecure),
    )


def from_spec(
    spec: Mapping[str, Json],
    *,
    base: Path,
    chosen_by: str,
    given: Mapping[str, secret.Reference] | None = None,
) -> Settings:
    """Read `FlyteConnection.spec`; relative files are below `base`. Raises UsageError.

    `given` are secrets of `auth` that somebody has read already, by their field.
    """
    reader = _Reader(chosen_by, base, given or {})
    limits = reader.mapping(spec, "limits")
    per_second = reader.number(limits, "perSecond", 0.0)
    in_flight = int(reader.number(limits, "inFlight", 16))
    if in_flight < 1 or per_second < 0:
        raise reader.error("limits", "inFlight must be at least 1 and perSecond at least 0")
    endpoint = clean_endpoint(reader.text(spec, "endpoint"), place=chosen_by)
    return Settings(
        endpoint=endpoint,
        chosen_by=chosen_by,
        tls=_tls(reader, reader.mapping(spec, "tls")),
        auth=_auth(reader, reader.mapping(spec, "auth"), endpoint),
        in_flight=in_flight,
        per_second=per_second,
        deadline=reader.duration(limits, "deadline", timedelta(seconds=30)),
        max_message_bytes=int(reader.number(limits, "maxMessageBytes", _MESSAGE_BYTES)),
        console=reader.text(spec, "console"),
    )


def hmac_key(value: Json, *, base: Path, chosen_by: str) -> secret.Reference | None:
    """Read `FlyteConnection.spec.secrets.hmacKey`; raises UsageError."""
    return _Reader(chosen_by, base).reference({"hmacKey": value}, "hmacKey")


def data_plane(secrets: Mapping[str, Json], *, base: Path, chosen_by: str) -> DataPlane:
    """Read where `FlyteConnection.spec.secrets` says that secrets are; raises UsageError."""
    reader = _Reader(chosen_by, base)
    path = reader.path(secrets, "kubeconfig")
    named = secrets.get("kubeconfigSecretKeyRef")
    other: dict[str, Json] = {"kubeconfigSecretKeyRef": {"secretKeyRef": named}} if named else {}
    return DataPlane(
        kubeconfig=secret.FromFile(path)
        if path is not None
        else reader.reference(other, "kubeconfigSecretKeyRef"),
        context=reader.text(secrets, "context"),
        namespace=reader.text(secrets, "namespace") or NAMESPACE,
    )


def clean_endpoint(endpoint: str, *, place: str) -> str:
    """Strip `dns:///` from an endpoint; raises UsageError where it is empty or a web address."""
    bare = endpoint.strip()
    for prefix in ("dns:///", "dns://", "dns:"):
        bare = bare.removeprefix(prefix)
    if not bare:
        raise errors.UsageError(f"{place}: endpoint: is missing; write host:port")
    scheme, found, rest = bare.partition("://")
    if found:
        host = rest.split("/")[0].rpartition("@")[2]  # never what stands before an @
        shown = host if ":" in host else f"{host}:443"
        shown_url = endpoint if "@" not in rest else f"{scheme}://{host}"
        raise errors.UsageError(
            f'{place}: endpoint: "{shown_url}" is a web address; write host:port, for '
            f'example "{shown}", and choose plaintext by tls.insecure, not by {scheme}'
        )
    if not bare.startswith("unix:") and re.search(r"[\s/]", bare):
        raise errors.UsageError(
            f'{place}: endpoint: "{endpoint}" has a path or a space; write host:port'
        )
    port = bare.rpartition(":")[2] if bare.count(":") == 1 or "]:" in bare else ""
    if not bare.startswith("unix:") and port and not _is_port(port):
        raise errors.UsageError(
            f'{place}: endpoint: "{endpoint}" has port "{port}"; ports run from 1 to 65535'
        )
    return bare


def is_loopback(endpoint: str) -> bool:
    """Whether `host[:port]` or `unix:path` is this machine, by its literal text."""
    if endpoint.startswith("unix:"):
        return True
    host = endpoint.rsplit(":", 1)[0] if endpoint.count(":") == 1 else endpoint
    if host.startswith("["):
        host = host[1:].split("]")[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text[:6]) <= 65535


def validate_tls(tls: Tls, *, place: str) -> Tls:
    """Return `tls`; raises UsageError where its fields contradict each other."""
    if tls.insecure and (tls.ca_file or tls.cert_file or tls.key_file or tls.insecure_skip_verify):
        raise errors.UsageError(
            f"{place}: tls: insecure means plaintext, which has no certificates; "
            "drop insecure, or drop the other tls fields"
        )
    if (tls.cert_file is None) != (tls.key_file is None):
        raise errors.UsageError(f"{place}: tls: certFile and keyFile belong together; give both")
    return tls


def validate_auth(auth: Auth, *, place: str) -> Auth:
    """Return `auth`; raises UsageError where its mode lacks something."""
    if auth.metadata_key and not METADATA_KEY.fullmatch(auth.metadata_key):
        raise errors.UsageError(
            f'{place}: auth.metadataKey: "{auth.metadata_key}" is no gRPC metadata key; '
            "use lower-case letters, digits, and . _ -, not ending in -bin"
        )
    if auth.mode is AuthMode.TOKEN and auth.token is None:
        raise errors.UsageError(
            f"{place}: auth: mode Token needs a token; write token: {{env: NAME}}"
        )
    if auth.mode is AuthMode.CLIENT_CREDENTIALS and not (auth.client_id and auth.client_secret):
        raise errors.UsageError(
            f"{place}: auth: mode ClientCredentials needs clientId and clientSecret; "
            "write clientSecret: {env: NAME} or {file: PATH}"
        )
    return auth


def _tls(reader: _Reader, tls: Mapping[str, Json]) -> Tls:
    of_cluster = next((name for name in tls if name.endswith("SecretKeyRef")), None)
    if of_cluster is not None:
        what = of_cluster.removesuffix("SecretKeyRef")
        raise reader.error(
            f"tls.{of_cluster}", f"is read by the operator only; outside a cluster write {what}File"
        )
    return validate_tls(
        Tls(
            insecure=reader.flag(tls, "insecure"),
            ca_file=reader.path(tls, "caFile"),
            cert_file=reader.path(tls, "certFile"),
            key_file=reader.path(tls, "keyFile"),
            insecure_skip_verify=reader.flag(tls, "insecureSkipVerify"),
        ),
        place=reader.place,
    )


def _api_key(
    reader: _Reader, auth: Mapping[str, Json], endpoint: str
) -> tuple[str, secret.Reference]:
    """Read who an API key is; it is never sent to another host than the one that it is for."""
    reference = reader.reference(auth, "apiKey")
    if reference is None:
        raise reader.error("auth", "mode ApiKey needs apiKey; write apiKey: {env: NAME}")
    found = api_key.read(reference, place=reader.place)
    host, wanted = api_key.host_of(endpoint), api_key.host_of(found.endpoint)
    if host != wanted:
        raise reader.error(
            "auth.apiKey",
            f"the key is for {wanted}, and this connection leads to {host}; use the key of that "
            "installation, or correct endpoint",
        )
    return found.client_id, found.client_secret


def _auth(reader: _Reader, auth: Mapping[str, Json], endpoint: str) -> Auth:
    mode = reader.text(auth, "mode") or AuthMode.NONE.value
    known = {each.value: each for each in AuthMode} | {API_KEY: AuthMode.CLIENT_CREDENTIALS}
    if mode not in known:
        raise reader.error("auth.mode", f'"{mode}" is unknown; use one of {", ".join(known)}')
    client_id = reader.text(auth, "clientId")
    client_secret = reader.reference(auth, "clientSecret")
    if mode == API_KEY:
        client_id, client_secret = _api_key(reader, auth, endpoint)
    scopes = auth.get("scopes") or []
    if not isinstance(scopes, list):
        raise reader.error("auth.scopes", "must be a list of names")
    return validate_auth(
        Auth(
            mode=known[mode],
            client_id=client_id,
            client_secret=client_secret,
            token=reader.reference(auth, "token"),
            scopes=tuple(str(scope) for scope in scopes),
            audience=reader.text(auth, "audience"),
            metadata_key=reader.text(auth, "metadataKey").lower(),
        ),
        place=reader.place,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Typed reads of a JSON mapping whose errors name the place; values are never shown."""

    place: str
    base: Path
    given: Mapping[str, secret.Reference] = field(default_factory=dict)

    def error(self, thing: str, wrong: str) -> errors.UsageError:
        return errors.UsageError(f"{self.place}: {thing}: {wrong}")

    def mapping(self, source: Mapping[str, Json], key: str) -> Mapping[str, Json]:
        value = source.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.error(key, "must be a mapping")
        return value

    def text(self, source: Mapping[str, Json], key: str) -> str:
        value = source.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.error(key, "must be text; quote it")
        return value

    def flag(self, source: Mapping[str, Json], key: str) -> bool:
        value = source.get(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.error(key, "must be true or false")
        return value

    def number(self, source: Mapping[str, Json], key: str, default: float) -> float:
        value = source.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(key, "must be a number")
        return value

    def duration(self, source: Mapping[str, Json], key: str, default: timedelta) -> timedelta:
        text = self.text(source, key)
        if not text:
            return default
        found = _DURATION.fullmatch(text)
        parts = [float(part or 0) for part in found.groups()] if found else [0.0]
        length = sum(part * unit for part, unit in zip(parts, _UNITS, strict=False))
        if not length:
            raise self.error(key, f'"{text}" is not a duration above zero; write for example 30s')
        return timedelta(seconds=length)

    def path(self, source: Mapping[str, Json], key: str) -> Path | None:
        text = self.text(source, key)
        return self.base / Path(text).expanduser() if text else None

    def reference(self, source: Mapping[str, Json], key: str) -> secret.Reference | None:
        value = source.get(key)
        if value is None:
            return None
        if key in self.given:
            return self.given[key]
        wrong = "must be one of {env: NAME}, {file: PATH}, {secretKeyRef: {name, key}}"
        if not isinstance(value, Mapping) or len(value) != 1:
            raise self.error(key, f"{wrong}; a value written here would be in Git for ever")
        match dict(value):
            case {"env": str(name)} if name:
                return secret.FromEnv(name)
            case {"file": str(path)} if path:
                return secret.FromFile(self.base / Path(path).expanduser())
            case {"secretKeyRef": {"name": str(name), "key": str(entry)}}:
                return secret.FromKubernetes(name, entry)
            case _:
                raise self.error(key, wrong)
