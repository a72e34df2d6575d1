"""The kinds of Flyte 2 as planning and resolving see them; loads no grpc.

One entry per kind here, and its calls in `calls`, is all that the rest of the program knows of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.traits import Traits
from reconciler.resolve.context import Adapter
from reconciler.resolve.unserved import Unserved

_FLYTE = "Flyte 2"

TRAITS: Mapping[str, Traits] = {}

_NOT_SERVED = (
    Unserved("FlyteLaunchPlan", _FLYTE, "declare a FlyteTrigger; `reconcile convert` writes it"),
    Unserved("FlytePackage", _FLYTE, "use a Flyte 1, or a later version of reconcile"),
    Unserved("FlyteProject", _FLYTE, "use a Flyte 1, or a later version of reconcile"),
)

ADAPTERS: Mapping[str, Adapter] = {item.kind: item for item in _NOT_SERVED}
