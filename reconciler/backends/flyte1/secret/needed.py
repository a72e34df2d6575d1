"""Which secrets tasks ask for and would not find: their pods start without them and fail later.

Flyte's webhook looks for the key of a Kubernetes Secret in the namespace of the pod, and leaves out
what is not there (flytepropeller, webhook/k8s_secrets.go).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from reconciler.backends.flyte1.secret.kept import ABSENT, Kept
from reconciler.backends.flyte1.secret.spec import KIND
from reconciler.backends.flyte1.secret.vault import Vault
from reconciler.backends.flyte1.task import KIND as TASK
from reconciler.errors import BackendError, UsageError
from reconciler.model.key import Key, Place
from reconciler.model.origin import Problem, Severity
from reconciler.model.resource import Resource

_AS = {"ENV_VAR": "as a variable", "FILE": "as a file"}


@dataclass(frozen=True, slots=True)
class _Request:
    """A secret that a task asks for."""

    group: str
    key: str
    mount: str

    @property
    def how(self) -> str:
        return _AS.get(self.mount, "as a file")


async def unmet(vault: Vault, resources: Mapping[Key, Resource]) -> tuple[Problem, ...]:
    """Warn of secrets that are neither declared nor in the cluster; one warning for each."""
    asked: dict[Place, dict[_Request, list[Resource]]] = defaultdict(lambda: defaultdict(list))
    for resource in resources.values():
        if resource.key.kind == TASK:
            for request in _requests(resource):
                asked[resource.key.place][request].append(resource)
    found: list[Problem] = []
    for place, requests in sorted(asked.items()):
        open_ = {
            request: tasks
            for request, tasks in requests.items()
            if Key(KIND, place.project, place.domain, f"{request.group}/{request.key}")
            not in resources
        }
        if open_:
            found += await _missing(vault, place, open_)
    return tuple(found)


async def _missing(
    vault: Vault, place: Place, requests: Mapping[_Request, list[Resource]]
) -> Iterable[Problem]:
    namespace = vault.namespace(place)
    groups = {request.group for request in requests if request.group}
    try:
        kept = await vault.read_many(place, groups)
    except (BackendError, UsageError) as error:
        first = next(iter(requests.values()))[0]
        return [_warning(first, f"whether the secrets of its tasks exist is not known: {error}")]
    return [
        _warning(tasks[0], f"{_who(tasks)} for a secret {why}", _FIX)
        for request, tasks in sorted(requests.items(), key=lambda item: item[0].group)
        if (why := _why_not(request, kept, namespace))
    ]


_FIX = "declare it as a FlyteSecret, or create it, before the task runs"


def _why_not(request: _Request, kept: Mapping[str, Kept], namespace: str) -> str:
    if not (request.group and request.key):
        return "without group or key, and so gets none of its secrets"
    if request.key in kept.get(request.group, ABSENT).keys:
        return ""
    what = f"{request.group}/{request.key}"
    if request.group in kept:
        why = f"Secret {request.group} in namespace {namespace} has no such key"
    else:
        why = f"no Secret {request.group} in namespace {namespace}"
    return f"{what}: {why} ({request.how})"


def _requests(task: Resource) -> Iterator[_Request]:
    context = cast("dict[str, Any]", task.body).get("securityContext") or {}
    for item in context.get("secrets") or ():
        yield _Request(
            str(item.get("group") or ""),
            str(item.get("key") or ""),
            str(item.get("mountRequirement") or ""),
        )


def _who(tasks: list[Resource]) -> str:
    rest = f" and {len(tasks) - 1} more ask" if len(tasks) > 1 else " asks"
    return f"task {tasks[0].key.name}{rest}"


def _warning(task: Resource, text: str, fix: str = "") -> Problem:
    return Problem(task.origin, text, fix=fix, severity=Severity.WARNING)
