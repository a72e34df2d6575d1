"""How the scheduled time reaches an input, so that no other input is lost on the way.

Facts from the open-source manager 2.0.43, seen on the real one. With `kickoff_time_input_arg` a run
gets the time and the task's own defaults, and nothing else: uploaded inputs and context are dropped
(runs/scheduler/executor). Without it a run gets the uploaded inputs, and the SDK of the task fills
the input that the context names from the start time of the run, since 2.3.6; an older task gets no
start time. The key of its cache then holds no time, so that each run would take the result of the
first (runs/service: foldRunStartTimeIntoHash asks for the argument).

So the argument is sent where all other inputs are the task's defaults, and the name in the context
alone elsewhere, where the task must be able to read it and must not be cached.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model.document import Json
from reconciler.model.interface import Task
from reconciler.specs.trigger import KICKOFF_KEY

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_READS_START_TIME = (2, 3, 6)


@dataclass(frozen=True, slots=True)
class Kickoff:
    """How one trigger passes the time.

    `is_argument`: by the schedule's argument. `problem` and `fix` say why it cannot be passed.
    """

    is_argument: bool
    problem: str = ""
    fix: str = ""


def choose(
    task: Task, kickoff: str, literals: Mapping[str, Json], context: Mapping[str, str]
) -> Kickoff:
    """Choose the way for a trigger with these inputs and this context of the user."""
    differing = [name for name in literals if literals[name] != task.defaults.get(name)]
    if not differing and not context:
        return Kickoff(is_argument=True)
    lost = ", ".join(differing) or "the context"
    alone = f"leave {lost} out, so that the time can be passed as the only input"
    if not reads_start_time(task.sdk):
        return Kickoff(
            is_argument=False,
            problem=(
                f"the task was built with SDK {task.sdk or '(unknown)'}, and Flyte passes the "
                f"scheduled time beside other inputs ({lost}) to tasks of 2.3.6 and newer only"
            ),
            fix=f"build the task with a newer SDK, or {alone}",
        )
    if task.is_cached and kickoff not in task.cache_ignored:
        return Kickoff(
            is_argument=False,
            problem=(
                f"the task is cached, and the scheduled time beside other inputs ({lost}) is no "
                "part of the cache's key: each run would take the result of the first"
            ),
            fix=f"switch the task's cache off, or {alone}",
        )
    return Kickoff(is_argument=False)


def in_context(context: Mapping[str, str], kickoff: str) -> dict[str, str]:
    """Name the input that takes the time to the SDK of the task, after the user's own keys."""
    return {**context, KICKOFF_KEY: kickoff}


def reads_start_time(sdk: str) -> bool:
    """Say whether a task of this SDK is given the start time of its run."""
    found = _VERSION.search(sdk)
    return found is not None and tuple(int(part) for part in found.groups()) >= _READS_START_TIME
