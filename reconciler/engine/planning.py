"""From a declaration and a backend to a plan."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.backends.port import Backend
from reconciler.engine import claims, outside, policing
from reconciler.engine.contents import HashKey, read_contents
from reconciler.engine.declaration import Declaration
from reconciler.engine.files import read_archives, read_inputs
from reconciler.engine.provenance import provenance
from reconciler.errors import RefusedError, SpecError
from reconciler.model.digest import UNCLAIMED
from reconciler.model.interface import Catalog
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Held, Ledger
from reconciler.model.live import Live, Query
from reconciler.model.origin import Problem
from reconciler.model.policy import Prune
from reconciler.model.resource import Desired
from reconciler.model.traits import Shape, Traits
from reconciler.plan import runs, versions
from reconciler.plan.compute import compute
from reconciler.plan.context import Context as PlanContext
from reconciler.plan.plan import Effect, Plan
from reconciler.resolve.context import Adapter
from reconciler.resolve.context import Context as ResolveContext
from reconciler.resolve.memo import Memo
from reconciler.resolve.resolve import Resolved, resolve, wants


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person may add to a plan by flags.

    `approved` is the id of a plan whose removals are approved. `take_over` names the source whose
    claim may be taken, `reset_to` the commit that may be applied although it does not follow. With
    `is_hypothetical` the plan only shows what would be, so that a claim is a warning. `identity`
    is what the backend says of itself, where it was asked already. `memo` keeps resolutions for the
    next plan of the same documents.
    """

    approved: str = ""
    take_over: str = ""
    reset_to: str = ""
    is_hypothetical: bool = False
    identity: Mapping[str, str] = field(default_factory=dict)
    memo: Memo | None = field(default=None, repr=False, compare=False)


NO_OPTIONS = Options()


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan beside everything that it was made from."""

    plan: Plan
    ledger: Ledger
    desired: Desired
    live: Live
    declaration: Declaration
    resolved: Resolved
    context: PlanContext


def resolve_offline(
    declaration: Declaration,
    adapters: Mapping[str, Adapter],
    *,
    now: datetime,
    key: HashKey | None = None,
) -> Resolved:
    """Resolve as far as it goes without a backend; what needs one is a problem that says so.

    What secrets are to hold is looked up only with `key`, the connection's key for their hashes.
    """
    context = replace(
        offline_context(declaration, now),
        archives=read_archives(declaration),
        files=read_inputs(declaration),
        contents=read_contents(declaration, key),
        provenance=provenance(declaration),
    )
    return resolve(declaration.declared, adapters, context, scope=declaration.scope, is_whole=False)


def offline_context(declaration: Declaration, now: datetime) -> ResolveContext:
    """Make the context of a resolving without a backend, before anything is read."""
    packages = {item.name for item in declaration.faulty if item.kind == "FlytePackage"}
    context = resolve_context(declaration, now)
    return replace(context, is_offline=True, faulty=frozenset(packages))


async def plan(
    declaration: Declaration,
    backend: Backend,
    *,
    now: datetime,
    options: Options = NO_OPTIONS,
) -> Planned:
    """Resolve, observe and compare.

    Raises SpecError when a document has an error: nothing of the set is planned then. Raises
    RefusedError when the set is claimed by another source or by a newer commit.
    """
    declaration.check()
    identity = options.identity or await backend.identity()
    ledger = await ledger_of(declaration, backend)
    objections = await asyncio.to_thread(_objections, declaration, ledger, options)
    resolved, _ = await resolve_with(declaration, backend, now, memo=options.memo)
    errors = _unserved(declaration, backend.traits, ledger)
    if not declaration.is_independent:
        errors = (*errors, *resolved.errors)
    if errors:
        raise SpecError(errors)
    backend.offer(resolved.attachments)
    backend.offer_contents(resolved.contents)
    unmet = await backend.unmet(resolved.desired.resources)
    resolved = replace(resolved, problems=(*resolved.problems, *unmet))
    view = View(ledger=ledger, identity=identity, now=now, options=options, objections=objections)
    return await plan_resolved(declaration, resolved, backend, view)


async def resolve_with(
    declaration: Declaration, backend: Backend, now: datetime, *, memo: Memo | None = None
) -> tuple[Resolved, Catalog]:
    """Read what documents name, look up what they refer to, and resolve them."""
    context = replace(
        resolve_context(declaration, now),
        provenance=await asyncio.to_thread(provenance, declaration),
    )
    archives = await asyncio.to_thread(read_archives, declaration)
    files = await asyncio.to_thread(read_inputs, declaration)
    contents = await asyncio.to_thread(read_contents, declaration, backend.hmac_key)
    catalog = await backend.catalog(wants(declaration.declared, backend.adapters, context))
    # In a thread, as all that takes long: whoever shares the loop has a lease to renew.
    resolved = await asyncio.to_thread(
        resolve,
        declaration.declared,
        backend.adapters,
        replace(context, catalog=catalog, archives=archives, files=files, contents=contents),
        scope=declaration.scope,
        is_whole=declaration.is_whole,
        memo=memo,
    )
    return _withholding(resolved, declaration.withheld), catalog


def _objections(declaration: Declaration, ledger: Ledger, options: Options) -> tuple[str, ...]:
    """Say whose the set is, where that only has to be said; raises RefusedError elsewhere."""
    try:
        claims.check(declaration, ledger, options.take_over, options.reset_to)
    except RefusedError as error:
        if not options.is_hypothetical:
            raise
        return (f"an apply of this checkout would be refused: {error}",)
    return ()


def _withholding(resolved: Resolved, keys: frozenset[Key]) -> Resolved:
    desired = resolved.desired
    others = keys - desired.resources.keys() - desired.faulty
    if not others:
        return resolved
    return replace(resolved, desired=replace(desired, faulty=desired.faulty | others))


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a plan is made from besides the two states."""

    ledger: Ledger
    identity: Mapping[str, str]
    now: datetime
    options: Options = NO_OPTIONS
    objections: tuple[str, ...] = ()


async def plan_resolved(
    declaration: Declaration, resolved: Resolved, backend: Backend, view: View
) -> Planned:
    """Observe and compare what is resolved already; used again to verify an apply."""
    desired = resolved.desired
    context = plan_context(declaration, desired, backend.traits, view)
    live = await backend.observe(query(desired, context))
    others = await outside.read(runs.minding(desired, context), context, backend)
    context = replace(context, outside=others)
    warnings = (*view.objections, *(item.text for item in resolved.warnings))
    made = await asyncio.to_thread(
        compute, desired, live, context, backend=view.identity, warnings=warnings
    )
    if any(change.effect is Effect.ADOPT for change in made.changes):
        context = replace(context, elsewhere=await _adopted_elsewhere(declaration, backend, made))
        made = compute(desired, live, context, backend=view.identity, warnings=warnings)
    made = replace(
        made,
        verdicts=policing.judge(declaration, desired.resources.values(), backend.traits),
        tree=declaration.tree,
    )
    return Planned(
        plan=made,
        ledger=view.ledger,
        desired=desired,
        live=live,
        declaration=declaration,
        resolved=resolved,
        context=context,
    )


def plan_context(
    declaration: Declaration, desired: Desired, traits: Mapping[str, Traits], view: View
) -> PlanContext:
    """Gather what planning needs besides the two states."""
    return PlanContext(
        set_name=declaration.set_name,
        traits=traits,
        ledger=view.ledger,
        now=view.now,
        desired_digest=desired.digest(),
        previous_names=tuple(declaration.sync.previous_names),
        given_up=declaration.given_up,
        policy=replace(declaration.policy, approved=view.options.approved),
    )


async def _adopted_elsewhere(
    declaration: Declaration, backend: Backend, plan: Plan
) -> Mapping[Key, str]:
    """Read which of the objects to adopt another set has adopted; only adoptions pay for it."""
    wanted = {change.key for change in plan.changes if change.effect is Effect.ADOPT}
    ledgers = await backend.ledgers(await backend.places())
    own = {declaration.set_name, *declaration.sync.previous_names}
    return {
        key: name
        for name, ledger in ledgers.items()
        if name not in own and not ledger.renamed_to
        for key in (*ledger.adopted, *ledger.objects)
        if key in wanted
    }


def query(desired: Desired, context: PlanContext) -> Query:
    """Ask for what is declared and for every place that was ever written."""
    ledger = context.ledger
    places: set[Place] = {place for place in ledger.places if place.is_single}
    places |= {key.place for key in (*ledger.adopted, *ledger.objects) if key.place.is_single}
    described: set[Place] = {key.place for key in context.ledger.archived}
    asked: dict[Key, frozenset[str]] = defaultdict(frozenset)
    records: set[Key] = {
        key for key in context.ledger.rows if _shape(key, context.traits) is Shape.RECORD
    }
    objects: dict[Key, Held | None] = dict(ledger.objects)
    for key in context.given_up:
        if _shape(key, context.traits) in _LISTED and key.place.is_single:
            places.add(key.place)
    for key, resource in desired.resources.items():
        shape = _shape(key, context.traits)
        if shape is Shape.RECORD:
            records.add(key)
            continue
        if shape is Shape.OBJECT:
            held = ledger.objects.get(key)
            objects[key] = held if held and held.digest == resource.digest else None
            places |= {key.place} if key.place.is_single else set()
            continue
        if shape is Shape.RUNS:
            continue
        asked[key] = versions.asked(resource, context)
        if context.traits[key.kind].has_pointer:
            places.add(key.place)
        if resource.description:
            described.add(key.place)
    return Query(
        places=frozenset(places),
        described=frozenset(described),
        versions=asked,
        records=frozenset(records),
        objects=objects,
        expected={key: resource.body for key, resource in desired.resources.items()},
        texts={
            key: resource.description
            for key, resource in desired.resources.items()
            if resource.description
        },
        runs=runs.askings(desired, context),
    )


_LISTED = frozenset({Shape.VERSIONS, Shape.OBJECT})
"""Shapes of what is found by listing a place."""


def _shape(key: Key, traits: Mapping[str, Traits]) -> Shape:
    return traits[key.kind].shape


def resolve_context(declaration: Declaration, now: datetime) -> ResolveContext:
    """Gather what resolving needs of a declaration, without what is read for it."""
    defaults = declaration.sync.defaults
    return ResolveContext(
        set_name=declaration.set_name,
        now=now,
        default_project=defaults.project or "",
        default_domain=defaults.domain or "",
        versions=dict(declaration.sync.versions),
        types=declaration.types,
    )


def _unserved(
    declaration: Declaration, traits: Mapping[str, Traits], ledger: Ledger
) -> tuple[Problem, ...]:
    """Refuse a prune policy that this backend has no calls for, in this set."""
    document = declaration.sync_document
    if document is None:
        return ()
    kinds = {item.kind for item in declaration.declared} | {key.kind for key in ledger.objects}
    deletable = {kind for kind, item in traits.items() if item.is_deletable}
    has_others = any(item.is_archivable for item in traits.values())
    match declaration.policy.prune:
        case Prune.DELETE if not deletable or (has_others and not deletable & kinds):
            why, fix = "Delete needs a Flyte 2; this one deletes secrets alone", "write Archive"
        case Prune.ARCHIVE if not any(item.is_archivable for item in traits.values()):
            why, fix = "Archive needs a Flyte 1; this one archives nothing", "write Delete"
        case _:
            return ()
    return (document.problem(why, "prune", fix=fix),)


async def ledger_of(declaration: Declaration, backend: Backend) -> Ledger:
    """Read the set's ledger; a renamed set takes over that of its former name."""
    name = declaration.set_name
    if name == UNCLAIMED:
        return Ledger(UNCLAIMED)
    found = await backend.read_ledger(name, declaration.home)
    names = declaration.sync.previous_names
    if found.revision and found.renamed_to not in names:
        return found
    for former in names:
        old = await backend.read_ledger(former, declaration.home)
        if old.revision:
            moved = "" if old.renamed_to == name else old.renamed_to
            home = found.home or old.home
            return replace(old, set_name=name, revision=found.revision, home=home, renamed_to=moved)
    return found


async def close_former(declaration: Declaration, backend: Backend, ledger: Ledger) -> None:
    """Say in the ledgers of former names that the set has another one.

    Done before the first write under the new name, so that nothing is ever written under both.
    """
    if ledger.revision or not declaration.has_sync:
        return
    for former in declaration.sync.previous_names:
        old = await backend.read_ledger(former, declaration.home)
        if old.revision and not old.renamed_to and old.home is not None:
            await backend.write_ledger(replace(old, renamed_to=declaration.set_name), old.home)
