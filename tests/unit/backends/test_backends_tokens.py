"""Who we are: bearer tokens, client credentials, one renewal, the cache, and no leak."""

from __future__ import annotations

import asyncio
import base64
import logging
import stat
from pathlib import Path
from typing import Any

import grpc
import pytest
from backends_servers import FlyteServer, TokenEndpoint
from flyteidl.admin import version_pb2

from reconciler import errors
from reconciler.backends.auth import secret, tokens
from reconciler.backends.flyte1 import channel, methods
from reconciler.backends.settings import Auth, AuthMode, Settings, Tls
from reconciler.backends.wire import channel as wire
from reconciler.backends.wire.channel import Channel

CANARY = "canary-7f3a-value"
KEY = "flyte-authorization"
VERSION = version_pb2.GetVersionRequest()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_BACK_OFF_SECONDS", 0.01)
    monkeypatch.setattr(tokens, "_BACK_OFF_SECONDS", 0.01)
    monkeypatch.setenv("CLIENT_SECRET", CANARY)


def client_credentials(**changes: Any) -> Auth:
    return Auth(
        mode=AuthMode.CLIENT_CREDENTIALS,
        client_id="robot",
        client_secret=secret.FromEnv("CLIENT_SECRET"),
        **changes,
    )


def accepting(*accepted: str) -> Any:
    async def answer(_request: Any, context: Any) -> Any:
        sent = dict(context.invocation_metadata())
        if (sent.get(KEY) or sent.get("authorization")) not in {f"Bearer {x}" for x in accepted}:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "transport: no")
        return version_pb2.GetVersionResponse()

    return answer


async def ask(settings: Settings, *, times: int = 1) -> Channel:
    async with channel.connect(settings, read_only=True) as open_channel:
        await asyncio.gather(
            *(open_channel.call(methods.GET_VERSION, VERSION) for _ in range(times))
        )
    return open_channel


async def test_token_is_sent_as_bearer(flyte: FlyteServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", CANARY)
    flyte.on(methods.GET_VERSION, accepting(CANARY))
    auth = Auth(mode=AuthMode.TOKEN, token=secret.FromEnv("TOKEN"))
    await ask(flyte.settings(auth=auth))

    assert flyte.metadata[0]["authorization"] == f"Bearer {CANARY}"


async def test_refused_token_is_reported_and_not_tried_again(
    flyte: FlyteServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", CANARY)
    flyte.on(methods.GET_VERSION, accepting("another"))
    auth = Auth(mode=AuthMode.TOKEN, token=secret.FromEnv("TOKEN"))
    with pytest.raises(errors.DeniedError, match=r"does not know who calls .*set auth"):
        await ask(flyte.settings(auth=auth))

    assert flyte.calls["AdminService.GetVersion"] == 1


async def test_rotated_token_file_is_read_again(flyte: FlyteServer, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old\n")
    auth = Auth(mode=AuthMode.TOKEN, token=secret.FromFile(path))
    flyte.on(methods.GET_VERSION, accepting("old"))
    async with channel.connect(flyte.settings(auth=auth), read_only=True) as open_channel:
        await open_channel.call(methods.GET_VERSION, VERSION)
        path.write_text("new\n")
        flyte.on(methods.GET_VERSION, accepting("new"))
        await open_channel.call(methods.GET_VERSION, VERSION)

    assert flyte.calls["AdminService.GetVersion"] == 3


async def test_missing_identity_is_reported_by_the_call(flyte: FlyteServer) -> None:
    flyte.on(methods.GET_VERSION, accepting("another"))
    with pytest.raises(errors.DeniedError, match="UNAUTHENTICATED"):
        await ask(flyte.settings())

    assert flyte.calls["AdminService.GetVersion"] == 1


@pytest.mark.usefixtures("announce")
async def test_client_credentials_follow_what_the_server_announces(
    flyte: FlyteServer, token_endpoint: TokenEndpoint
) -> None:
    flyte.on(methods.GET_VERSION, accepting("token-1"))
    await ask(flyte.settings(auth=client_credentials()), times=10)

    basic = base64.b64encode(f"robot:{CANARY}".encode()).decode()
    assert token_endpoint.requests == [
        {
            "grant_type": "client_credentials",
            "scope": "all",
            "audience": "flyte",
            "Authorization": f"Basic {basic}",
        }
    ]
    sent = [each for each in flyte.metadata if KEY in each]
    assert len(sent) == 10
    assert flyte.calls["AuthMetadataService.GetOAuth2Metadata"] == 1


@pytest.mark.usefixtures("announce")
async def test_own_scopes_audience_and_key_win(
    flyte: FlyteServer, token_endpoint: TokenEndpoint
) -> None:
    flyte.on(methods.GET_VERSION, accepting("token-1"))
    auth = client_credentials(scopes=("a", "b"), audience="own", metadata_key="authorization")
    await ask(flyte.settings(auth=auth))

    assert token_endpoint.requests[0]["scope"] == "a b"
    assert token_endpoint.requests[0]["audience"] == "own"
    assert flyte.metadata[-1]["authorization"] == "Bearer token-1"


@pytest.mark.usefixtures("announce")
async def test_refused_token_is_renewed_once_for_all_calls(
    flyte: FlyteServer, token_endpoint: TokenEndpoint
) -> None:
    flyte.on(methods.GET_VERSION, accepting("token-2"))
    await ask(flyte.settings(auth=client_credentials()), times=8)

    assert token_endpoint.tokens == ["token-1", "token-2"]


@pytest.mark.usefixtures("announce")
async def test_call_authenticates_again_exactly_once(
    flyte: FlyteServer, token_endpoint: TokenEndpoint
) -> None:
    flyte.on(methods.GET_VERSION, accepting("never"))
    with pytest.raises(errors.DeniedError):
        await ask(flyte.settings(auth=client_credentials()))

    assert flyte.calls["AdminService.GetVersion"] == 2
    assert token_endpoint.tokens == ["token-1", "token-2"]


@pytest.mark.usefixtures("announce")
async def test_token_is_replaced_before_it_expires(
    flyte: FlyteServer, token_endpoint: TokenEndpoint
) -> None:
    token_endpoint.lifetime = 0
    flyte.on(methods.GET_VERSION, accepting("token-1", "token-2"))
    async with channel.connect(
        flyte.settings(auth=client_credentials()), read_only=True
    ) as open_channel:
        await open_channel.call(methods.GET_VERSION, VERSION)
        await open_channel.call(methods.GET_VERSION, VERSION)

    assert token_endpoint.tokens == ["token-1", "token-2"]
    assert flyte.calls["AdminService.GetVersion"] == 2


@pytest.mark.usefixtures("announce")
async def test_token_is_kept_between_runs_for_its_owner_only(
    flyte: FlyteServer, token_endpoint: TokenEndpoint, cache_home: Path
) -> None:
    flyte.on(methods.GET_VERSION, accepting("token-1"))
    await ask(flyte.settings(auth=client_credentials()))
    await ask(flyte.settings(auth=client_credentials()))

    kept = list((cache_home / "reconcile" / "tokens").iterdir())
    assert token_endpoint.tokens == ["token-1"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600]
    assert CANARY not in kept[0].read_text()


@pytest.mark.usefixtures("announce")
@pytest.mark.parametrize("spoiling", ["readable", "garbage"])
async def test_spoiled_cache_is_not_trusted(
    flyte: FlyteServer, token_endpoint: TokenEndpoint, cache_home: Path, spoiling: str
) -> None:
    flyte.on(methods.GET_VERSION, accepting("token-1", "token-2"))
    await ask(flyte.settings(auth=client_credentials()))
    (kept,) = (cache_home / "reconcile" / "tokens").iterdir()
    if spoiling == "readable":
        kept.chmod(0o644)
    else:
        kept.write_text("[]")
    await ask(flyte.settings(auth=client_credentials()))

    assert token_endpoint.tokens == ["token-1", "token-2"]


@pytest.mark.usefixtures("announce")
async def test_disk_that_cannot_be_written_is_a_warning(
    flyte: FlyteServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Not a folder: nothing can be written below it, not even by root.
    monkeypatch.setenv("XDG_CACHE_HOME", __file__)
    flyte.on(methods.GET_VERSION, accepting("token-1"))
    await ask(flyte.settings(auth=client_credentials()))

    assert "access token not kept between runs" in caplog.text


async def test_server_without_authentication_gets_no_credentials(
    flyte: FlyteServer, token_endpoint: TokenEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    async def version(_request: Any, _context: Any) -> Any:
        return version_pb2.GetVersionResponse()

    flyte.on(methods.GET_VERSION, version)
    await ask(flyte.settings(auth=client_credentials()))

    assert not token_endpoint.requests
    assert KEY not in flyte.metadata[-1]
    assert "serves no authentication" in caplog.text


@pytest.mark.usefixtures("announce")
async def test_busy_token_endpoint_is_asked_again(
    flyte: FlyteServer, token_endpoint: TokenEndpoint
) -> None:
    token_endpoint.failures = 2
    flyte.on(methods.GET_VERSION, accepting("token-1"))
    await ask(flyte.settings(auth=client_credentials()))

    assert len(token_endpoint.requests) == 3


@pytest.mark.usefixtures("announce")
async def test_refused_client_is_denied_with_the_reason(
    flyte: FlyteServer, token_endpoint: TokenEndpoint
) -> None:
    token_endpoint.refusal = (401, {"error": "invalid_client", "other": CANARY})
    with pytest.raises(errors.DeniedError, match=r"HTTP 401 \(invalid_client\); check auth"):
        await ask(flyte.settings(auth=client_credentials()))


@pytest.mark.usefixtures("announce")
@pytest.mark.parametrize("value", ["", "two\nlines", "nön-ascii", 7, None], ids=repr)
async def test_token_that_no_header_can_carry_is_refused(
    flyte: FlyteServer, token_endpoint: TokenEndpoint, value: object
) -> None:
    token_endpoint.refusal = (200, {"access_token": value})
    with pytest.raises(errors.DeniedError, match="gives no token: HTTP 200"):
        await ask(flyte.settings(auth=client_credentials()))


async def test_secret_is_not_sent_over_plaintext_to_another_machine() -> None:
    settings = Settings("flyte.test:443", "test", tls=Tls(), auth=client_credentials())
    with pytest.raises(errors.DeniedError, match="is not https"):
        await tokens.fetch(settings, endpoint="http://idp.flyte.test/token", form={})


@pytest.mark.usefixtures("announce")
@pytest.mark.parametrize("refusal", [None, (400, {"error": "x"}), (500, {}), (200, {"a": 1})])
async def test_secret_and_token_are_in_no_text(
    flyte: FlyteServer,
    token_endpoint: TokenEndpoint,
    caplog: pytest.LogCaptureFixture,
    refusal: tuple[int, object] | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    token_endpoint.refusal = refusal

    async def echo(_request: Any, context: Any) -> Any:
        sent = dict(context.invocation_metadata()).get(KEY)
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, f"bad {sent}; {str(sent)[7:]} is bad")

    flyte.on(methods.GET_VERSION, echo)
    settings = flyte.settings(auth=client_credentials())
    with pytest.raises(errors.ReconcilerError) as caught:
        await ask(settings)

    error: BaseException | None = caught.value
    shown = [repr(settings), str(settings.describe()), caplog.text, str(error), repr(error)]
    for text in shown:
        assert CANARY not in text
        assert "token-1" not in text
        assert "token-2" not in text
