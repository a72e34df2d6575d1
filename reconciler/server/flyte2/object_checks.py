"""What Kubernetes refuses of an object that the manager makes of an action."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reconciler.server.flyte2.go_text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flyteidl2.actions import actions_service_pb2 as wire
    from flyteidl2.task import run_pb2

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_KEY = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_NAME_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    f"for validation is '{_NAME.pattern}')"
)
_LABEL_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue', or 'my_value', "
    f"or '12345', regex used for validation is '{_LABEL.pattern}')"
)
_KEY_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName', or 'my.name', or '123-abc', regex used for "
    f"validation is '{_KEY.pattern}')"
)
_MAX_NAME = 253
_MAX_LABEL = 63
_MAX_OWN, _MAX_LONG = 30, 256


def reasons(name: str, action: wire.Action, run_spec: run_pb2.RunSpec | None) -> list[str]:
    """Why an action can have no object; `run_spec` is that of a root."""
    run = action.action_id.run
    found = [] if _NAME.fullmatch(name) else [_invalid("metadata.name", name, _NAME_RULE)]
    if len(name) > _MAX_NAME:
        found.append(_invalid("metadata.name", name, f"must be no more than {_MAX_NAME} bytes"))
    labels = dict.fromkeys((run.project, run.domain, run.name, action.action_id.name))
    found += _labels("metadata.labels", (), labels)
    if run_spec is not None:
        given = run_spec.labels.values
        found += _labels("metadata.labels", given, given.values())
        found += _labels("metadata.annotations", run_spec.annotations.values, ())
    return [*found, *_spec(action)]


def _labels(place: str, keys: Iterable[str], values: Iterable[str]) -> Iterator[str]:
    for key in keys:
        name = key.rpartition("/")[2]
        if len(name) > _MAX_LABEL:
            yield _invalid(place, key, f"name part must be no more than {_MAX_LABEL} characters")
        elif not _KEY.fullmatch(name):
            yield _invalid(place, key, _KEY_RULE)
    for value in values:
        if len(value) > _MAX_LABEL:
            yield _invalid(place, value, f"must be no more than {_MAX_LABEL} bytes")
        elif not _LABEL.fullmatch(value):
            yield _invalid(place, value, _LABEL_RULE)


def _spec(action: wire.Action) -> Iterator[str]:
    run, task = action.action_id.run, action.task
    needed = {
        "actionName": (action.action_id.name, _MAX_OWN),
        "runName": (run.name, _MAX_OWN),
        "project": (run.project, _MAX_LABEL),
        "domain": (run.domain, _MAX_LABEL),
    }
    if action.HasField("parent_action_name"):
        needed["parentActionName"] = (action.parent_action_name, _MAX_OWN)
    free = {
        "group": (action.group, _MAX_LONG),
        "cacheKey": (task.cache_key.value, _MAX_LONG),
        "taskType": (task.spec.task_template.type, _MAX_LABEL),
        "shortName": (task.spec.short_name, _MAX_LABEL),
    }
    for field, (value, limit) in {**needed, **free}.items():
        if len(value) > limit:
            yield f"spec.{field}: Too long: may not be more than {limit} bytes"
        elif field in needed and not value:
            rule = f"spec.{field} in body should be at least 1 chars long"
            yield _invalid(f"spec.{field}", value, rule)


def _invalid(place: str, value: str, rule: str) -> str:
    return f"{place}: Invalid value: {quoted(value)}: {rule}"
