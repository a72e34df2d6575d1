"""What a container asks for, and what a TASK_RESOURCE attribute allows.

A real installation has platform limits in its configuration; the embedded Flyte has none, so only
the attribute limits a task. An unparsable limit of an attribute counts as none (flyteadmin 1.16.8,
pkg/manager/impl/util/resources.go and validation/task_validator.go).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from flyteidl.core import tasks_pb2

from reconciler.server.flyte1 import attributes, quantities
from reconciler.server.flyte1.refusals import compact
from reconciler.server.status import refused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from flyteidl.core import identifier_pb2

    from reconciler.server.store import Store

_Resources = tasks_pb2.Resources
_LIMITED = {
    _Resources.CPU: "cpu",
    _Resources.GPU: "gpu",
    _Resources.MEMORY: "memory",
    _Resources.EPHEMERAL_STORAGE: "ephemeral_storage",
}
_CONTACT = "Please contact Flyte Admins to change these limits or consult the configuration"


def validate(
    store: Store, identifier: identifier_pb2.Identifier, container: tasks_pb2.Container
) -> None:
    """Requests are at most the limits, and both at most what the project-domain allows."""
    if not container.HasField("resources"):
        return
    requests = _amounts(identifier, container.resources.requests)
    limits = _amounts(identifier, container.resources.limits)
    if not requests:
        return
    allowed = _allowed(store, identifier)
    for name, request in requests.items():
        limit = limits.get(name)
        label = _Resources.ResourceName.Name(name)
        if name == _Resources.GPU:
            if limit is not None and quantities.whole(limit) != quantities.whole(request):
                raise refused(
                    "For extended resource 'gpu' the default value must equal the limit value for "
                    f"task [{compact(identifier)}]"
                )
        elif limit is not None and quantities.whole(limit) < quantities.whole(request):
            raise refused(
                f"Requested {label} default [{request}] is greater than the limit [{limit}]. "
                "Please fix your configuration"
            )
        most = allowed.get(name)
        if most is None:
            continue
        for kind, amount in (("limit", limit), ("default", request)):
            if amount is not None and quantities.whole(amount) > quantities.whole(most):
                raise refused(
                    f"Requested {label} {kind} [{amount}] is greater than current limit set in the "
                    f"platform configuration [{most}]. {_CONTACT}"
                )


def _amounts(
    identifier: identifier_pb2.Identifier,
    entries: Iterable[tasks_pb2.Resources.ResourceEntry],
) -> dict[_Resources.ResourceName, Decimal]:
    amounts: dict[_Resources.ResourceName, Decimal] = {}
    for entry in entries:
        if entry.name not in _LIMITED:
            continue
        label = _Resources.ResourceName.Name(entry.name)
        if entry.name in amounts:
            raise refused(
                f"can't specify {label} limit for task [{compact(identifier)}] multiple times"
            )
        try:
            amounts[entry.name] = quantities.parse(entry.value)
        except ValueError as error:
            raise refused(
                f"Parsing of {label} request failed for value {entry.value} - reason  {error}. "
                "Please follow K8s conventions for resources"
            ) from None
        if entry.name == _Resources.GPU and amounts[entry.name] % 1:
            raise refused(
                f"gpu for [{compact(identifier)}] must be a whole number, "
                f"got: {entry.value} instead"
            )
    return amounts


def _allowed(
    store: Store, identifier: identifier_pb2.Identifier
) -> dict[_Resources.ResourceName, Decimal]:
    found = attributes.most_specific(
        store, "TASK_RESOURCE", project=identifier.project, domain=identifier.domain
    )
    if found is None:
        return {}
    limits = found.task_resource_attributes.limits
    allowed = {}
    for name, field in _LIMITED.items():
        with suppress(ValueError):
            amount = quantities.parse(getattr(limits, field))
            if amount:
                allowed[name] = amount
    return allowed
