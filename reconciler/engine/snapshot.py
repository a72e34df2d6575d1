"""Reads what plans of a set need to know of a backend, so that they can be made without one.

Read is more than one plan asks for: all of the set's scope, every version that the set has made,
and the content of every mutable object, since the plan that uses it is of other documents.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from reconciler.backends.port import Backend
from reconciler.backends.snapshot import taking
from reconciler.backends.snapshot.hiding import Hider
from reconciler.backends.snapshot.recorded import Snapshot
from reconciler.engine import planning
from reconciler.engine.declaration import Declaration
from reconciler.errors import SpecError, UsageError
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Ledger
from reconciler.model.live import Live, Object, Query
from reconciler.model.traits import Shape, Traits
from reconciler.resolve.context import Adapter
from reconciler.specs.secret import SecretSpec
from reconciler.specs.validate import Declared

_KEY_BYTES = 32
_PROJECT = "FlyteProject"


async def take(declaration: Declaration, backend: Backend, *, now: datetime) -> Snapshot:
    """Make a snapshot for the set.

    Raises UsageError without a FlyteSync, SpecError for faulty documents, BackendError when the
    backend does not answer.
    """
    if not declaration.has_sync:
        raise UsageError(
            "snapshot: needs a FlyteSync, whose scope it is of; write a reconcile.yaml"
        )
    declaration.check()
    known = without_unknown(declaration, backend.adapters, now)
    identity = await backend.identity()
    names = (declaration.set_name, *declaration.sync.previous_names)
    ledgers = {name: await backend.read_ledger(name, declaration.home) for name in names}
    resolved, catalog = await planning.resolve_with(known, backend, now)
    if resolved.errors:
        raise SpecError(resolved.errors)
    backend.offer(resolved.attachments)
    ledger = await planning.ledger_of(declaration, backend)
    view = planning.View(ledger=ledger, identity=identity, now=now)
    context = planning.plan_context(known, resolved.desired, backend.traits, view)
    existing = await backend.places()
    query = _widened(planning.query(resolved.desired, context), declaration, existing, backend)
    live = await _read(backend, query)
    hider = Hider(os.urandom(_KEY_BYTES))
    return Snapshot(
        hider=hider,
        made_at=now.isoformat(timespec="seconds"),
        set_name=declaration.set_name,
        connection={**identity, "chosenBy": ""},
        ledgers={name: taking.without_secrets(one) for name, one in ledgers.items()},
        places=query.places,
        existing=frozenset(
            hider.mark(name) for place in existing for name in (str(place), place.project)
        ),
        catalog=catalog,
        items=taking.items(live.objects, backend.traits, hider),
        records=query.records,
        unreadable=live.unreadable,
        elsewhere=_elsewhere(await backend.ledgers(existing), names, query.places),
    )


def without_unknown(
    declaration: Declaration, adapters: Mapping[str, Adapter], now: datetime
) -> Declaration:
    """Leave secrets and runs out, which stay as they are: no snapshot knows anything of them."""
    context = planning.resolve_context(declaration, now)
    left = [item for item in declaration.declared if _is_unknown(item, adapters)]
    withheld = {key for item in left for key in adapters[item.kind].about(item, context)[:1]}
    return replace(
        declaration,
        declared=tuple(item for item in declaration.declared if not _is_unknown(item, adapters)),
        withheld=declaration.withheld | withheld,
    )


def _is_unknown(declared: Declared, adapters: Mapping[str, Adapter]) -> bool:
    adapter = adapters.get(declared.kind)
    is_of_runs = adapter is not None and adapter.traits.shape is Shape.RUNS
    return is_of_runs or isinstance(declared.spec, SecretSpec)


def _widened(
    query: Query, declaration: Declaration, existing: frozenset[Place], backend: Backend
) -> Query:
    scope = declaration.scope
    allowed = {place for place in existing if scope is not None and scope.allows(place)}
    places = query.places | allowed
    records = {
        Key(kind, place.project, "" if kind == _PROJECT else place.domain)
        for kind in _records(backend.traits)
        for place in places
    }
    return replace(
        query,
        places=places,
        described=places,
        records=query.records | records,
        objects={key: None for key in query.objects if key.kind != taking.SECRET},
        sets=frozenset({declaration.set_name, *declaration.sync.previous_names}),
        runs={},
    )


def _records(traits: Mapping[str, Traits]) -> list[str]:
    return [kind for kind, one in traits.items() if one.shape is Shape.RECORD]


async def _read(backend: Backend, query: Query) -> Live:
    """Read twice where the first reading only lists: the second asks for what it named."""
    live = await backend.observe(query)
    listed = {
        key: None
        for key, item in live.objects.items()
        if isinstance(item, Object) and key.kind != taking.SECRET and item.body is None
    }
    if not listed:
        return live
    return await backend.observe(replace(query, objects={**query.objects, **listed}))


def _elsewhere(
    ledgers: Mapping[str, Ledger], own: tuple[str, ...], places: frozenset[Place]
) -> dict[Key, str]:
    return {
        key: name
        for name, ledger in ledgers.items()
        if name not in own and not ledger.renamed_to
        for key in (*ledger.adopted, *ledger.objects)
        if key.place in places and key.kind != taking.SECRET
    }
