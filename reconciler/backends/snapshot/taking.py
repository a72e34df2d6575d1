"""Turns what a backend answered into what a snapshot holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.backends.snapshot.hiding import Hider
from reconciler.backends.snapshot.recorded import Content, Fields, Item, Name, Thing, Version
from reconciler.model.document import Json
from reconciler.model.key import Key
from reconciler.model.ledger import Entry, Ledger
from reconciler.model.live import Found, LiveVersion, Object, Record, Runs, Versions
from reconciler.model.traits import Traits

SECRET = "FlyteSecret"  # noqa: S105 - the name of a kind


def items(
    objects: Mapping[Key, Found], traits: Mapping[str, Traits], hider: Hider
) -> dict[Key, Item]:
    """Hide the values of all that was read; secrets are left out altogether."""
    return {
        key: _item(item, traits[key.kind], hider)
        for key, item in objects.items()
        if key.kind != SECRET and not isinstance(item, Runs)
    }


def without_secrets(ledger: Ledger) -> Ledger:
    """Leave out what a ledger holds of secrets and runs, and who did what."""
    objects = {key: held for key, held in ledger.objects.items() if key.kind != SECRET}
    return replace(ledger, objects=objects, runs={}, entry=Entry())


def _item(item: Versions | Record | Object, traits: Traits, hider: Hider) -> Item:
    match item:
        case Versions():
            about = item.about
            running = {one.version for one in item.active}
            return Name(
                active=tuple(_version(one, traits, hider) for one in item.active),
                registered=tuple(
                    _version(one, traits, hider, is_told=one.version in running)
                    for _, one in sorted(item.registered.items())
                ),
                description=None if about is None else hider.mark(about.description),
                is_archived=about is not None and about.is_archived,
            )
        case Record():
            fields = hider.hide_record(item.fields)
            return Fields(fields, item.facts, item.exists, item.revision)
        case Object():
            return Thing(
                revision=item.revision,
                content=None if item.body is None else _content(item.body, traits, hider),
                digest=item.digest,
                is_active=item.is_active,
                listed=item.listed,
                changed=item.changed,
            )


def _version(one: LiveVersion, traits: Traits, hider: Hider, *, is_told: bool = True) -> Version:
    if one.body is None:
        return Version(one.version)
    return Version(one.version, _content(one.body, traits, hider, is_told=is_told))


def _content(
    body: dict[str, Json], traits: Traits, hider: Hider, *, is_told: bool = True
) -> Content:
    if not is_told:
        return Content(hider.mark(body))
    said = hider.hide_fields(traits.describe(body))
    return Content(hider.mark(body), said, body.get("schedule"))
