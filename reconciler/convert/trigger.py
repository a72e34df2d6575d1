"""One FlyteLaunchPlan as a FlyteTrigger, with a note on every field that is not the same there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from reconciler.convert.fields import (
    AT_EVERY,
    BY_PATH,
    CUT,
    KICKOFF_TAKEN,
    NO_ARCHIVE,
    NO_ZONE,
    RULES,
    Fate,
    Rule,
)
from reconciler.export.document import document
from reconciler.model.document import Document, Json, Path, show_path
from reconciler.model.key import Key, Place
from reconciler.model.origin import Origin, Problem, Severity
from reconciler.schedule import cron
from reconciler.schedule.rules import ScheduleError
from reconciler.specs.fields import DeletionPolicy
from reconciler.specs.launch_plan import LaunchPlanSpec
from reconciler.specs.running import PlanState
from reconciler.specs.trigger import key_name
from reconciler.specs.validate import Declared, validate

KIND = "FlyteTrigger"

_LONGEST_DESCRIPTION = 255
_MAILED = ("email", "pagerDuty", "slack")
_PLACES = ("project", "domain", "name")

Given = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class TaskChoice:
    """The task that takes a workflow's place; what is empty is as the plan has it."""

    name: str = ""
    version: str = ""
    package: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """What a reader must know of one field of a launch plan."""

    origin: Origin
    path: str
    fate: Fate
    why: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.said}"

    @property
    def said(self) -> str:
        """The note without its place."""
        return f"{self.path}: {self.fate}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """One launch plan: its trigger, None where there is nothing to convert, and the notes on it."""

    declared: Declared
    plan: Key
    key: Key | None = None
    document: dict[str, Json] | None = None
    notes: tuple[Note, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Writing:
    """A trigger while it is written."""

    declared: Declared
    given: Given
    task: TaskChoice
    spec: dict[str, Json] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def note(self, path: Path, fate: Fate, why: str) -> None:
        """Note something on a field."""
        at = self.declared.key_at(*path)
        self.notes.append(Note(at, show_path(("spec", *path)), fate, why))

    def follow(self, rule: Rule, why: str = "") -> None:
        """Note what a rule says, or something more exact."""
        said = why or rule.why
        if said:
            self.note(rule.path, rule.fate, said)

    def put(self, path: Path, value: Json) -> None:
        """Write a field of the trigger; an empty one is left out."""
        if value in ({}, []):
            return
        *above, last = path
        inner = self.spec
        for step in above:
            inner = cast("dict[str, Json]", inner.setdefault(str(step), {}))
        inner[str(last)] = value


def convert(declared: Declared, *, defaults: Place, task: TaskChoice) -> Converted:
    """Convert one launch plan; `defaults` are the project and domain of its set, "" if unknown."""
    plan = cast("LaunchPlanSpec", declared.spec)
    place = Place(plan.project or defaults.project, plan.domain or defaults.domain)
    name = plan.name or declared.name
    old = Key(declared.kind, place.project, place.domain, name)
    writing = _Writing(declared, _without_null(declared.document.value.get("spec")), task)
    if plan.workflow is None:
        writing.follow(BY_PATH[("existing",)])
        return Converted(declared=declared, plan=old, notes=tuple(writing.notes))
    for part, text in (("project", place.project), ("domain", place.domain)):
        if text:
            writing.spec[part] = text
    if plan.name is not None:
        writing.spec["name"] = plan.name
    problems = list(_task(writing, task.name or plan.workflow.name))
    writing.spec["state"] = PlanState.INACTIVE.value
    _schedule(writing)
    _inputs(writing)
    _rest(writing)
    _notifications(writing)
    made = _document(declared, writing.spec)
    if not problems:
        problems += _faults(declared, made)
    return Converted(
        declared=declared,
        plan=old,
        key=Key(KIND, place.project, place.domain, key_name(task.name or plan.workflow.name, name)),
        document=made,
        notes=tuple(sorted(writing.notes, key=lambda note: (note.origin.line, note.origin.column))),
        problems=tuple(problems),
    )


def _task(writing: _Writing, name: str) -> Iterator[Problem]:
    task = writing.task
    workflow = _without_null(writing.given["workflow"])
    said = f'the trigger runs the task "{name}"'
    how = ", by --task" if task.name else f"; --task {name}=TASK names another"
    writing.follow(BY_PATH["workflow", "name"], said + how)
    for part in ("project", "domain", "sameAs"):
        if part in workflow:
            writing.follow(BY_PATH["workflow", part])
    chosen = _chosen(task)
    writing.put(("task", "name"), name)
    for part, value in chosen.items():
        writing.put(("task", part), value)
    for part in ("package", "version"):
        if part not in workflow:
            continue
        latest = ("latest",) if isinstance(workflow[part], dict) else ()
        rule = BY_PATH["workflow", part, *latest]
        if chosen:
            where, value = next(iter(chosen.items()))
            writing.follow(rule, f"is replaced by {where} {value} of the task")
        else:
            writing.follow(rule)
            writing.put(("task", part), workflow[part])
    if "sameAs" in workflow and not chosen:
        yield writing.declared.problem(
            "has no counterpart on Flyte 2: a trigger cannot follow another domain",
            "workflow",
            "sameAs",
            fix="give --task WORKFLOW=TASK@VERSION, or --package NAME",
        )


def _chosen(task: TaskChoice) -> dict[str, str]:
    if task.version:
        return {"version": task.version}
    return {"package": task.package} if task.package else {}


def _schedule(writing: _Writing) -> None:
    schedule = _without_null(writing.given.get("schedule"))
    for rule in RULES:
        if rule.path[0] == "schedule" and rule.path[-1] in schedule:
            writing.follow(rule)
            if rule.to:
                writing.put(rule.to, schedule[str(rule.path[-1])])
    text = schedule.get("cron")
    if not isinstance(text, str):
        return
    try:
        bare, zone = cron.split_zone(text)
    except ScheduleError:
        return  # the document is refused for it
    writing.put(("schedule", "cron"), bare)
    if zone and "timezone" not in schedule:
        writing.put(("schedule", "timezone"), zone)
    if bare.startswith("@every"):
        writing.note(("schedule", "cron"), Fate.CHANGED, AT_EVERY)
    elif not zone and "timezone" not in schedule:
        writing.note(("schedule", "cron"), Fate.CHANGED, NO_ZONE)


def _inputs(writing: _Writing) -> None:
    """Write defaults and fixed inputs, save one that the scheduled time replaces anyway."""
    kickoff = _without_null(writing.given.get("schedule")).get("kickoffInput")
    found: dict[str, Json] = {}
    for part in ("inputs", "fixedInputs"):
        if part not in writing.given:
            continue
        writing.follow(BY_PATH[(part,)])
        for name, value in cast("dict[str, Json]", writing.given[part]).items():
            if name == kickoff:
                writing.note((part, name), Fate.NONE, KICKOFF_TAKEN)
                continue
            found[name] = value
    writing.put(("inputs",), found)


def _rest(writing: _Writing) -> None:
    """Write what is copied as it is, and note the rest."""
    done = {*_PLACES, "workflow", "schedule", "inputs", "fixedInputs", "notifications"}
    for rule in RULES:
        name = str(rule.path[0])
        if name in done or name not in writing.given:
            continue
        value = writing.given[name]
        if name == "description" and len(str(value)) > _LONGEST_DESCRIPTION:
            value = str(value)[:_LONGEST_DESCRIPTION]
            writing.note(rule.path, Fate.CHANGED, CUT)
        if name == "deletionPolicy" and value == DeletionPolicy.ARCHIVE:
            writing.note(rule.path, Fate.NONE, NO_ARCHIVE)
            continue
        writing.follow(rule)
        if rule.to:
            writing.put(rule.to, value)


def _notifications(writing: _Writing) -> None:
    given = cast("list[Json]", writing.given.get("notifications") or [])
    if not given:
        return
    rule = BY_PATH[("notifications",)]
    writing.follow(rule)
    found: list[Json] = []
    for index, one in enumerate(given):
        written = _without_null(one)
        for way in _MAILED:
            if way not in written:
                continue
            mailed = BY_PATH.get(("notifications", way))
            if mailed is not None:
                writing.note(("notifications", index, way), mailed.fate, mailed.why)
            found.append({"phases": written["phases"], "email": written[way]})
    writing.put(rule.to, found)


def _document(declared: Declared, spec: Given) -> dict[str, Json]:
    made = document(KIND, declared.name, spec)
    if declared.namespace:
        made["metadata"] = {"name": declared.name, "namespace": declared.namespace}
    return made


def _faults(declared: Declared, made: dict[str, Json]) -> Iterator[Problem]:
    """Find what keeps a trigger from being declared, at the launch plan that it comes from."""
    origin = declared.document.origin
    for problem in validate([Document(made, origin)]).problems:
        if problem.severity is Severity.ERROR:
            message = f"the trigger cannot be declared: {problem.message}"
            yield Problem(origin, message, path=problem.path, fix=problem.fix)


def _without_null(value: Json) -> dict[str, Json]:
    """Return a mapping without fields that are null, which are absent; empty for what is none."""
    if not isinstance(value, dict):
        return {}
    return {name: part for name, part in value.items() if part is not None}
