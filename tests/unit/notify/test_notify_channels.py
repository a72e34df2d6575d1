"""Each way of saying something, on real sockets, and without a secret in any error."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from email import message_from_string
from typing import Any

import pytest
from notify_kit import inbox, post, told

from reconciler.errors import BackendError, UnavailableError
from reconciler.model.secret import Secret
from reconciler.notify.channels import send
from reconciler.notify.occasions import Message
from reconciler.notify.signature import sign
from reconciler.serve.signatures import Delivery, Key, is_by
from reconciler.specs.git import ForgeName
from reconciler.specs.notify import NotifySpec, Occasion

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
CANARY = "canary-4711"
MESSAGE = Message(
    set_name="team",
    occasion=Occasion.FAILED,
    title="team is not as declared: InvalidSpec",
    text="a.yaml:1: <!channel> wrong & <@U1>",
    at=NOON,
    reason="InvalidSpec",
    revision="main@sha1:4f2a",
    names=("FlyteLaunchPlan/p/d/a",),
    more=3,
)


def spec(**way: Any) -> NotifySpec:
    return NotifySpec.model_validate(way)


def slack() -> NotifySpec:
    return spec(slack={"secretRef": {"env": "CHAT"}})


def mail(port: int, **more: Any) -> NotifySpec:
    base = {"to": ["a@example.com", "b@example.com"], "from": "flyte@example.com"}
    return spec(email={**base, "host": "127.0.0.1", "port": port, "security": "None", **more})


async def test_webhook_gets_json_that_is_signed() -> None:
    secret = Secret(CANARY)
    async with inbox() as box:
        await send(spec(webhook={"url": f"{box.url}/x"}), MESSAGE, {"secret": secret})
        ((body, headers),) = box.got
    assert told(body) == {
        "formatVersion": "1.0",
        "id": MESSAGE.id,
        "set": "team",
        "occasion": "Failed",
        "title": MESSAGE.title,
        "text": MESSAGE.text,
        "at": "2026-05-01T12:00:00Z",
        "reason": "InvalidSpec",
        "revision": "main@sha1:4f2a",
        "objects": ["FlyteLaunchPlan/p/d/a"],
        "more": 3,
    }
    assert headers["X-Reconcile-Delivery"] == MESSAGE.id
    assert CANARY not in str(headers)
    lower = {name.lower(): text for name, text in headers.items()}
    key = Key(forge=ForgeName.GENERIC, secret=secret)
    assert is_by(Delivery(headers=lower, body=body), key, now=time.time()), (
        "serve takes its own signature"
    )


async def test_webhook_without_a_secret_is_not_signed() -> None:
    async with inbox() as box:
        target = spec(webhook={"secretRef": {"env": "HOOK"}})
        await send(target, MESSAGE, {"url": Secret(f"{box.url}/secret-path\n")})
        ((_, headers),) = box.got
    assert "X-Reconcile-Signature" not in headers


async def test_chat_gets_text_that_calls_nobody() -> None:
    async with inbox() as box:
        await send(slack(), MESSAGE, {"url": Secret(f"{box.url}/{CANARY}")})
        ((body, _),) = box.got
    text = json.loads(body)["text"]
    assert text.splitlines()[0] == "*team is not as declared: InvalidSpec*"
    assert "&lt;!channel&gt; wrong &amp; &lt;@\u2060U1&gt;" in text
    assert "<" not in text


@pytest.mark.parametrize(
    ("code", "error"), [(500, UnavailableError), (429, UnavailableError), (404, BackendError)]
)
async def test_answers_that_say_no_are_errors_without_the_address(
    code: int, error: type[BackendError]
) -> None:
    async with inbox() as box:
        box.codes = [code]
        with pytest.raises(error) as raised:
            await send(slack(), MESSAGE, {"url": Secret(f"{box.url}/{CANARY}")})
    assert str(code) in str(raised.value)
    assert CANARY not in str(raised.value)
    assert (type(raised.value) is UnavailableError) == (error is UnavailableError)


async def test_redirection_is_not_followed() -> None:
    async with inbox() as box:
        box.codes = [302]
        with pytest.raises(BackendError, match="answered 302"):
            await send(slack(), MESSAGE, {"url": Secret(box.url)})
        assert len(box.got) == 1


@pytest.mark.parametrize("url", ["ftp://x/y", "file:///etc/passwd", "nothing", ""])
async def test_address_has_to_be_one(url: str) -> None:
    with pytest.raises(BackendError, match="slack: url is no address"):
        await send(slack(), MESSAGE, {"url": Secret(url)})


async def test_bundle_has_to_hold_the_address() -> None:
    with pytest.raises(BackendError, match="slack: its bundle holds no url"):
        await send(slack(), MESSAGE, {})


async def test_nobody_there_may_pass() -> None:
    with pytest.raises(UnavailableError) as raised:
        await send(slack(), MESSAGE, {"url": Secret(f"http://127.0.0.1:1/{CANARY}")})
    assert CANARY not in str(raised.value)
    with pytest.raises(UnavailableError):
        await send(mail(1), MESSAGE, {})


async def test_host_that_is_not_allowed_is_not_asked() -> None:
    async def refuse(host: str, _port: int) -> None:
        raise BackendError(f"{host}: is not allowed")

    async with inbox() as box, post() as office:
        with pytest.raises(BackendError, match="not allowed"):
            await send(slack(), MESSAGE, {"url": Secret(box.url)}, permit=refuse)
        with pytest.raises(BackendError, match="not allowed"):
            await send(mail(office.port), MESSAGE, {}, permit=refuse)
        assert box.got == []
        assert office.said == []


async def test_mail_is_plain_text_to_everybody() -> None:
    async with post() as office:
        await send(mail(office.port), MESSAGE, {})
    (text,) = office.mails
    found = message_from_string(text)
    assert found["Subject"] == MESSAGE.title
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["Message-ID"] == f"<{MESSAGE.id}@flyte.reconciler.dev>"
    assert len(office.recipients) == 2
    assert "- and 3 more" in found.get_payload()


async def test_title_is_one_line() -> None:
    message = Message(
        set_name="t", occasion=Occasion.FAILED, title="a\r\nBcc: x@y.z\n", text="", at=NOON
    )
    async with post() as office:
        await send(mail(office.port), message, {})
    assert message_from_string(office.mails[0])["Subject"] == "a Bcc: x@y.z"
    assert len(office.recipients) == 2


async def test_password_is_never_sent_in_clear() -> None:
    values = {"username": Secret("u"), "password": Secret(CANARY)}
    async with post() as office:
        with pytest.raises(BackendError, match="in clear") as raised:
            await send(mail(office.port), MESSAGE, values)
        assert office.said == []
    assert CANARY not in str(raised.value)


async def test_server_without_encryption_gets_nothing() -> None:
    async with post() as office:
        target = mail(office.port, security="StartTLS")
        with pytest.raises(BackendError):
            await send(target, MESSAGE, {"username": Secret("u"), "password": Secret(CANARY)})
        assert office.mails == []
        assert CANARY not in str(office.said)


async def test_refused_recipient_is_an_error_without_what_the_server_said() -> None:
    async with post() as office:
        office.refuses = True
        with pytest.raises(BackendError) as raised:
            await send(mail(office.port), MESSAGE, {})
    assert "canary" not in str(raised.value)


def test_signature_is_over_time_and_body() -> None:
    secret = Secret("k")
    one = sign(secret, b"a", now=1)
    assert one.startswith("t=1,v1=")
    assert len({one, sign(secret, b"a", now=2), sign(secret, b"b", now=1)}) == 3
