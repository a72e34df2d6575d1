"""The kinds of Flyte 1 as planning and resolving see them; loads no grpc.

One entry per kind here, and its calls in `calls`, is all that the rest of the program knows of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.backends.flyte1 import methods
from reconciler.backends.flyte1.launch_plan.describe import consequences, describe
from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.launch_plan.spec import LaunchPlanAdapter
from reconciler.model.traits import Shape, Traits, Verb
from reconciler.resolve.context import Adapter

LAUNCH_PLAN_TRAITS = Traits(
    kind=LAUNCH_PLAN,
    shape=Shape.VERSIONS,
    rank=50,
    calls={
        Verb.REGISTER: methods.CREATE_LAUNCH_PLAN.name,
        Verb.ACTIVATE: methods.UPDATE_LAUNCH_PLAN.name,
        Verb.DEACTIVATE: methods.UPDATE_LAUNCH_PLAN.name,
        Verb.ARCHIVE: methods.UPDATE_NAMED_ENTITY.name,
        Verb.DESCRIBE: methods.UPDATE_NAMED_ENTITY.name,
    },
    has_pointer=True,
    is_archivable=True,
    describe=describe,
    consequences=consequences,
)

TRAITS: Mapping[str, Traits] = {LAUNCH_PLAN: LAUNCH_PLAN_TRAITS}

ADAPTERS: Mapping[str, Adapter] = {LAUNCH_PLAN: LaunchPlanAdapter(LAUNCH_PLAN_TRAITS)}
