"""Which hosts, sources and places a FlyteConnection of a cluster may name."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from reconciler.errors import DeniedError
from reconciler.model.key import Place
from reconciler.operator import trust
from reconciler.specs.connection import ConnectionSpec, Served

LOCAL = [
    "localhost:80",
    "LOCALHOST:80",
    "localhost.:80",
    "a.localhost:80",
    "127.0.0.1:80",
    "127.1:80",
    "127.0.0.1.:80",
    "2130706433:80",
    "0x7f000001:80",
    "0177.0.0.1:80",
    "0:80",
    "0.0.0.0:80",
    "169.254.169.254:80",
    "dns:///127.0.0.1:80",
    "224.0.0.1:80",
    "100.100.100.200:80",
    "[::1]:80",
    "[::]:80",
    "[::ffff:127.0.0.1]:80",
    "[::ffff:7f00:1]:80",
    "[::127.0.0.1]:80",
    "[fe80::1]:80",
    "[ff02::1]:80",
    "[64:ff9b::7f00:1]:80",
    "[2002:7f00:1::]:80",
    "[fd00:ec2::254]:80",
]
FOREIGN = ["flyte.example.com:443", "10.0.0.7:81", "[2001:db8::1]:443", "flyte:81"]
ANYBODY = trust.Allowed()


def connection(**spec: Any) -> ConnectionSpec:
    return ConnectionSpec.model_validate({"endpoint": "flyte.example.com:443"} | spec)


def given(endpoint: str) -> ConnectionSpec:
    """A spec as it would be if its own pattern let everything through."""
    return connection().model_copy(update={"endpoint": endpoint})


@pytest.mark.parametrize("endpoint", LOCAL)
def test_address_of_the_operator_needs_its_owner(endpoint: str) -> None:
    said = trust.why_not(given(endpoint), ANYBODY)

    assert said.startswith("spec.endpoint: ")
    assert "need --allow-host" in said
    host = trust.host_of(endpoint)
    assert trust.why_not(given(endpoint), trust.Allowed(hosts=(host,))) == ""


@pytest.mark.parametrize("endpoint", FOREIGN)
def test_other_addresses_may_be_named(endpoint: str) -> None:
    assert trust.why_not(given(endpoint), ANYBODY) == ""
    said = trust.why_not(given(endpoint), trust.Allowed(hosts=("another.example.com",)))
    assert "is not among the hosts that the operator may reach" in said


@pytest.mark.parametrize("endpoint", ["unix:80", "ipv4:80", "xds:80"])
def test_word_that_grpc_reads_as_a_scheme_is_no_host(endpoint: str) -> None:
    assert "is no name of a host here" in trust.why_not(connection(endpoint=endpoint), ANYBODY)


async def test_name_is_followed_to_where_it_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    leads = {"good.example.com": "192.0.2.1", "evil.example.com": "169.254.169.254"}

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (leads[host], port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    await ANYBODY.check("good.example.com", 443)
    with pytest.raises(DeniedError, match=r"evil\.example\.com leads to the operator's own"):
        await ANYBODY.check("evil.example.com", 443)
    await trust.Allowed(hosts=("evil.example.com",)).check("evil.example.com", 443)
    with pytest.raises(DeniedError, match=r"127\.1 is the operator's own machine"):
        await ANYBODY.check("127.1", 443)


SOURCES = {
    "embedded": {"endpoint": None, "embedded": {}},
    "config": {"endpoint": None, "config": "/etc/flyte/config.yaml"},
    "tls.caFile": {"tls": {"caFile": "/etc/passwd"}},
    "tls.certFile": {"tls": {"certFile": "/a", "keyFile": "/b"}},
    "auth.token": {"auth": {"mode": "Token", "token": {"env": "AWS_SECRET"}}},
    "auth.clientSecret": {
        "auth": {"mode": "ClientCredentials", "clientId": "a", "clientSecret": {"file": "/a"}}
    },
    "auth.apiKey": {"auth": {"mode": "ApiKey", "apiKey": {"env": "FLYTE_API_KEY"}}},
    "secrets.hmacKey": {"secrets": {"hmacKey": {"file": "/etc/machine-id"}}},
    "secrets.kubeconfig": {"secrets": {"kubeconfig": "~/.kube/config"}},
}


@pytest.mark.parametrize(("field", "spec"), SOURCES.items(), ids=SOURCES)
def test_file_or_variable_of_the_operator_is_refused(field: str, spec: dict[str, Any]) -> None:
    said = trust.why_not(connection(**spec), ANYBODY)

    assert said.startswith(f"spec.{field}: ")


def test_every_source_of_a_connection_is_among_those_that_are_checked() -> None:
    """A field that is added to the language with `env` and `file` must be added here too."""
    from reconciler.specs.connection import Auth, ConnectionSecrets, SecretSource

    found = {
        f"{prefix}.{field.alias or name}"
        for prefix, model in (("auth", Auth), ("secrets", ConnectionSecrets))
        for name, field in model.model_fields.items()
        if SecretSource in getattr(field.annotation, "__args__", ())
    }

    assert len(found) == 4
    assert found <= SOURCES.keys()


HERE = Place("ranking", "production")
SERVES: list[tuple[dict[str, Any], Place, bool]] = [
    ({}, HERE, False),
    ({"namespaces": ["team"]}, HERE, False),
    ({"namespaces": ["team"], "projects": ["ranking"]}, HERE, False),
    ({"namespaces": ["team"], "projects": ["ranking"], "domains": ["production"]}, HERE, True),
    ({"namespaces": ["other"], "projects": ["*"], "domains": ["*"]}, HERE, False),
    ({"namespaces": ["team"], "projects": ["rank"], "domains": ["*"]}, HERE, False),
    ({"namespaces": ["team"], "projects": ["*"], "domains": ["staging"]}, HERE, False),
    ({"namespaces": ["*"], "projects": ["*"], "domains": ["*"]}, HERE, True),
    ({"namespaces": ["team"], "projects": ["ranking"], "domains": ["a"]}, Place("ranking"), False),
    ({"namespaces": ["team"], "projects": ["ranking"], "domains": ["*"]}, Place("ranking"), True),
    ({"namespaces": ["team"], "projects": ["ranking"], "domains": ["*"]}, Place(""), False),
    ({"namespaces": ["team"], "projects": ["*"], "domains": ["a"]}, Place("", "a"), True),
    ({"namespaces": ["team"], "projects": ["*"], "domains": ["a"]}, Place(""), False),
]


@pytest.mark.parametrize(("served", "place", "expected"), SERVES)
def test_connection_serves_whom_it_names_and_nobody_else(
    served: dict[str, Any], place: Place, expected: bool
) -> None:
    spec = connection().model_copy(update={"serves": (Served.model_validate(served),)})

    assert trust.serves(spec, "team", place) is expected
