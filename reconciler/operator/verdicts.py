"""From a plan and what was done of it to a verdict for each object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.apply.outcome import Outcome, Status
from reconciler.engine.applying import Applied
from reconciler.engine.firings import preview_of
from reconciler.engine.planning import Planned
from reconciler.engine.upcoming import schedule_of
from reconciler.errors import BackendError, ConflictError, DeniedError, UnavailableError
from reconciler.model.document import Json
from reconciler.model.drive import Drive
from reconciler.model.key import Key
from reconciler.model.live import Object, Unreadable, Versions
from reconciler.model.origin import Problem, Severity
from reconciler.model.resource import Resource, State
from reconciler.model.traits import Shape, Verb
from reconciler.operator import ticks
from reconciler.operator.conditions import Verdict, stamp
from reconciler.operator.resources import Custom
from reconciler.operator.words import Reason
from reconciler.plan.plan import Block, Change

_BLOCKS = {
    Block.GUARD: Reason.APPROVAL,
    Block.PROTECTED: Reason.PROTECTED,
    Block.ADOPTION: Reason.ADOPTION,
    Block.CONTESTED: Reason.CONTESTED,
    Block.REPORT: Reason.DRIFT,
    Block.UNREADABLE: Reason.UNAVAILABLE,
    Block.CONFLICT: Reason.CONFLICT,
    Block.POLICY: Reason.POLICY,
    Block.FAILED: Reason.RUN,
}


@dataclass(frozen=True, slots=True)
class Results:
    """A pass over a set, as it is told object by object; `applied` is None for a plan alone."""

    planned: Planned
    applied: Applied | None
    now: datetime

    def problems(self) -> Mapping[str, tuple[Problem, ...]]:
        """Gather the errors of documents, by where each document is from."""
        found: dict[str, list[Problem]] = defaultdict(list)
        for problem in self.planned.resolved.problems:
            if problem.severity is Severity.ERROR:
                found[problem.origin.file].append(problem)
        return {file: tuple(items) for file, items in found.items()}

    def resources(self) -> Mapping[str, tuple[Resource, ...]]:
        """Gather what documents came to, by where each document is from."""
        found: dict[str, list[Resource]] = defaultdict(list)
        for resource in self.planned.desired.resources.values():
            found[resource.origin.file].append(resource)
        return {file: tuple(items) for file, items in found.items()}

    def failures(self) -> Mapping[Key, tuple[Outcome, ...]]:
        """Gather what did not succeed, by object."""
        found: dict[Key, list[Outcome]] = defaultdict(list)
        outcomes = self.applied.report.outcomes if self.applied else ()
        for outcome in outcomes:
            if outcome.status is not Status.DONE:
                found[outcome.action.key].append(outcome)
        return {key: tuple(items) for key, items in found.items()}

    def changes(self) -> Mapping[Key, Change]:
        """Give the change of each object."""
        return {change.key: change for change in self.planned.plan.changes}


def of_block(block: Block) -> Reason:
    """Return the reason of a change that is held back."""
    return _BLOCKS[block]


def of_problems(problems: Iterable[Problem]) -> Verdict:
    """Judge a document that has errors; one that only waits says on what."""
    errors = tuple(problems)
    wrong = [item for item in errors if not item.awaits]
    told = wrong or errors
    message = "; ".join(_told(item) for item in told)
    return Verdict(reason=Reason.INVALID if wrong else Reason.DEPENDENCY, message=message)


def _told(problem: Problem) -> str:
    thing = f"{problem.path}: " if problem.path else ""
    fix = f" ({problem.fix})" if problem.fix else ""
    return f"{thing}{problem.message}{fix}"


def of_error(error: Exception) -> Verdict:
    """Judge what stopped a whole pass."""
    match error:
        case BackendError(code="NamespaceNotFound"):
            reason = Reason.DEPENDENCY
        case UnavailableError():
            reason = Reason.UNAVAILABLE
        case DeniedError():
            reason = Reason.DENIED
        case ConflictError():
            reason = Reason.RETRYING
        case _:
            reason = Reason.FAILED
    return Verdict(reason=reason, message=str(error), is_partial=True)


class Judge:
    """Gives the verdict of each document of one pass."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._problems = results.problems()
        self._resources = results.resources()
        self._failures = results.failures()
        self._changes = results.changes()

    def verdict(self, custom: Custom) -> Verdict:
        """Judge an object: by the errors of its document, else by the worst it came to."""
        origin = str(custom.ref)
        if origin in self._problems:
            return of_problems(self._problems[origin])
        resources = self._resources.get(origin, ())
        fields = self._fields(resources, custom)
        for reason, message in (*self._faults(resources), *self._waits(resources)):
            return Verdict(reason=reason, message=message, fields=fields)
        return Verdict(
            reason=Reason.SUCCEEDED,
            message=self._told(resources),
            fields=fields,
            is_partial=any(self._is_remembered(one) for one in resources),
        )

    def _is_remembered(self, resource: Resource) -> bool:
        """Say whether the ledger tells that nothing follows, so that nothing was read."""
        drive = self._results.planned.plan.drives.get(resource.key)
        return drive is not None and drive.is_done and not drive.rows

    def removal(self, key: Key) -> tuple[bool, str]:
        """Say whether a removal is over, and what kept it from being carried out."""
        change = self._changes.get(key)
        if change is None:
            return True, ""
        if change.block is not None:
            return True, f"{change.block.value}: {change.block_detail}"
        failures = self._failures.get(key, ())
        if failures or self._results.applied is None:
            return False, "; ".join(item.detail for item in failures) or "not carried out yet"
        return True, ""

    def change_of(self, key: Key) -> Change | None:
        """Return the change of an object, if there is one."""
        return self._changes.get(key)

    def change(self, origin: str) -> Change | None:
        """Return the change of a document's own object that was carried out, if there is one."""
        for resource in self._resources.get(origin, ()):
            change = self._changes.get(resource.key)
            is_done = change is not None and change.block is None
            if is_done and resource.key not in self._failures:
                return change
        return None

    def _faults(self, resources: tuple[Resource, ...]) -> Iterator[tuple[Reason, str]]:
        for resource in resources:
            observed = self._results.planned.live.get(resource.key)
            if isinstance(observed, Unreadable):
                yield Reason.UNAVAILABLE, f"{resource.key} could not be read: {observed.cause}"
            change = self._changes.get(resource.key)
            if change is not None and change.block is not None:
                is_awaited = resource.chosen and change.block is Block.CONFLICT
                reason = Reason.DEPENDENCY if is_awaited else _BLOCKS[change.block]
                yield reason, self._named(resource, resources, change.block_detail)
        for resource in resources:
            for outcome in self._failures.get(resource.key, ()):
                if outcome.status is Status.DEFERRED:
                    yield Reason.PROGRESSING, self._named(resource, resources, outcome.detail)
                    continue
                yield self._failed(outcome), self._named(resource, resources, outcome.detail)

    def _waits(self, resources: tuple[Resource, ...]) -> Iterator[tuple[Reason, str]]:
        """Tell what declarations of runs wait for: the runs that are in flight, or what is due."""
        for resource in resources[:1]:  # what keeps a plan's gaps is told in a field of its status
            drive = self._results.planned.plan.drives.get(resource.key)
            if drive is None or drive.is_done:
                continue
            started = sum(
                action.verb is Verb.START
                for change in (self._changes.get(resource.key),)
                for action in (change.actions if change is not None else ())
            )
            told = f"{started} runs were started" if started else "its runs are looked at again"
            yield Reason.PROGRESSING, self._named(resource, resources, drive.waits or told)

    def _failed(self, outcome: Outcome) -> Reason:
        if outcome.status is Status.SKIPPED:
            return Reason.RETRYING
        return of_error(outcome.error).reason if outcome.error is not None else Reason.FAILED

    def _named(self, resource: Resource, resources: tuple[Resource, ...], text: str) -> str:
        return text if len(resources) == 1 else f"{resource.key}: {text}"

    def _told(self, resources: tuple[Resource, ...]) -> str:
        if len(resources) == 1:
            return f"{resources[0].key} is as declared"
        return f"{len(resources)} objects are as declared"

    def _fields(self, resources: tuple[Resource, ...], custom: Custom) -> dict[str, Json]:
        common: dict[str, Json] = {
            "set": self._results.planned.declaration.set_name,
        }
        if not resources:
            return common
        if custom.ref.kind != "FlytePackage":
            return {**common, **self._own(resources[0], custom), **self._missed(resources[1:])}
        counts: dict[str, Json] = {}
        for kind, name in _COUNTED.items():
            counts[name] = sum(1 for item in resources if item.key.kind == kind)
        return {**common, **counts}

    def _own(self, resource: Resource, custom: Custom) -> dict[str, Json]:
        fields: dict[str, Json] = {"key": str(resource.key)}
        traits = self._results.planned.context.traits[resource.key.kind]
        if traits.shape is Shape.RECORD:
            return {**fields, "state": resource.body.get("state")}
        if traits.shape is Shape.RUNS:
            return {**fields, **self._progress(resource)}
        if not traits.has_pointer:
            return fields
        state = self._state(resource)
        fields["name"] = resource.key.name
        if traits.shape is Shape.OBJECT:
            fields["revision"] = self._revision(resource)
        else:
            fields["version"] = resource.version or None
        fields["state"] = state
        fields["nextRun"] = self._next_run(resource, custom) if state == State.ACTIVE else None
        return fields

    def _missed(self, others: tuple[Resource, ...]) -> dict[str, Json]:
        """Tell how many ticks of a plan nothing ran, where its gaps are kept."""
        drives = self._results.planned.plan.drives
        found = [drives.get(one.key, Drive()).missed for one in others]
        missed = [ticks for ticks in found if ticks is not None]
        return {"missedTicks": sum(map(len, missed))} if missed else {}

    def _progress(self, resource: Resource) -> dict[str, Json]:
        """Tell of one run how far it is; what is done is not read, and what was told stays."""
        drive = self._results.planned.plan.drives.get(resource.key, Drive())
        if resource.key.kind == "FlyteBackfill":
            return ticks.counts(drive)
        row = next((row for row in drive.rows if row.run is not None), None)
        if row is None or row.run is None or len(drive.rows) > 1:
            return {}
        return {
            "run": row.run.name,
            "phase": str(row.phase) if row.phase is not None else None,
            "cause": row.why[:_LONGEST_CAUSE] or None,
            "outputs": dict(drive.outputs) or None,
        }

    def _revision(self, resource: Resource) -> int | None:
        """Tell the revision that was written, else the one that was found."""
        applied, observed = self._results.applied, self._results.planned.live.get(resource.key)
        held = applied.ledger.objects.get(resource.key) if applied is not None else None
        found = observed.revision if isinstance(observed, Object) else ""
        revision = held.revision if held is not None and held.revision else found
        return int(revision) if revision.isdecimal() else None

    def _state(self, resource: Resource) -> str:
        """Tell what runs once the plan is done: as declared, else as it was found."""
        if resource.state is not State.UNMANAGED:
            return str(resource.state)
        observed = self._results.planned.live.get(resource.key)
        match observed:
            case Versions():
                is_active = bool(observed.active)
            case Object():
                is_active = observed.is_active
            case _:
                is_active = False
        return str(State.ACTIVE if is_active else State.INACTIVE)

    def _next_run(self, resource: Resource, custom: Custom) -> str | None:
        """Tell the next tick; one that was told of the same spec stays until it has passed."""
        told = custom.status.get("nextRun")
        is_same = custom.status.get("observedGeneration") == custom.generation
        if is_same and isinstance(told, str) and told > stamp(self._results.now):
            return told
        shown = preview_of(schedule_of(resource.body), after=self._results.now, count=1, zone="UTC")
        return stamp(shown.times[0]) if shown is not None and shown.times else None


_LONGEST_CAUSE = 1000
_COUNTED = {
    "FlyteTask": "tasks",
    "FlyteWorkflow": "workflows",
    "FlyteLaunchPlan": "launchPlans",
}
