"""Which function carries out which verb on which kind of Flyte 2, and which ones read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from reconciler.backends.flyte2.backfill import read as backfill
from reconciler.backends.flyte2.declared.run import LONGEST
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.project import calls as project
from reconciler.backends.flyte2.project import observe as projects
from reconciler.backends.flyte2.project.spec import KIND as PROJECT
from reconciler.backends.flyte2.secret import calls as secret
from reconciler.backends.flyte2.secret.observe import observe as observe_secrets
from reconciler.backends.flyte2.secret.spec import KIND as SECRET
from reconciler.backends.flyte2.settings import calls as settings
from reconciler.backends.flyte2.settings import observe as levels
from reconciler.backends.flyte2.settings.rules import KIND as SETTINGS
from reconciler.backends.flyte2.task import calls as task
from reconciler.backends.flyte2.task.normal import KIND as TASK
from reconciler.backends.flyte2.task.observe import observe_tasks
from reconciler.backends.flyte2.trigger import calls as trigger
from reconciler.backends.flyte2.trigger.normal import KIND as TRIGGER
from reconciler.backends.flyte2.trigger.observe import observe_triggers
from reconciler.backends.pursuing import Read
from reconciler.backends.running import Running
from reconciler.backends.wire.backfill import KIND as BACKFILL
from reconciler.backends.wire.declared import Reader
from reconciler.backends.wire.run import KIND as RUN
from reconciler.backends.wire.signal import KIND as SIGNAL
from reconciler.model.key import Key
from reconciler.model.live import Live, Query, Runs
from reconciler.model.pursuit import Asking
from reconciler.model.traits import Verb
from reconciler.plan.plan import Action

Perform = Callable[[Link, Action], Awaitable[str]]
"""One call; the answer is the revision that it made, empty for kinds without revisions."""

Observe = Callable[[Link, Query], Awaitable[Live]]
"""Reads what a query asks of one kind, or of a few; what fails in a place is unreadable there."""

PERFORM: Mapping[tuple[str, Verb], Perform] = {
    (PROJECT, Verb.CREATE): project.create,
    (PROJECT, Verb.UPDATE): project.update,
    (SECRET, Verb.DEPLOY): secret.deploy,
    (SECRET, Verb.DELETE): secret.delete,
    (SETTINGS, Verb.CREATE): settings.create,
    (SETTINGS, Verb.UPDATE): settings.update,
    (TASK, Verb.REGISTER): task.register,
    (TRIGGER, Verb.DEPLOY): trigger.deploy,
    (TRIGGER, Verb.ACTIVATE): trigger.activate,
    (TRIGGER, Verb.DEACTIVATE): trigger.deactivate,
    (TRIGGER, Verb.DELETE): trigger.delete,
}

_DECLARED = Reader(LONGEST)
READ_RUNS: Mapping[str, Read] = {RUN: _DECLARED.run, SIGNAL: _DECLARED.signal}
"""What reads the runs of each kind that declares some."""

ReadWith = Callable[[Link, Running, Key, Asking], Awaitable[Runs]]

READ_RUNS_WITH: Mapping[str, ReadWith] = {BACKFILL: backfill.read}
"""What needs more than runs: the trigger that they are of."""

OBSERVE: tuple[Observe, ...] = (
    projects.observe,
    observe_secrets,
    levels.observe,
    observe_tasks,
    observe_triggers,
)
