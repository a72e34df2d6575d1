"""Which function carries out which verb on which kind of Flyte 1."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from reconciler.backends.flyte1 import task, workflow
from reconciler.backends.flyte1.attachments import Attachments
from reconciler.backends.flyte1.backfill import gaps
from reconciler.backends.flyte1.declared.run import LONGEST
from reconciler.backends.flyte1.launch_plan import calls as launch_plan
from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.package import calls as package
from reconciler.backends.flyte1.project import calls as project
from reconciler.backends.flyte1.project.spec import KIND as PROJECT
from reconciler.backends.pursuing import Read
from reconciler.backends.wire.backfill import KIND as BACKFILL
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.declared import Reader
from reconciler.backends.wire.run import KIND as RUN
from reconciler.backends.wire.signal import KIND as SIGNAL
from reconciler.model.live import Query
from reconciler.model.traits import Verb
from reconciler.plan.plan import Action

Perform = Callable[[Channel, Action], Awaitable[None]]
PerformWith = Callable[[Channel, Action, Attachments], Awaitable[None]]

PERFORM: Mapping[tuple[str, Verb], Perform] = {
    (PROJECT, Verb.CREATE): project.create,
    (PROJECT, Verb.UPDATE): project.update,
    (PROJECT, Verb.SET): project.set_row,
    (PROJECT, Verb.UNSET): project.unset_row,
    (LAUNCH_PLAN, Verb.ACTIVATE): launch_plan.activate,
    (LAUNCH_PLAN, Verb.DEACTIVATE): launch_plan.deactivate,
    (LAUNCH_PLAN, Verb.ARCHIVE): launch_plan.archive,
    (LAUNCH_PLAN, Verb.DESCRIBE): launch_plan.describe,
}

PERFORM_WITH: Mapping[tuple[str, Verb], PerformWith] = {
    (task.KIND, Verb.REGISTER): package.register_task,
    (workflow.KIND, Verb.REGISTER): package.register_workflow,
    (LAUNCH_PLAN, Verb.REGISTER): launch_plan.register,
}
"""What needs more than an action says: code, local files and descriptions."""

_DECLARED = Reader(LONGEST)
READ_RUNS: Mapping[str, Read] = {RUN: _DECLARED.run, SIGNAL: _DECLARED.signal}
"""What reads the runs of each kind that declares some."""

ReadWith = Callable[[Channel, Query], Read]

READ_RUNS_WITH: Mapping[str, ReadWith] = {BACKFILL: gaps.reader}
"""What needs more than runs, such as the plan that they are of; made for each query."""
