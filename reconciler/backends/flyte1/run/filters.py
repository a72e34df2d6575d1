"""What flyteadmin can filter executions by, and what it cannot.

Facts from flyteadmin 1.16.8: a list hides archived executions unless a filter names the state.
Tags and the labels that were sent are rows of one table, which is joined by the name of the
execution alone: those of an execution of the same name elsewhere match too, and no row has two
keys. Executions of single tasks have none of these rows. Ranges of names depend on the collation of
the database, in which hyphens may not count, so that parts of names are looked for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from flyteidl.core import execution_pb2 as core

from reconciler.backends.flyte1.lists import is_filterable
from reconciler.backends.flyte1.run.words import MODES, RUN_PHASES
from reconciler.backends.wire.times import written
from reconciler.model.asked import is_glob
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.entity import What

_WITH_ARCHIVED = "value_in(state,0;1)"
_OF_SINGLE_TASKS = "gte(task.id,0)"
_OF = {What.LAUNCH_PLANS: "launch_plan", What.WORKFLOWS: "workflow", What.TASKS: "task"}
_MAGIC = re.compile(r"\[[^\]]*\]|[*?\[]")


def filters(asked: AskedRuns) -> tuple[str, ...]:
    """Write the lists that together hold every execution that is asked for, or none.

    There is none where flyteadmin has no such phase, mode or entity. The caller looks again.
    """
    phases = [number for number, phase in RUN_PHASES.items() if phase in asked.phases]
    modes = [number for number, mode in MODES.items() if mode in asked.modes]
    is_possible = (phases or not asked.phases) and (modes or not asked.modes)
    if not is_possible or (asked.entity is not None and asked.entity[0] not in _OF):
        return ()
    common = [*_of_names(asked), *_of_entity(asked), *_of_times(asked)]
    if asked.archived:
        common.append(_WITH_ARCHIVED)
    if phases:
        names = [core.WorkflowExecution.Phase.Name(number) for number in phases]
        common.append(f"value_in(phase,{';'.join(names)})")
    if modes:
        common.append(f"value_in(mode,{';'.join(map(str, modes))})")
    marks = list(_of_marks(asked))
    if not marks:
        return ("+".join(common),)
    if asked.entity is not None and asked.entity[0] is What.TASKS:
        return ("+".join(common),)
    both = ["+".join((*common, *marks))]
    if asked.entity is None:
        both.append("+".join((*common, _OF_SINGLE_TASKS)))
    return tuple(both)


def exact_name(asked: AskedRuns) -> str:
    """Return the name that alone is asked for; empty where it may be others."""
    return asked.names[0] if len(asked.names) == 1 and not is_glob(asked.names[0]) else ""


def _of_names(asked: AskedRuns) -> Iterator[str]:
    names = sorted(set(asked.names))
    if exact_name(asked) or not names:
        return
    if not any(map(is_glob, names)):
        if all(map(is_filterable, names)):
            yield f"value_in(execution_name,{';'.join(names)})"
    elif len(names) == 1:
        part = max(_MAGIC.split(names[0]), key=len)
        # A backslash is the escape of LIKE, and names have none.
        if part and is_filterable(part) and "\\" not in part:
            yield f"contains(execution_name,{part})"


def _of_entity(asked: AskedRuns) -> Iterator[str]:
    if asked.entity is None:
        return
    what, name = asked.entity
    if is_filterable(name) and name:
        yield f"eq({_OF[what]}.name,{name})"
    if asked.version and is_filterable(asked.version):
        yield f"eq({_OF[what]}.version,{asked.version})"


def _of_times(asked: AskedRuns) -> Iterator[str]:
    for function, field, when in (
        ("gte", "execution_created_at", asked.created_after),
        ("lt", "execution_created_at", asked.created_before),
        ("gte", "execution_updated_at", asked.updated_after),
        ("lt", "execution_updated_at", asked.updated_before),
    ):
        if when is not None:
            yield f"{function}({field},{written(when)})"
    if asked.created_by and is_filterable(asked.created_by):
        yield f"eq(user,{asked.created_by})"


def _of_marks(asked: AskedRuns) -> Iterator[str]:
    """Look for one tag or one label: of two, no row has both."""
    tag = _first(asked.tags)
    if tag:
        yield f"eq(admin_tag.name,{tag})"
        return
    label = _first(key for key, value in asked.labels.items() if is_filterable(value) and value)
    if label:
        yield f"eq(execution_tag.key,{label})"
        yield f"eq(execution_tag.value,{asked.labels[label]})"


def _first(texts: Collection[str] | Iterator[str]) -> str:
    return min((text for text in texts if text and is_filterable(text)), default="")
