"""The kinds of Flyte 1 as planning and resolving see them; loads no grpc.

One entry per kind here, and its calls in `calls`, is all that the rest of the program knows of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from reconciler.backends.flyte1 import methods, task, workflow
from reconciler.backends.flyte1.backfill.drive import drive as backfill_drive
from reconciler.backends.flyte1.declared import run
from reconciler.backends.flyte1.launch_plan.describe import consequences, describe, show_value
from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.launch_plan.spec import LaunchPlanAdapter
from reconciler.backends.flyte1.package.spec import KIND as PACKAGE
from reconciler.backends.flyte1.package.spec import PackageAdapter
from reconciler.backends.flyte1.project import rules as project
from reconciler.backends.flyte1.project.spec import KIND as PROJECT
from reconciler.backends.flyte1.project.spec import ProjectAdapter
from reconciler.backends.flyte1.run import methods as runs
from reconciler.backends.flyte1.secret.spec import KIND as SECRET
from reconciler.backends.flyte1.secret.spec import MISSING, SecretAdapter, together
from reconciler.backends.flyte1.secret.spec import describe as describe_secret
from reconciler.backends.wire import backfill, signal
from reconciler.backends.wire import run as wire_run
from reconciler.backends.wire.backfill import KIND as BACKFILL
from reconciler.backends.wire.run import KIND as RUN
from reconciler.backends.wire.signal import KIND as SIGNAL
from reconciler.model.traits import Shape, Traits, Verb
from reconciler.resolve.context import Adapter
from reconciler.resolve.unserved import Unserved

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
    labels=("labels",),
    describe=describe,
    consequences=consequences,
)

PROJECT_TRAITS = Traits(
    kind=PROJECT,
    shape=Shape.RECORD,
    rank=10,
    calls={
        Verb.CREATE: methods.REGISTER_PROJECT.name,
        Verb.UPDATE: methods.UPDATE_PROJECT.name,
    },
    fields=project.FIELDS,
    consequences=project.consequences,
)

SECRET_TRAITS = Traits(
    kind=SECRET,
    shape=Shape.OBJECT,
    rank=15,
    calls={Verb.DEPLOY: "PATCH secrets", Verb.DELETE: "DELETE secrets"},
    is_deletable=True,
    describe=describe_secret,
    together=together,
)

_ON_RUNS = {
    Verb.START: methods.CREATE_EXECUTION.name,
    Verb.TERMINATE: methods.TERMINATE_EXECUTION.name,
}
RUN_TRAITS = wire_run.traits(
    _ON_RUNS, longest=run.LONGEST, show_value=partial(show_value, type_=None)
)

SIGNAL_TRAITS = signal.traits(runs.SET_SIGNAL.name)

TASK_TRAITS = Traits(
    kind=task.KIND,
    shape=Shape.VERSIONS,
    rank=30,
    calls={Verb.REGISTER: methods.CREATE_TASK.name},
    describe=task.describe,
)

WORKFLOW_TRAITS = Traits(
    kind=workflow.KIND,
    shape=Shape.VERSIONS,
    rank=40,
    calls={Verb.REGISTER: methods.CREATE_WORKFLOW.name},
    describe=workflow.describe,
)

PACKAGE_TRAITS = Traits(kind=PACKAGE, shape=Shape.VERSIONS, rank=20, calls={})
"""A package is what its tasks, workflows and plans are; it has no object of its own."""

BACKFILL_TRAITS = backfill.traits(_ON_RUNS, backfill_drive)

TRAITS: Mapping[str, Traits] = {
    traits.kind: traits
    for traits in (
        PROJECT_TRAITS,
        SECRET_TRAITS,
        TASK_TRAITS,
        WORKFLOW_TRAITS,
        LAUNCH_PLAN_TRAITS,
        BACKFILL_TRAITS,
        RUN_TRAITS,
        SIGNAL_TRAITS,
    )
}

_FLYTE = "Flyte 1"
_NOT_SERVED = (
    Unserved("FlyteTrigger", _FLYTE, "declare a FlyteLaunchPlan, or use a connection to Flyte 2"),
    Unserved(
        "FlyteSettings",
        _FLYTE,
        "write attributes in the FlyteProject, or use a connection to Flyte 2",
    ),
)

ADAPTERS: Mapping[str, Adapter] = {
    **{item.kind: item for item in _NOT_SERVED},
    PROJECT: ProjectAdapter(PROJECT_TRAITS),
    SECRET: SecretAdapter(SECRET_TRAITS),
    PACKAGE: PackageAdapter(PACKAGE_TRAITS),
    LAUNCH_PLAN: LaunchPlanAdapter(LAUNCH_PLAN_TRAITS),
    BACKFILL: backfill.BackfillAdapter(BACKFILL_TRAITS, "launchPlan"),
    RUN: run.RunAdapter(RUN_TRAITS),
    SIGNAL: signal.SignalAdapter(SIGNAL_TRAITS),
}

WITHOUT_CLUSTER: Mapping[str, Adapter] = {
    **ADAPTERS,
    SECRET: SecretAdapter(SECRET_TRAITS, missing=MISSING),
}
"""Where nobody said which cluster runs the tasks."""
