"""A live trigger of Flyte 2 as a FlyteTrigger.

Its document is proven by resolving it again. Inputs are offloaded, so that their content is known
only where a run tells it; without it the document leaves them out and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from reconciler.backends.flyte2.trigger import inputs, normal
from reconciler.backends.flyte2.trigger.describe import describe
from reconciler.export.document import Exported, LeftOut, document
from reconciler.model.document import Document, Json, filled
from reconciler.model.interface import Missing, Task, Unread, Want
from reconciler.model.key import Key, Place
from reconciler.model.live import Object
from reconciler.model.origin import Origin, Severity
from reconciler.model.resource import Resource, State
from reconciler.plan.diff import diff
from reconciler.resolve.context import Adapter, Context
from reconciler.schedule import rate
from reconciler.specs.trigger import KICKOFF_KEY
from reconciler.specs.validate import validate
from reconciler.values.canonical import canonical
from reconciler.values.decode import decode
from reconciler.values.problem import NotExpressibleError

KIND = "FlyteTrigger"

_ADOPT = "adopt: true takes it over"
_UNKNOWN = "its inputs are known to Flyte alone, since no run has shown them yet"


class _NotSayableError(Exception):
    """The language has no words for some part of a live trigger."""


def want(key: Key, live: Object) -> Want | None:
    """Say which task must be looked up to write a trigger out, if its version is known."""
    task = _body(live).get("task", {})
    if "version" not in task:
        return None
    return Want(key.project, key.domain, task["name"], version=task["version"])


def export(
    key: Key, live: Object, *, name: str, context: Context, adapter: Adapter
) -> Exported | LeftOut:
    """Write one trigger as a document named `name`, with a note on what it would change."""
    try:
        task = _task(key, live, context)
        made = document(KIND, name, _place(key, name, context) | _content(live, task))
    except _NotSayableError as error:
        return LeftOut(key, str(error))
    resource, fault = _resolve(made, context, adapter)
    if resource is None:
        unread = "" if _are_known(live) else f"; {_UNKNOWN}"
        return LeftOut(key, f"it cannot be declared as it is: {fault}{unread}")
    live = _recognised(key, live, resource)
    if not _are_known(live):
        note = f"{_UNKNOWN}; declare them, or {_ADOPT} with those of the task"
        return Exported(key, made, (note,))
    changed = _difference(resource, live, adapter)
    notes = (f"declaring it changes {changed}, so {_ADOPT}",) if changed else ()
    return Exported(key, made, notes)


def _body(live: Object) -> dict[str, Any]:
    return cast("dict[str, Any]", live.body or {})


def _recognised(key: Key, live: Object, resource: Resource) -> Object:
    """Take the declared inputs for the live ones where that is proven."""
    if "inputs" not in resource.body or "inputs" not in _body(live):
        return live
    proven = inputs.recognised(_body(live)["inputs"], resource.body["inputs"])
    body = {**_body(live), "inputs": proven}
    return replace(live, body=body, digest=normal.content_digest(key.name, body))


def _are_known(live: Object) -> bool:
    found = _body(live).get("inputs", {"literals": {}})
    return "literals" in found or "inline" in found


def _task(key: Key, live: Object, context: Context) -> Task:
    asked = want(key, live)
    if asked is None:
        raise _NotSayableError("its task was deployed by a set, which its own set declares")
    match context.catalog.get(asked):
        case Task() as found:
            return found
        case Missing(reason=reason):
            raise _NotSayableError(f"it never starts: {reason}")
        case Unread(cause=cause):
            raise _NotSayableError(f"its task could not be read: {cause}")
        case _:
            raise _NotSayableError("its task was not looked up")


def _place(key: Key, name: str, context: Context) -> dict[str, Json]:
    spec: dict[str, Json] = {}
    if key.place != Place(context.default_project, context.default_domain):
        spec |= {"project": key.project, "domain": key.domain}
    own = key.name.partition("/")[2]
    if own != name:
        spec["name"] = own
    return spec


def _content(live: Object, task: Task) -> dict[str, Json]:
    body = _body(live)
    if body.get("other"):
        names = ", ".join(sorted(body["other"]))
        raise _NotSayableError(f"the language has no words for its {names}")
    given = body.get("inputs", {})
    context = dict(given.get("context", {}))
    kickoff = context.pop(KICKOFF_KEY, None)
    schedule = _schedule(body.get("schedule", {}), kickoff)
    described = _described(body)
    parts: dict[str, Json] = {
        "task": dict(body["task"]),
        "state": "Inactive" if schedule and not live.is_active else "",
        "schedule": schedule,
        "inputs": _inputs(given, task),
        "context": context,
        **described,
    }
    return filled(parts)


def _described(body: Mapping[str, Any]) -> dict[str, Json]:
    """Write description and options of runs."""
    shown = describe(dict(body))
    return {name: shown[name] for name in ("description", "run") if name in shown}


def _schedule(schedule: Mapping[str, Any], kickoff: str | None) -> dict[str, Json]:
    if not schedule:
        return {}
    found = dict(schedule)
    if "every" in found:
        if found["every"] <= 0:
            raise _NotSayableError("its fixed rate is not above zero, on which Flyte 2 hangs")
        found["every"] = rate.render(found["every"])
    if kickoff:
        found["kickoffInput"] = kickoff
    return found


def _inputs(given: Mapping[str, Any], task: Task) -> dict[str, Json]:
    """Write the inputs that are given; what the task's own default gives is left out."""
    found: dict[str, Json] = {}
    for name, literal in given.get("literals", {}).items():
        own = task.defaults.get(name)
        if own is not None and canonical(own) == literal:
            continue
        variable = task.inputs.get(name)
        if variable is None:
            raise _NotSayableError(f"inputs.{name}: the task has no such input")
        try:
            found[name] = decode(literal, variable.get("type"))
        except NotExpressibleError as error:
            raise _NotSayableError(f"inputs.{name}: {error}") from None
    return found


def _resolve(
    made: dict[str, Json], context: Context, adapter: Adapter
) -> tuple[Resource | None, str]:
    """Read a document back as its readers will."""
    checked = validate([Document(made, Origin("export"))])
    problems = list(checked.problems)
    for declared in checked.declared:
        found = adapter.resolve(declared, context)
        if found.resources:
            return found.resources[0], ""
        problems += found.problems
    faults = (item for item in problems if item.severity is Severity.ERROR)
    return None, next((f"{item.path}: {item.message}" for item in faults), "it is not readable")


def _difference(resource: Resource, live: Object, adapter: Adapter) -> str:
    """Name what a declaration would change; empty when it changes nothing."""
    if resource.digest == live.digest:
        is_on = resource.state is State.ACTIVE
        is_same = resource.state is State.UNMANAGED or is_on is live.is_active
        return "" if is_same else "its state"
    describe = adapter.traits.describe
    changed = diff(describe(live.body or {}), describe(resource.body))
    if not changed:
        return "how its inputs reach the run"
    return ", ".join(item.path or "its content" for item in changed[:3])
