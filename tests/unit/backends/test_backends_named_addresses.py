"""Addresses that a Flyte or a server of archives names are asked about before anything is sent."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import https_kit
import pytest
from backends_servers import FlyteServer, TokenEndpoint
from flyteidl.admin import version_pb2
from flyteidl2.cluster import payload_pb2

from reconciler.backends.auth import secret
from reconciler.backends.flyte1 import channel, methods
from reconciler.backends.flyte2 import channel as channel2
from reconciler.backends.flyte2 import methods as methods2
from reconciler.backends.flyte2.routing import Routes
from reconciler.backends.packages import uploads
from reconciler.backends.settings import Auth, AuthMode, Settings
from reconciler.engine.reach import Reach
from reconciler.errors import DeniedError
from reconciler.model.attachment import Upload
from reconciler.model.interface import Unread
from reconciler.model.key import Key, Place
from reconciler.model.secret import Secret
from reconciler.model.traits import Verb
from reconciler.operator.trust import Allowed
from reconciler.plan.plan import Action
from reconciler.sources import archive

SECRETS = payload_pb2.SelectClusterRequest.OPERATION_USE_SECRETS
LOCAL = "is the operator's own machine"


def untrusted(settings: Settings, *allowed: str, **changes: Any) -> Settings:
    """Settings as the operator has them for a FlyteConnection."""
    return replace(settings, reaches=Allowed(hosts=allowed).check, keeps_tokens=False, **changes)


def client(value: str) -> Auth:
    given = secret.Given(Secret(value), "test")
    return Auth(mode=AuthMode.CLIENT_CREDENTIALS, client_id="robot", client_secret=given)


async def test_server_of_flyte2_does_not_lead_to_a_metadata_service(flyte: FlyteServer) -> None:
    async def answer(_request: Any, _context: Any) -> Any:
        return payload_pb2.SelectClusterResponse(cluster_endpoint="http://169.254.169.254:80")

    flyte.on(methods2.SELECT_CLUSTER, answer)
    async with (
        channel2.connect(untrusted(flyte.settings()), read_only=True) as opened,
        Routes(opened) as routes,
    ):
        with pytest.raises(DeniedError, match=LOCAL):
            await routes.to(Place("p", "d"), SECRETS)


@pytest.mark.usefixtures("announce")
async def test_client_secret_is_not_sent_to_this_machine_unless_its_owner_says_so(
    flyte: FlyteServer, token_endpoint: TokenEndpoint
) -> None:
    async def version(_request: Any, _context: Any) -> Any:
        return version_pb2.GetVersionResponse()

    flyte.on(methods.GET_VERSION, version)

    async def ask(settings: Settings) -> None:
        async with channel.connect(settings, read_only=True) as opened:
            await opened.call(methods.GET_VERSION, version_pb2.GetVersionRequest())

    with pytest.raises(DeniedError, match=LOCAL):
        await ask(untrusted(flyte.settings(auth=client("one"))))
    assert token_endpoint.tokens == []
    await ask(untrusted(flyte.settings(auth=client("one")), "127.0.0.1"))
    assert token_endpoint.tokens == ["token-1"]


@pytest.mark.usefixtures("announce")
async def test_token_of_one_connection_is_not_found_by_another(
    flyte: FlyteServer, token_endpoint: TokenEndpoint, cache_home: Path
) -> None:
    """A kept token is named after endpoint and client, which anybody can name, and no secret."""

    async def version(_request: Any, _context: Any) -> Any:
        return version_pb2.GetVersionResponse()

    flyte.on(methods.GET_VERSION, version)
    for value in ("right", "wrong"):
        settings = untrusted(flyte.settings(auth=client(value)), "127.0.0.1")
        async with channel.connect(settings, read_only=True) as opened:
            await opened.call(methods.GET_VERSION, version_pb2.GetVersionRequest())

    assert len(token_endpoint.tokens) == 2
    assert not (cache_home / "reconcile" / "tokens").exists()


async def test_upload_does_not_go_to_this_machine(flyte: FlyteServer) -> None:
    async def ask(_wanted: uploads.Wanted) -> uploads.Location:
        return uploads.Location("http://127.1:9/bucket/code.tgz?sig=abc", "s3://b/code.tgz", {})

    key = Key("FlyteTask", "p", "d", "t")
    action = Action(id="1", key=key, verb=Verb.REGISTER, call="CreateTask")
    given = uploads.Uploads({"code": Upload("root", "code.tgz", {"": b"content"})})
    proxy = uploads.Proxy(untrusted(flyte.settings()), ask, lambda _: False)

    with pytest.raises(DeniedError, match=LOCAL) as caught:
        await uploads._upload(proxy, action, given.contents["code"], "")  # type: ignore[arg-type]
    assert "abc" not in str(caught.value)


def test_server_of_archives_leads_nowhere_but_where_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as made:
        made.addfile(tarfile.TarInfo("a"))
    content = packed.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    for elsewhere in ("http://169.254.169.254/latest", "https://user@127.0.0.1/x", "file:///etc"):
        leads = {"/far": elsewhere, "/near": "/a.tgz"}
        with https_kit.serving(tmp_path, {"/a.tgz": content}, leads) as (base, asked):
            reach = Reach(is_local=False, urls=frozenset({base}))
            load = {"base": tmp_path, "sha256": sha256, "why_not": reach.why_not}
            refused = archive.load(f"{base}/far", **load)  # type: ignore[arg-type]
            assert isinstance(refused, Unread)
            assert asked == ["/far"]
            found = archive.load(f"{base}/near", **load)  # type: ignore[arg-type]
            assert isinstance(found, archive.Archive), found
            assert asked == ["/far", "/near", "/a.tgz"]
        (tmp_path / "none/reconcile/archives" / sha256).unlink()


@pytest.mark.parametrize(
    "location",
    [
        "dist/package.tgz",
        "/etc/passwd",
        "file:///etc/passwd",
        "file://artifacts.example.com/etc/passwd",
        "http://artifacts.example.com/a.tgz",
        "https://other.example.com/a.tgz",
        "https://artifacts.example.com:8443/a.tgz",
        "https://user:password@artifacts.example.com/a.tgz",
        "https://artifacts.example.com@169.254.169.254/a.tgz",
        "https://artifacts.example.com.example.org/a.tgz",
        "https://artifacts.example.com\\@169.254.169.254/a.tgz",
        "https://artifacts.example.com/a.tgz::file:///etc/passwd",
        "https://artif\tacts.example.com/a.tgz",
        "simplecache::https://artifacts.example.com/a.tgz",
        "s3://bucket/a.tgz",
    ],
)
def test_archive_comes_from_an_allowed_address_alone(location: str) -> None:
    reach = Reach(is_local=False, urls=frozenset({"https://artifacts.example.com"}))

    said = reach.why_not(location)

    assert said
    assert "password@" not in said
    assert reach.why_not("https://artifacts.example.com/a.tgz") == ""
    assert reach.why_not("https://ARTIFACTS.example.com/a.tgz") == ""
