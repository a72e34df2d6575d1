"""Notifications of launch plans and of declared runs, in each of their forms.

The normal form is `{phases, email | pagerDuty | slack}`: phases as flyteidl names them, and a list
of e-mail addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from flyteidl.admin import common_pb2
from flyteidl.core import execution_pb2

from reconciler.model.document import Json, filled
from reconciler.specs.launch_plan import Notification
from reconciler.specs.run import RunNotification

_Phase = execution_pb2.WorkflowExecution.Phase
_WORDS = {
    "SUCCEEDED": "Succeeded",
    "FAILED": "Failed",
    "ABORTED": "Aborted",
    "TIMED_OUT": "TimedOut",
}
_PHASES = {word: phase for phase, word in _WORDS.items()}


def declared(item: Notification | RunNotification) -> dict[str, Json]:
    """Turn a declared one into its normal form."""
    phases: list[Json] = [_PHASES[str(phase)] for phase in item.phases]
    ways: dict[str, Json] = {
        "email": list(item.email or ()),
        "pagerDuty": list(item.pager_duty or ()),
        "slack": list(item.slack or ()),
    }
    return {"phases": phases, **filled(ways)}


def described(item: Mapping[str, Any]) -> dict[str, Json]:
    """Write a normal form in the words of the language."""
    return {**item, "phases": [_WORDS.get(phase, phase) for phase in item["phases"]]}


def from_wire(message: common_pb2.Notification) -> dict[str, Json]:
    """Turn a stored one into its normal form."""
    phases: list[Json] = [_Phase.Name(phase) for phase in message.phases]
    found: dict[str, Json] = {"phases": phases}
    match message.WhichOneof("type"):
        case "email":
            found["email"] = list[Json](message.email.recipients_email)
        case "pager_duty":
            found["pagerDuty"] = list[Json](message.pager_duty.recipients_email)
        case "slack":
            found["slack"] = list[Json](message.slack.recipients_email)
        case _:
            pass
    return found


def fill(message: common_pb2.Notification, item: Mapping[str, Any]) -> None:
    """Write a normal form into a message."""
    message.phases.extend(
        cast("execution_pb2.WorkflowExecution.Phase", _Phase.Value(phase))
        for phase in item["phases"]
    )
    if "email" in item:
        message.email.recipients_email.extend(item["email"])
    elif "pagerDuty" in item:
        message.pager_duty.recipients_email.extend(item["pagerDuty"])
    elif "slack" in item:
        message.slack.recipients_email.extend(item["slack"])
