"""Settings from a FlyteConnection's spec, and what is said of a wrong one."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.backends import settings as connection
from reconciler.backends.auth import secret
from reconciler.model.document import Json

BASE = Path("/repository")


def read(**spec: Json) -> connection.Settings:
    return connection.from_spec(
        {"endpoint": "flyte.example.com:443", **spec}, base=BASE, chosen_by="conn.yaml"
    )


def test_defaults_are_safe() -> None:
    settings = read()

    assert settings == connection.Settings("flyte.example.com:443", "conn.yaml")
    assert not settings.insecure
    assert settings.in_flight == 16
    assert settings.deadline == timedelta(seconds=30)
    assert settings.max_message_bytes == 64 * 1024 * 1024


def test_every_field_of_the_language_is_read() -> None:
    settings = read(
        flyte="Auto",
        tls={"caFile": "ca.pem", "certFile": "/abs/c.pem", "keyFile": "k.pem", "insecure": False},
        auth={
            "mode": "ClientCredentials",
            "clientId": "robot",
            "clientSecret": {"file": "secret"},
            "token": None,
            "scopes": ["all", "offline"],
            "audience": "flyte",
        },
        limits={"inFlight": 4, "perSecond": 2.5, "deadline": "1m30s"},
        console="https://flyte.example.com",
    )

    assert settings.tls == connection.Tls(
        ca_file=BASE / "ca.pem", cert_file=Path("/abs/c.pem"), key_file=BASE / "k.pem"
    )
    assert settings.auth == connection.Auth(
        mode=connection.AuthMode.CLIENT_CREDENTIALS,
        client_id="robot",
        client_secret=secret.FromFile(BASE / "secret"),
        scopes=("all", "offline"),
        audience="flyte",
    )
    assert settings.in_flight == 4
    assert settings.per_second == 2.5
    assert settings.deadline == timedelta(seconds=90)
    assert settings.console == "https://flyte.example.com"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"env": "TOKEN"}, secret.FromEnv("TOKEN")),
        ({"file": "/run/token"}, secret.FromFile(Path("/run/token"))),
        ({"secretKeyRef": {"name": "a", "key": "b"}}, secret.FromKubernetes("a", "b")),
    ],
    ids=["env", "file", "secretKeyRef"],
)
def test_secrets_stay_references(written: Json, expected: secret.Reference) -> None:
    assert read(auth={"mode": "Token", "token": written}).auth.token == expected


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("dns:///flyte.example.com", "flyte.example.com"),
        ("localhost:30080", "localhost:30080"),
        (" h:1 ", "h:1"),
        ("[::1]:8089", "[::1]:8089"),
        ("unix:/run/flyte.sock", "unix:/run/flyte.sock"),
    ],
)
def test_endpoint_is_host_and_port(endpoint: str, expected: str) -> None:
    assert connection.clean_endpoint(endpoint, place="here") == expected


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("", "here: endpoint: is missing; write host:port"),
        ("dns:///", "here: endpoint: is missing; write host:port"),
        (
            "https://flyte.example.com/console",
            'here: endpoint: "https://flyte.example.com/console" is a web address; write host:port',
        ),
        ("h:port", 'here: endpoint: "h:port" has port "port"; ports run from 1 to 65535'),
        ("[::1]:99999", 'here: endpoint: "[::1]:99999" has port "99999"; ports run from'),
        ("h:1/path", 'here: endpoint: "h:1/path" has a path or a space; write host:port'),
    ],
    ids=["empty", "only-scheme", "web-address", "no-port", "large-port", "path"],
)
def test_wrong_endpoint_says_what_to_write(endpoint: str, message: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        connection.clean_endpoint(endpoint, place="here")

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("localhost:1", True),
        ("127.0.0.1:1", True),
        ("[::1]:1", True),
        ("unix:/x", True),
        ("flyte.example.com:443", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com:443", False),
    ],
)
def test_loopback_is_this_machine_only(endpoint: str, expected: bool) -> None:
    assert connection.is_loopback(endpoint) is expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"tls": {"insecure": True, "caFile": "x"}}, "tls: insecure means plaintext"),
        ({"tls": {"certFile": "x"}}, "tls: certFile and keyFile belong together"),
        ({"tls": []}, "tls: must be a mapping"),
        ({"tls": {"insecure": "yes"}}, "insecure: must be true or false"),
        ({"auth": {"mode": "Pkce"}}, 'auth.mode: "Pkce" is unknown; use one of None, Token, Cl'),
        ({"auth": {"mode": "Token"}}, "auth: mode Token needs a token"),
        ({"auth": {"mode": "ClientCredentials", "clientId": "a"}}, "needs clientId and clientS"),
        ({"auth": {"token": {"env": ""}}}, "token: must be one of {env: NAME}"),
        ({"auth": {"token": {"env": "A", "file": "B"}}}, "token: must be one of {env: NAME}"),
        ({"auth": {"metadataKey": "token-bin"}}, 'auth.metadataKey: "token-bin" is no gRPC'),
        ({"auth": {"scopes": "all"}}, "auth.scopes: must be a list"),
        ({"limits": {"deadline": "soon"}}, 'deadline: "soon" is not a duration above zero'),
        ({"limits": {"deadline": "0s"}}, 'deadline: "0s" is not a duration above zero'),
        ({"limits": {"inFlight": 0}}, "limits: inFlight must be at least 1"),
        ({"limits": {"inFlight": True}}, "inFlight: must be a number"),
        ({"endpoint": 5}, "endpoint: must be text"),
    ],
)
def test_wrong_spec_says_where_and_what(spec: dict[str, Json], message: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        read(**spec)

    assert str(caught.value).startswith("conn.yaml: ")
    assert message in str(caught.value)


def test_value_written_in_place_of_a_reference_is_refused_and_not_shown() -> None:
    with pytest.raises(errors.UsageError, match="would be in Git for ever") as caught:
        read(auth={"mode": "Token", "token": "canary-in-git"})

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1h", 3600), ("2m", 120), ("1h2m3s", 3723), ("500ms", 0.5), ("1.5s", 1.5)],
)
def test_deadline_is_a_go_duration(text: str, seconds: float) -> None:
    assert read(limits={"deadline": text}).deadline == timedelta(seconds=seconds)


def test_settings_load_neither_grpc_nor_http_clients() -> None:
    code = "import sys, reconciler.backends.configfiles as c; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "reconciler.backends.settings" in loaded
    assert not {"grpc", "aiohttp", "flyteidl"} & set(loaded)
