"""The ways of saying something: a webhook, a chat, a mail. Addresses of chats are secrets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import smtplib
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from reconciler.errors import BackendError, UnavailableError
from reconciler.model.secret import Secret
from reconciler.notify.occasions import Message
from reconciler.notify.signature import sign
from reconciler.specs.notify import EmailTarget, MailSecurity, NotifySpec, WebhookTarget

FORMAT_VERSION = "1.0"
"""Of the JSON of webhooks: a new minor adds fields, a new major breaks."""

SECONDS = 10.0
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_MAIL_LINE = 200
_MAIL_SECONDS = 3 * SECONDS
_CALLS = re.compile(r"(?<!\w)@(?=\w)|:(?=//)|\](?=\()")
_JOINER = "\u2060"
"""Has no width, and parts `@` from a name, and a scheme from an address."""


Values = Mapping[str, Secret[str]]


Permit = Callable[[str, int], Awaitable[None]]
"""Says whether a host and port may be written to; raises BackendError where they may not."""


async def anywhere(_host: str, _port: int) -> None:
    """Allow every host: those that the owner of the process named."""


async def send(
    spec: NotifySpec, message: Message, values: Values, *, permit: Permit = anywhere
) -> None:
    """Say something over the one way that a spec names.

    Raises UnavailableError for what may pass, BackendError for what will not; neither tells a
    secret.
    """
    if spec.webhook is not None:
        await _webhook(spec.webhook, message, values, permit)
    elif spec.slack is not None:
        body = json.dumps({"text": chat_text(message)}).encode()
        await _post("slack", _url("slack", values), body, {}, permit)
    else:
        assert spec.email is not None
        await permit(spec.email.host, spec.email.port)
        await _beside(spec.email, message, values)


def as_json(message: Message) -> dict[str, Any]:
    """Write a message as webhooks get it."""
    return {
        "formatVersion": FORMAT_VERSION,
        "id": message.id,
        "set": message.set_name,
        "occasion": str(message.occasion),
        "title": message.title,
        "text": message.text,
        "at": message.at.isoformat().replace("+00:00", "Z"),
        "reason": message.reason,
        "revision": message.revision,
        "objects": list(message.names),
        "more": message.more,
    }


def chat_text(message: Message) -> str:
    """Write a message for a chat, so that nothing of others calls people or makes links."""
    text = "\n".join((f"*{_bare(message.title)}*", *map(_bare, message.lines())))
    return text[:4000]


def _bare(text: str) -> str:
    """Escape what chats read as markup: Slack's is in brackets, that of others in plain text."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _CALLS.sub(lambda found: f"{found[0]}{_JOINER}", text)


async def _webhook(target: WebhookTarget, message: Message, values: Values, permit: Permit) -> None:
    body = json.dumps(as_json(message)).encode()
    headers = {"X-Reconcile-Delivery": message.id}
    if "secret" in values:
        headers["X-Reconcile-Signature"] = sign(values["secret"], body, now=time.time())
    url = Secret(str(target.url)) if target.url is not None else _url("webhook", values)
    await _post("webhook", url, body, headers, permit)


def _url(way: str, values: Values) -> Secret[str]:
    url = values.get("url")
    if url is None:
        raise BackendError(f"{way}: its bundle holds no url; add it")
    return Secret(url.reveal().strip())


async def _post(
    way: str, url: Secret[str], body: bytes, headers: Mapping[str, str], permit: Permit
) -> None:
    parts = urlsplit(url.reveal())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BackendError(f"{way}: url is no address by https; correct it")
    await permit(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.post(
                url.reveal(),
                data=body,
                headers={"Content-Type": "application/json", **headers},
                allow_redirects=False,
            ) as answer,
        ):
            code = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        # An error of the client may hold the address, and with it the secret.
        raise UnavailableError(f"{way}: {parts.hostname}: {type(error).__name__}") from None
    if code in _PASSING:
        raise UnavailableError(f"{way}: {parts.hostname}: answered {code}")
    if code >= 300:
        raise BackendError(f"{way}: {parts.hostname}: answered {code}; correct its address")


async def _beside(target: EmailTarget, message: Message, values: Values) -> None:
    """Send a mail in a thread that nobody waits for, neither others nor the end of the process."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def end(error: BaseException | None) -> None:
        if ended.done():
            return
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)

    def work() -> None:
        error: BaseException | None = None
        try:
            _mail(target, message, values)
        except Exception as caught:  # noqa: BLE001 - raised again where it is waited for
            error = caught
        with contextlib.suppress(RuntimeError):  # of a loop that is closed
            loop.call_soon_threadsafe(end, error)

    threading.Thread(target=work, name="mail", daemon=True).start()
    try:
        async with asyncio.timeout(_MAIL_SECONDS):
            await ended
    except TimeoutError:
        raise UnavailableError(f"email: {target.host}: no end in {_MAIL_SECONDS:.0f} s") from None


def _mail(target: EmailTarget, message: Message, values: Values) -> None:
    mail = EmailMessage()
    mail["Subject"] = " ".join(message.title.split())[:_MAIL_LINE]
    mail["From"] = target.sender
    mail["To"] = ", ".join(target.to)
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = f"<{message.id}@flyte.reconciler.dev>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join(message.lines()))
    is_secret = "username" in values
    if is_secret and target.security is MailSecurity.NONE:
        raise BackendError("email: security: None would send the password in clear; write StartTLS")
    try:
        _deliver(target, mail, values if is_secret else {})
    except (smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError, OSError) as error:
        raise UnavailableError(f"email: {target.host}: {type(error).__name__}") from None
    except smtplib.SMTPException as error:
        raise BackendError(f"email: {target.host}: {_answer(error)}") from None


def _deliver(target: EmailTarget, mail: EmailMessage, values: Values) -> None:
    context = ssl.create_default_context()
    if target.security is MailSecurity.TLS:
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            target.host, target.port, timeout=SECONDS, context=context
        )
    else:
        server = smtplib.SMTP(target.host, target.port, timeout=SECONDS)
    with server:
        if target.security is MailSecurity.START_TLS:
            server.starttls(context=context)
        if values:
            password = values.get("password", Secret(""))
            server.login(values["username"].reveal().strip(), password.reveal().strip())
        server.send_message(mail)


def _answer(error: smtplib.SMTPException) -> str:
    """Name what a server said by its code: its text may repeat what was sent."""
    code = getattr(error, "smtp_code", None)
    return f"{type(error).__name__}{f' {code}' if code else ''}"
