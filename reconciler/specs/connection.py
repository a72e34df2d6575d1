"""FlyteConnection: how to reach one Flyte. Secrets are references only; no inline value exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints
from pydantic_core import PydanticCustomError

from reconciler.specs.fields import (
    ENDPOINT,
    WEB,
    Choice,
    DomainOrAll,
    Duration,
    Many,
    ObjectName,
    Positive,
    ProjectOrAll,
    Text,
    VariableName,
)
from reconciler.specs.shape import Given, Shape, above_zero, fault, text_of

_PARTS = re.compile(r"\{(project|domain)\}")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


class Flyte(StrEnum):
    """The generation of Flyte behind an endpoint."""

    AUTO = "Auto"
    FLYTE1 = "Flyte1"
    FLYTE2 = "Flyte2"


class AuthMode(StrEnum):
    """How we say who we are."""

    NONE = "None"
    TOKEN = "Token"  # noqa: S105 - the name of a mode
    CLIENT_CREDENTIALS = "ClientCredentials"
    API_KEY = "ApiKey"
    PASSTHROUGH = "Passthrough"


class SecretKey(Shape):
    """A key of a Kubernetes Secret in the same namespace."""

    name: ObjectName
    """The name of the Secret."""

    key: Text
    """The key within it."""


class SecretSource(Shape):
    """Where a secret value is; never the value."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("env", "file", "secretKeyRef"),)

    env: VariableName | None = None
    """The name of an environment variable."""

    file: Text | None = None
    """The path of a file."""

    secret_key_ref: SecretKey | None = None
    """A key of a Kubernetes Secret in the same namespace."""


class Embedded(Shape):
    """A Flyte that we start ourselves."""

    path: Text = ".reconcile/embedded"
    """Where its data is, relative to reconcile.yaml."""


class Tls(Shape):
    """How the connection is encrypted."""

    insecure: bool = False
    """Speak plain text."""

    ca_file: Text | None = None
    """Certificates that sign the server's, as a PEM file; default: those of the system."""

    cert_file: Text | None = None
    """Our certificate, as a PEM file; needs keyFile."""

    key_file: Text | None = None
    """The key of our certificate, as a PEM file; needs certFile."""

    ca_secret_key_ref: SecretKey | None = None
    """In a cluster: a key of a Kubernetes Secret with what `caFile` is elsewhere."""

    cert_secret_key_ref: SecretKey | None = None
    """In a cluster: a key of a Kubernetes Secret with what `certFile` is elsewhere."""

    key_secret_key_ref: SecretKey | None = None
    """In a cluster: a key of a Kubernetes Secret with what `keyFile` is elsewhere."""

    insecure_skip_verify: bool = False
    """Accept whatever certificate the server shows."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse halves of a pair, and certificates on a connection that has none."""
        for ending in ("File", "SecretKeyRef"):
            pair = (f"cert{ending}", f"key{ending}")
            for one, other in (pair, pair[::-1]):
                if one in given and other not in given:
                    yield fault(f"needs {other} too", at=(one,), fix=f"add {other}")
        for what in ("ca", "cert", "key"):
            if f"{what}File" in given and f"{what}SecretKeyRef" in given:
                why = f"has no effect: {what}SecretKeyRef says it too"
                yield fault(why, at=(f"{what}File",), fix="keep one of the two")
        if given.get("insecure") is True:
            secret = ("caSecretKeyRef", "certSecretKeyRef", "keySecretKeyRef")
            for name in ("caFile", "certFile", "keyFile", *secret):
                if name in given:
                    why = "has no effect: insecure is true"
                    yield fault(why, at=(name,), fix="keep one of the two")
            if given.get("insecureSkipVerify") is True:
                why = "has no effect: insecure is true"
                yield fault(why, at=("insecureSkipVerify",), fix="keep one of the two")


class Auth(Shape):
    """How we say who we are."""

    mode: Choice[AuthMode] = AuthMode.NONE
    """None, Token (a bearer token), ClientCredentials (OAuth 2), ApiKey or Passthrough.

    An API key names a client of Flyte 2 with all that it needs in one text. Passthrough sends the
    headers that a program which uses the library gives.
    """

    client_id: Text | None = None
    """The OAuth 2 client, for ClientCredentials."""

    client_secret: SecretSource | None = None
    """Where the client's secret is: {env: NAME}, {file: PATH} or {secretKeyRef: {name, key}}."""

    token: SecretSource | None = None
    """Where the bearer token is: {env: NAME}, {file: PATH} or {secretKeyRef: {name, key}}."""

    api_key: SecretSource | None = None
    """Where the API key is: {env: NAME}, {file: PATH} or {secretKeyRef: {name, key}}."""

    scopes: Many[Text] = ()
    """The OAuth 2 scopes to ask for; default: those that the server names."""

    audience: Text | None = None
    """The OAuth 2 audience to ask for; default: the one that the server names."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Check that the mode has what it needs, and nothing that it does not use."""
        mode = given.get("mode", str(AuthMode.NONE))
        used = USED_BY.get(mode) if isinstance(mode, str) else None
        if used is None:
            return
        for name in used:
            if name in NEEDED and name not in given:
                yield fault(f"mode {mode} needs {name}", at=("mode",), fix=f"add {name}")
        for name in given:
            if name in _AUTH_FIELDS and name not in used and given[name] != []:
                right = " or ".join(m for m, fields in USED_BY.items() if name in fields)
                why = f"has no effect with mode {mode}"
                yield fault(why, at=(name,), fix=f"write mode: {right}, or remove it")


NEEDED = frozenset({"token", "clientId", "clientSecret", "apiKey"})
USED_BY: dict[str, tuple[str, ...]] = {
    "None": (),
    "Token": ("token",),
    "ClientCredentials": ("clientId", "clientSecret", "scopes", "audience"),
    "ApiKey": ("apiKey", "scopes", "audience"),
    "Passthrough": (),
}
_AUTH_FIELDS = frozenset(name for names in USED_BY.values() for name in names)


class ConnectionLimits(Shape):
    """How hard we press the server."""

    in_flight: Positive = 16
    """How many calls may wait for an answer at once."""

    per_second: Annotated[float, Field(ge=0)] = 0
    """How many calls may start in a second; 0 is without limit."""

    deadline: Duration = "30s"
    """How long one call may take."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse a deadline of nothing."""
        yield from above_zero(given, "deadline")


class ConnectionSecrets(Shape):
    """How secrets are kept, and how a change of their values is told."""

    at_most_one: ClassVar[tuple[tuple[str, ...], ...]] = (("kubeconfig", "kubeconfigSecretKeyRef"),)

    kubeconfig: Text | None = None
    """The kubeconfig file of the cluster that runs the tasks of a Flyte 1.

    FlyteSecret needs it there on the command line; the operator uses its own cluster without it.
    """

    kubeconfig_secret_key_ref: SecretKey | None = None
    """A key of a Kubernetes Secret that holds a kubeconfig; for the operator.

    It must hold its certificates and its token itself, and may name no files and no commands.
    """

    context: Text | None = None
    """The context of the kubeconfig; default: its current one."""

    namespace: Text = "{project}-{domain}"
    """The namespace of a project and domain in that cluster, as Flyte's namespace_mapping has it.

    It may hold `{project}` and `{domain}`.
    """

    hmac_key: SecretSource | None = None
    """A key for hashes of secret values, so that a changed value of `env` and `file` is seen.

    The hashes are kept in the ledger. Without it such values are written once. Flyte 1 needs none:
    values are compared with those in the cluster.
    """

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Check that the namespace's template gives a name of Kubernetes."""
        template = text_of(given, "namespace")
        if template is not None and not _NAMESPACE.fullmatch(_PARTS.sub("a", template)):
            why = f'"{template}" gives no name of a namespace'
            fix = "write lower-case letters, digits and `-`, with {project} and {domain}"
            yield fault(why, at=("namespace",), fix=fix, is_in_value=True)


class Served(Shape):
    """Who may use the connection in a cluster, and for what; an empty list is nobody."""

    namespaces: Many[Text] = ()
    """The namespaces whose objects may use it; `*` is all of them."""

    projects: Many[ProjectOrAll] = ()
    """The projects that they may touch; `*` is all of them."""

    domains: Many[DomainOrAll] = ()
    """The domains that they may touch; `*` is all of them."""


class ConnectionSpec(Shape):
    """One Flyte, and how to reach it."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("endpoint", "embedded", "config"),)

    endpoint: Annotated[str, StringConstraints(pattern=ENDPOINT)] | None = None
    """Host and port of the server, such as flyte.example.com:443."""

    embedded: Embedded | None = None
    """A Flyte that we start ourselves and stop at the end."""

    config: Text | None = None
    """A configuration file of flytectl, flytekit or the flyte SDK, which is read unchanged."""

    flyte: Choice[Flyte] = Flyte.AUTO
    """Auto (ask the server), Flyte1 or Flyte2."""

    tls: Tls = Tls()
    """How the connection is encrypted."""

    auth: Auth = Auth()
    """How we say who we are."""

    limits: ConnectionLimits = ConnectionLimits()
    """How hard we press the server."""

    console: Annotated[str, StringConstraints(pattern=WEB)] | None = None
    """The address of the web console, for links."""

    secrets: ConnectionSecrets = ConnectionSecrets()
    """How secrets are kept, and how a change of their values is told."""

    serves: Many[Served] = ()
    """Who may use the connection in a cluster, and for what; default: nobody."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse connection details where something else already says them."""
        for way in ("embedded", "config"):
            for name in ("tls", "auth"):
                if way in given and "endpoint" not in given and name in given:
                    why = f"is not allowed with {way}, which says how to connect"
                    yield fault(why, at=(name,), fix="remove it, or write endpoint instead")

    @classmethod
    def name_faults(cls, name: str, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse names that `--connection` reads as something else."""
        yield from super().name_faults(name, given)
        if name in RESERVED_NAMES:
            why = f'"{name}" is a connection that needs no declaration'
            yield fault(why, at=("metadata", "name"), fix="choose another name", is_in_value=True)


RESERVED_NAMES = ("embedded", "flytectl")
"""Names that `--connection` understands by itself."""
