"""Notifications of a trigger's runs: the rules of Flyte 2 and the words of the language."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any, cast

from reconciler.model.document import Json, filled
from reconciler.specs.running import Phase
from reconciler.specs.trigger import EmailText, HttpMethod, TriggerNotification

_PHASES = {
    Phase.SUCCEEDED: "ACTION_PHASE_SUCCEEDED",
    Phase.FAILED: "ACTION_PHASE_FAILED",
    Phase.ABORTED: "ACTION_PHASE_ABORTED",
    Phase.TIMED_OUT: "ACTION_PHASE_TIMED_OUT",
}
_WORDS: Mapping[str, str] = {name: str(phase) for phase, name in _PHASES.items()}
_METHOD = "HTTP_METHOD_"

SUBJECT = "Run {{.Run.Name}} {{.Phase}}"
TEXT = (
    "Run: {{.Run.Name}}\nProject/Domain: {{.Run.Project}}/{{.Run.Domain}}\n"
    "Phase: {{.Phase}}\nError: {{.Error}}\n"
)
"""What an e-mail says unless told otherwise: the texts of the SDK."""


def rule_of(item: TriggerNotification) -> dict[str, Json]:
    """Write one notification as an InlineRule."""
    phases: list[Json] = [_PHASES[phase] for phase in item.phases]
    rule: dict[str, Json] = {"onPhases": phases}
    if item.delivery is not None:
        rule["deliveryConfigName"] = item.delivery
    elif item.webhook is not None:
        webhook: dict[str, Json] = {
            "url": item.webhook.url,
            "method": f"{_METHOD}{item.webhook.method}",
            "headers": dict(item.webhook.headers),
            "bodyTemplate": item.webhook.body,
        }
        rule["deliveryTemplate"] = {"webhook": filled(webhook)}
    else:
        to: list[Json] = [{"address": address} for address in item.email or ()]
        message = item.message or EmailText(subject=SUBJECT, text=TEXT)
        rule["deliveryTemplate"] = {"email": {"to": to, "inline": _inline(message)}}
    return rule


def describe(rule: Mapping[str, Any]) -> dict[str, Json]:
    """Write an InlineRule in the words of the language; a part without words stays as it is."""
    shown: dict[str, Json] = {
        "phases": [_WORDS.get(phase, phase) for phase in rule.get("onPhases", [])]
    }
    match rule:
        case {"deliveryConfigName": str(name)}:
            shown["delivery"] = name
        case {"deliveryTemplate": {"webhook": dict(webhook), **rest}} if not rest:
            shown["webhook"] = _webhook(webhook)
        case {
            "deliveryTemplate": {"email": {"to": list(to), "inline": dict(inline), **more}, **rest}
        } if not rest and not more and all(set(one) == {"address"} for one in to):
            shown["email"] = [one["address"] for one in to]
            if inline != _inline(EmailText(subject=SUBJECT, text=TEXT)):
                shown["message"] = _message(inline)
        case _:
            shown |= {name: value for name, value in rule.items() if name != "onPhases"}
    return shown


def _inline(message: EmailText) -> dict[str, Json]:
    return {
        "subject": message.subject,
        "textTemplate": message.text,
        "htmlTemplate": message.html or _preformatted(message.text),
    }


def _preformatted(text: str) -> str:
    return f"<pre>{html.escape(text, quote=False)}</pre>"


def _message(inline: Mapping[str, Any]) -> dict[str, Json]:
    text = inline.get("textTemplate", "")
    shown: dict[str, Json] = {"subject": inline.get("subject", ""), "text": text}
    if inline.get("htmlTemplate") != _preformatted(text):
        shown["html"] = inline.get("htmlTemplate", "")
    return shown


def _webhook(webhook: Mapping[str, Any]) -> dict[str, Json]:
    shown: dict[str, Json] = {"url": webhook.get("url", "")}
    method = webhook.get("method", "").removeprefix(_METHOD)
    if method != HttpMethod.POST:
        shown["method"] = method
    if webhook.get("headers"):
        shown["headers"] = cast("dict[str, Json]", webhook["headers"])
    if webhook.get("bodyTemplate"):
        shown["body"] = webhook["bodyTemplate"]
    return shown
