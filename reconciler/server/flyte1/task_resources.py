"""What a container asks for, and what a TASK_RESOURCE attribute allows.

A real installation has platform limits in its configuration; the embedded Flyte has none, so only
the attribute limits a task. An unparsable limit of an attribute counts as none (flyteadmin 1.16.8,
pkg/manager/impl/util/resources.go and validation/task_validator.go).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from flyteidl.core import tasks_pb2

from reconciler.server.flyte1 import attributes, pod_specs, quantities
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.refusals import compact
from reconciler.server.status import internal, refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flyteidl.core import identifier_pb2

    from reconciler.server.store import Store

    # Amounts as they are written.
    _Amounts = dict[tasks_pb2.Resources.ResourceName, str]

_Resources = tasks_pb2.Resources
_LIMITED = {
    _Resources.CPU: "cpu",
    _Resources.GPU: "gpu",
    _Resources.MEMORY: "memory",
    _Resources.EPHEMERAL_STORAGE: "ephemeral_storage",
}
_POD_NAMES = {
    "cpu": _Resources.CPU,
    "gpu": _Resources.GPU,
    "memory": _Resources.MEMORY,
    "ephemeral-storage": _Resources.EPHEMERAL_STORAGE,
}
_CONTACT = "Please contact Flyte Admins to change these limits or consult the configuration"


def validate(
    store: Store, identifier: identifier_pb2.Identifier, template: tasks_pb2.TaskTemplate
) -> None:
    """Requests are at most the limits, and both at most what the project-domain allows.

    The task that is named in refusals is the template's own, which has no identifier yet.
    """
    if not template.container.HasField("resources"):
        return
    name = compact(optional(template, "id"))
    requests = _amounts(name, template.container.resources.requests)
    limits = _amounts(name, template.container.resources.limits)
    _check(name, _allowed(store, identifier), requests, limits)


def validate_pod(
    store: Store, identifier: identifier_pb2.Identifier, template: tasks_pb2.TaskTemplate
) -> None:
    """The same for every container of a pod; INTERNAL, in Go's words, for what is no pod."""
    try:
        wanted = list(pod_specs.amounts(template.k8s_pod.pod_spec))
    except ValueError as error:
        raise internal(str(error)) from None
    name, allowed = compact(optional(template, "id")), _allowed(store, identifier)
    for requests, limits in wanted:
        _check(name, allowed, _known(requests), _known(limits))


def _known(amounts: Mapping[str, str]) -> _Amounts:
    return {_POD_NAMES[name]: text for name, text in amounts.items() if name in _POD_NAMES}


def _check(task: str, allowed: _Amounts, requests: _Amounts, limits: _Amounts) -> None:
    for name, request in requests.items():
        limit = limits.get(name)
        label = _Resources.ResourceName.Name(name)
        if name == _Resources.GPU:
            if limit is not None and _whole(limit) != _whole(request):
                raise refused(
                    "For extended resource 'gpu' the default value must equal the limit value for "
                    f"task [{task}]"
                )
            limit = None
        elif limit is not None and _whole(limit) < _whole(request):
            raise refused(
                f"Requested {label} default [{quantities.canonical(request)}] is greater than the "
                f"limit [{quantities.canonical(limit)}]. Please fix your configuration"
            )
        most = allowed.get(name)
        if most is None:
            continue
        for kind, amount in (("limit", limit), ("default", request)):
            if amount is not None and _whole(amount) > _whole(most):
                raise refused(
                    f"Requested {label} {kind} [{quantities.canonical(amount)}] is greater than "
                    "current limit set in the platform configuration "
                    f"[{quantities.canonical(most)}]. {_CONTACT}"
                )


def _whole(amount: str) -> int:
    return quantities.whole(quantities.parse(amount))


def _amounts(
    task: str,
    entries: Iterable[tasks_pb2.Resources.ResourceEntry],
) -> _Amounts:
    amounts: _Amounts = {}
    for entry in entries:
        if entry.name not in _LIMITED:
            continue
        label = _Resources.ResourceName.Name(entry.name)
        if entry.name in amounts:
            raise refused(f"can't specify {label} limit for task [{task}] multiple times")
        try:
            amount = quantities.parse(entry.value)
        except ValueError as error:
            raise refused(
                f"Parsing of {label} request failed for value {entry.value} - reason  {error}. "
                "Please follow K8s conventions for resources "
                "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/"
            ) from None
        amounts[entry.name] = entry.value
        if entry.name == _Resources.GPU and amount % 1:
            raise refused(f"gpu for [{task}] must be a whole number, got: {entry.value} instead")
    return amounts


def _allowed(store: Store, identifier: identifier_pb2.Identifier) -> _Amounts:
    found = attributes.most_specific(
        store, "TASK_RESOURCE", project=identifier.project, domain=identifier.domain
    )
    if found is None:
        return {}
    limits = found.task_resource_attributes.limits
    allowed = {}
    for name, field in _LIMITED.items():
        with suppress(ValueError):
            text = getattr(limits, field)
            if quantities.parse(text):
                allowed[name] = text
    return allowed
