"""FlyteProject documents against one Flyte: read, resolve, observe, plan, apply, plan again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from flyteidl.admin import project_attributes_pb2, project_pb2

from reconciler.apply import execute
from reconciler.backends.flyte1 import methods
from reconciler.backends.flyte1.adapters import ADAPTERS
from reconciler.backends.flyte1.backend import Flyte1
from reconciler.backends.flyte1.project.spec import KIND
from reconciler.backends.flyte1.project.values import KINDS
from reconciler.backends.port import Backend
from reconciler.backends.wire import method
from reconciler.backends.wire.channel import Channel
from reconciler.model.document import Json
from reconciler.model.key import Key
from reconciler.model.ledger import Claim, Ledger
from reconciler.model.live import Query, Record
from reconciler.model.origin import Problem
from reconciler.plan import settle
from reconciler.plan.compute import compute
from reconciler.plan.context import Context
from reconciler.plan.plan import Plan
from reconciler.resolve.context import Adapter
from reconciler.resolve.context import Context as ResolveContext
from reconciler.resolve.resolve import Resolved, resolve
from reconciler.sources.yaml import parse
from reconciler.specs.validate import validate

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = (
    "apiVersion: flyte.reconciler.dev/v1alpha1\nkind: FlyteProject\nmetadata: {name: some}\nspec:"
)


def read(
    spec: str, adapters: Mapping[str, Adapter] = ADAPTERS
) -> tuple[Resolved | None, tuple[Problem, ...]]:
    """Resolve a project by the text of its spec in flow style, or documents that are whole.

    Without a result where one is faulty.
    """
    text = spec if spec.startswith("apiVersion") else f"{HEAD} {spec}\n"
    documents, problems = parse(text.encode(), file="p.yaml")
    assert not problems
    found = validate(documents)
    if found.problems:
        return None, found.problems
    context = ResolveContext(set_name="ranking-prod", now=NOW)
    resolved = resolve(found.declared, adapters, context, is_whole=True)
    return resolved, resolved.problems


@dataclass
class World:
    """One Flyte and the ledger of one set."""

    channel: Channel
    project: str
    ledger: Ledger = field(default_factory=lambda: Ledger("ranking-prod", revision=1))
    opened: Callable[[Channel], Backend] = Flyte1

    @property
    def key(self) -> Key:
        return Key(KIND, self.project)

    @property
    def backend(self) -> Backend:
        return self.opened(self.channel)

    async def fields(self, key: Key | None = None) -> dict[str, Json]:
        """Read what is there of the project, or of another record."""
        wanted = key or self.key
        live = await self.backend.observe(Query(records=frozenset({wanted})))
        record = live.get(wanted)
        assert isinstance(record, Record)
        return dict(record.fields)

    async def plan(self, spec: str = "") -> Plan:
        """Plan a document by its spec, or an empty declaration."""
        backend = self.backend
        if spec:
            resolved, problems = read(spec, backend.adapters)
            assert resolved is not None, problems
            assert not resolved.errors, problems
        else:
            context = ResolveContext(set_name="ranking-prod", now=NOW)
            resolved = resolve((), backend.adapters, context, is_whole=True)
        desired = replace(resolved.desired, is_whole=True)
        records = frozenset({*desired.resources, *self.ledger.rows})
        live = await backend.observe(Query(records=records))
        planning = Context(
            set_name="ranking-prod",
            traits=backend.traits,
            ledger=self.ledger,
            now=NOW,
            desired_digest=desired.digest(),
        )
        return compute(desired, live, planning, backend={})

    async def apply(self, spec: str = "") -> Plan:
        """Plan and apply; every action must succeed."""
        plan = await self.plan(spec)
        report = await execute.run(plan.changes, self.backend.perform)
        assert not report.failures, report.failures
        opened = settle.before(self.ledger, plan, claim=Claim("c", "s"))
        self.ledger = settle.after(opened, plan, done=report.done, now=NOW)
        return plan

    async def converge(self, spec: str = "") -> Plan:
        """Apply something that nothing holds back; a second plan must be empty."""
        plan = await self.apply(spec)
        assert not plan.blocked, plan.blocked
        again = await self.plan(spec)
        assert again.is_empty, again.changes
        return plan

    def written(self) -> dict[str, int]:
        """Count the calls that write, and forget all calls."""
        table = self.channel.dialect.methods
        found = {
            name: count
            for name, count in self.channel.calls.items()
            if table[name].effect is method.Effect.WRITE
        }
        self.channel.calls.clear()
        return found

    async def clear(self) -> None:
        """Leave nothing but the project's name on a server that others use."""
        if not await self.fields():
            return
        project = project_pb2.Project(id=self.project)
        await self.channel.call(methods.UPDATE_PROJECT, project)
        for kind in KINDS.values():
            request = project_attributes_pb2.ProjectAttributesDeleteRequest(
                project=self.project, resource_type=kind
            )
            await self.channel.call(methods.DELETE_PROJECT_ATTRIBUTES, request)
        project.state = project_pb2.Project.ARCHIVED
        await self.channel.call(methods.UPDATE_PROJECT, project)
