"""Snapshot <-> JSON. The format is published in specs/snapshot.schema.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.backends.snapshot.hiding import Hider
from reconciler.backends.snapshot.recorded import (
    Content,
    Fields,
    Item,
    Name,
    Snapshot,
    Thing,
    Version,
)
from reconciler.model import ledger as ledgers
from reconciler.model import sealed
from reconciler.model.document import Json
from reconciler.model.interface import Missing, Task, Unread, Want, Workflow
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Ledger

FORMAT_VERSION = "1.0"
"""A new minor adds fields, a new major breaks."""


def encode(snapshot: Snapshot) -> dict[str, Json]:
    """Write a snapshot as JSON."""
    parts: dict[str, Json] = {
        "formatVersion": FORMAT_VERSION,
        "madeAt": snapshot.made_at,
        "key": snapshot.hider.key.hex(),
        "set": snapshot.set_name,
        "connection": dict(snapshot.connection),
        "ledgers": {name: _ledger(one) for name, one in sorted(snapshot.ledgers.items())},
        "places": [str(place) for place in sorted(snapshot.places)],
        "existing": list[Json](sorted(snapshot.existing)),
        "records": [str(key) for key in sorted(snapshot.records)],
        "catalog": [
            {**_want(want), **_found(found)} for want, found in sorted(snapshot.catalog.items())
        ],
        "objects": {str(key): _item(item) for key, item in sorted(snapshot.items.items())},
        "unreadable": [
            {"kind": kind, "place": str(place), "cause": cause}
            for (kind, place), cause in sorted(snapshot.unreadable.items())
        ],
        "elsewhere": {str(key): name for key, name in sorted(snapshot.elsewhere.items())},
    }
    return sealed.seal(parts)


def _plain(parts: Mapping[str, Json]) -> dict[str, Json]:
    return {name: part for name, part in parts.items() if part not in (None, "", False, {}, [])}


def _ledger(ledger: Ledger) -> dict[str, Json]:
    home = str(ledger.home) if ledger.home is not None else ""
    return {"revision": ledger.revision, "home": home, "content": ledgers.encode(ledger)}


def _want(want: Want) -> dict[str, Json]:
    return _plain(
        {
            "project": want.project,
            "domain": want.domain,
            "name": want.name,
            "version": want.version,
            "matching": want.matching,
            "plan": want.plan,
        }
    )


def _found(found: Workflow | Missing | Unread) -> dict[str, Json]:
    match found:
        case Missing(reason=reason):
            return {"missing": reason}
        case Unread(cause=cause):
            return {"unread": cause}
        case Task():
            return {
                "task": {
                    **_interface(found),
                    **_plain(
                        {
                            "isCached": found.is_cached,
                            "cacheIgnored": list[Json](found.cache_ignored),
                            "sdk": found.sdk,
                        }
                    ),
                }
            }
        case _:
            return {"workflow": _interface(found)}


def _interface(found: Workflow) -> dict[str, Json]:
    return {
        "project": found.project,
        "domain": found.domain,
        "name": found.name,
        "version": found.version,
        "inputs": dict(found.inputs),
        "defaults": dict(found.defaults),
    }


def _item(item: Item) -> dict[str, Json]:
    match item:
        case Name():
            return {
                "versions": {
                    "active": [_version(one) for one in item.active],
                    "registered": [_version(one) for one in item.registered],
                    **_plain({"description": item.description, "isArchived": item.is_archived}),
                }
            }
        case Fields():
            return {
                "record": {
                    "fields": dict(item.fields),
                    "facts": dict(item.facts),
                    "exists": item.exists,
                    **_plain({"revision": item.revision}),
                }
            }
        case Thing():
            return {
                "object": {
                    "revision": item.revision,
                    **_plain(
                        {
                            "content": _content(item.content),
                            "digest": item.digest,
                            "isActive": item.is_active,
                            "listed": dict(item.listed),
                            "changed": item.changed,
                        }
                    ),
                }
            }


def _version(one: Version) -> dict[str, Json]:
    return _plain({"version": one.version, "content": _content(one.content)})


def _content(content: Content | None) -> Json:
    if content is None:
        return None
    return _plain({"mark": content.mark, "said": content.said, "schedule": content.schedule})


def decode(value: dict[str, Any]) -> Snapshot:
    """Read a snapshot.

    Raises ValueError when it is of another major format, not a snapshot, or was edited since.
    """
    sealed.check(value, what="snapshot", version=FORMAT_VERSION, again="make it again")
    try:
        return Snapshot(
            hider=Hider(bytes.fromhex(value["key"])),
            made_at=value["madeAt"],
            set_name=value["set"],
            connection=value["connection"],
            ledgers={name: _read_ledger(one) for name, one in value["ledgers"].items()},
            places=frozenset(map(Place.parse, value["places"])),
            existing=frozenset(value["existing"]),
            records=frozenset(map(Key.parse, value["records"])),
            catalog=dict(map(_read_answer, value["catalog"])),
            items={Key.parse(key): _read_item(one) for key, one in value["objects"].items()},
            unreadable={
                (one["kind"], Place.parse(one["place"])): one["cause"]
                for one in value["unreadable"]
            },
            elsewhere={Key.parse(key): name for key, name in value["elsewhere"].items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is not a whole snapshot: {error!r} is missing or wrong") from error


def _read_ledger(value: dict[str, Any]) -> Ledger:
    content, home = value["content"], value["home"]
    if not home:
        return Ledger(content["set"])
    return ledgers.decode(content, revision=value["revision"], home=Place.parse(home))


def _read_answer(value: dict[str, Any]) -> tuple[Want, Workflow | Missing | Unread]:
    want = Want(
        value["project"],
        value["domain"],
        value["name"],
        version=value.get("version", ""),
        matching=value.get("matching", ""),
        plan=value.get("plan", ""),
    )
    if "missing" in value:
        return want, Missing(value["missing"])
    if "unread" in value:
        return want, Unread(value["unread"])
    if "task" not in value:
        return want, Workflow(**value["workflow"])
    told = dict(value["task"])
    return want, Task(
        is_cached=told.pop("isCached", False),
        cache_ignored=tuple(told.pop("cacheIgnored", ())),
        sdk=told.pop("sdk", ""),
        **told,
    )


def _read_item(value: dict[str, Any]) -> Item:
    if "versions" in value:
        told = value["versions"]
        return Name(
            active=tuple(map(_read_version, told["active"])),
            registered=tuple(map(_read_version, told["registered"])),
            description=told.get("description"),
            is_archived=told.get("isArchived", False),
        )
    if "record" in value:
        told = value["record"]
        return Fields(told["fields"], told["facts"], told["exists"], told.get("revision", ""))
    told = value["object"]
    return Thing(
        revision=told["revision"],
        content=_read_content(told.get("content")),
        digest=told.get("digest", ""),
        is_active=told.get("isActive", False),
        listed=told.get("listed", {}),
        changed=told.get("changed", ""),
    )


def _read_version(value: dict[str, Any]) -> Version:
    return Version(value["version"], _read_content(value.get("content")))


def _read_content(value: dict[str, Any] | None) -> Content | None:
    if value is None:
        return None
    return Content(value["mark"], value.get("said"), value.get("schedule"))
