"""The kinds of Flyte 2 as planning and resolving see them; loads no grpc.

One entry per kind here, and its calls in `calls`, is all that the rest of the program knows of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.backends.flyte2 import methods
from reconciler.backends.flyte2.project import rules as project
from reconciler.backends.flyte2.project.spec import KIND as PROJECT
from reconciler.backends.flyte2.project.spec import ProjectAdapter
from reconciler.model.traits import Shape, Traits, Verb
from reconciler.resolve.context import Adapter
from reconciler.resolve.unserved import Unserved

_FLYTE = "Flyte 2"

PROJECT_TRAITS = Traits(
    kind=PROJECT,
    shape=Shape.RECORD,
    rank=10,
    calls={
        Verb.CREATE: methods.CREATE_PROJECT.name,
        Verb.UPDATE: methods.UPDATE_PROJECT.name,
    },
    fields=project.FIELDS,
    consequences=project.consequences,
)

TRAITS: Mapping[str, Traits] = {traits.kind: traits for traits in (PROJECT_TRAITS,)}

_NOT_SERVED = (
    Unserved("FlyteLaunchPlan", _FLYTE, "declare a FlyteTrigger; `reconcile convert` writes it"),
    Unserved("FlytePackage", _FLYTE, "use a Flyte 1, or a later version of reconcile"),
)

ADAPTERS: Mapping[str, Adapter] = {
    **{item.kind: item for item in _NOT_SERVED},
    PROJECT: ProjectAdapter(PROJECT_TRAITS),
}
