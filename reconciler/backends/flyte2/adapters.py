"""The kinds of Flyte 2 as planning and resolving see them; loads no grpc.

One entry per kind here, and its calls in `calls`, is all that the rest of the program knows of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.backends.flyte2 import methods
from reconciler.backends.flyte2.backfill.drive import drive as backfill_drive
from reconciler.backends.flyte2.declared import run
from reconciler.backends.flyte2.package.spec import KIND as PACKAGE
from reconciler.backends.flyte2.package.spec import PackageAdapter
from reconciler.backends.flyte2.project import rules as project
from reconciler.backends.flyte2.project.spec import KIND as PROJECT
from reconciler.backends.flyte2.project.spec import ProjectAdapter
from reconciler.backends.flyte2.run import methods as runs
from reconciler.backends.flyte2.secret.spec import KIND as SECRET
from reconciler.backends.flyte2.secret.spec import SecretAdapter
from reconciler.backends.flyte2.secret.spec import describe as describe_secret
from reconciler.backends.flyte2.settings import rules as settings
from reconciler.backends.flyte2.settings.rules import KIND as SETTINGS
from reconciler.backends.flyte2.settings.spec import SettingsAdapter
from reconciler.backends.flyte2.task import normal as task
from reconciler.backends.flyte2.trigger.describe import consequences, describe, restarts
from reconciler.backends.flyte2.trigger.normal import KIND as TRIGGER
from reconciler.backends.flyte2.trigger.spec import TriggerAdapter
from reconciler.backends.wire import backfill, signal
from reconciler.backends.wire import run as wire_run
from reconciler.backends.wire.backfill import KIND as BACKFILL
from reconciler.backends.wire.run import KIND as RUN
from reconciler.backends.wire.signal import KIND as SIGNAL
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

SECRET_TRAITS = Traits(
    kind=SECRET,
    shape=Shape.OBJECT,
    rank=15,
    calls={
        Verb.DEPLOY: methods.UPDATE_SECRET.name,
        Verb.DELETE: methods.DELETE_SECRET.name,
    },
    is_deletable=True,
    is_readable=False,
    describe=describe_secret,
)

SETTINGS_TRAITS = Traits(
    kind=SETTINGS,
    shape=Shape.RECORD,
    rank=15,
    calls={
        Verb.CREATE: methods.CREATE_SETTINGS.name,
        Verb.UPDATE: methods.UPDATE_SETTINGS.name,
    },
    fields=settings.FIELDS,
)

TASK_TRAITS = Traits(
    kind=task.KIND,
    shape=Shape.VERSIONS,
    rank=30,
    calls={Verb.REGISTER: methods.DEPLOY_TASK.name},
    describe=task.describe,
)

PACKAGE_TRAITS = Traits(kind=PACKAGE, shape=Shape.VERSIONS, rank=20, calls={})
"""A package is what its tasks are; it has no object of its own."""

TRIGGER_TRAITS = Traits(
    kind=TRIGGER,
    shape=Shape.OBJECT,
    rank=50,
    calls={
        Verb.DEPLOY: methods.DEPLOY_TRIGGER.name,
        Verb.ACTIVATE: methods.UPDATE_TRIGGERS.name,
        Verb.DEACTIVATE: methods.UPDATE_TRIGGERS.name,
        Verb.DELETE: methods.DELETE_TRIGGERS.name,
    },
    has_pointer=True,
    is_deletable=True,
    labels=("run", "labels"),
    describe=describe,
    consequences=consequences,
    restarts=restarts,
)

_ON_RUNS = {Verb.START: runs.CREATE_RUN.name, Verb.TERMINATE: runs.ABORT_RUN.name}
RUN_TRAITS = wire_run.traits(_ON_RUNS, longest=run.LONGEST, show_value=run.show_value)

SIGNAL_TRAITS = signal.traits(runs.SIGNAL_EVENT.name)

BACKFILL_TRAITS = backfill.traits(_ON_RUNS, backfill_drive)

TRAITS: Mapping[str, Traits] = {
    traits.kind: traits
    for traits in (
        PROJECT_TRAITS,
        SECRET_TRAITS,
        SETTINGS_TRAITS,
        TASK_TRAITS,
        TRIGGER_TRAITS,
        RUN_TRAITS,
        SIGNAL_TRAITS,
        BACKFILL_TRAITS,
    )
}

_NOT_SERVED = (
    Unserved("FlyteLaunchPlan", _FLYTE, "declare a FlyteTrigger; `reconcile convert` writes it"),
)

ADAPTERS: Mapping[str, Adapter] = {
    **{item.kind: item for item in _NOT_SERVED},
    PROJECT: ProjectAdapter(PROJECT_TRAITS),
    SECRET: SecretAdapter(SECRET_TRAITS),
    SETTINGS: SettingsAdapter(SETTINGS_TRAITS),
    PACKAGE: PackageAdapter(PACKAGE_TRAITS),
    TRIGGER: TriggerAdapter(TRIGGER_TRAITS),
    RUN: run.RunAdapter(RUN_TRAITS),
    SIGNAL: signal.SignalAdapter(SIGNAL_TRAITS),
    BACKFILL: backfill.BackfillAdapter(BACKFILL_TRAITS, "trigger"),
}
