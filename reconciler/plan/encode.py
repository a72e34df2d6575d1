"""Plan <-> JSON. The format is published in specs/plan.schema.json; readers ignore unknown keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.model import ledger, sealed
from reconciler.model.document import Json, filled
from reconciler.model.key import Key, Place
from reconciler.model.origin import Origin
from reconciler.model.policy import Prune
from reconciler.model.resource import Reference
from reconciler.model.traits import Verb
from reconciler.plan.drive_json import decode_drive, encode_drive
from reconciler.plan.plan import (
    FORMAT_VERSION,
    Action,
    Block,
    Change,
    Effect,
    FieldChange,
    Keeps,
    Plan,
    Reason,
)
from reconciler.plan.policies import Verdict, Violation


def encode(plan: Plan) -> dict[str, Json]:
    """Write a plan as JSON; nothing in it depends on the clock."""
    parts = _parts(plan)
    return sealed.seal(parts)


def _parts(plan: Plan) -> dict[str, Json]:
    summary = plan.summary()
    return {
        "formatVersion": FORMAT_VERSION,
        "planId": plan.id,
        "set": plan.set_name,
        "connection": dict(plan.backend),
        "desired": plan.desired,
        "isWhole": plan.is_whole,
        **({"tree": plan.tree} if plan.tree else {}),
        "changes": [_change(change) for change in plan.changes],
        "foreign": [str(key) for key in plan.foreign],
        "warnings": list(plan.warnings),
        "bookkeeping": list(plan.bookkeeping),
        "keeps": {
            "protect": {str(key): value for key, value in sorted(plan.keeps.protect.items())},
            "rows": {
                str(key): list[Json](sorted(rows)) for key, rows in sorted(plan.keeps.rows.items())
            },
            "places": [str(place) for place in sorted(plan.keeps.places)],
            "applied": "".join(sorted(plan.keeps.applied)),
            "released": [str(key) for key in sorted(plan.keeps.released)],
            **_objects(plan.keeps),
            **_driven(plan.keeps),
            **_on_removal(plan.keeps),
        },
        **encode_verdicts(plan.verdicts),
        **_drives(plan),
        "summary": {
            "add": summary.add,
            "change": summary.change,
            "remove": summary.remove,
            "adopt": summary.adopt,
            "blocked": summary.blocked,
            "unchanged": summary.unchanged,
            "unread": plan.unread,
            **({"start": summary.start} if summary.start else {}),
            **({"waiting": summary.waiting} if summary.waiting else {}),
        },
    }


def encode_verdicts(verdicts: Sequence[Verdict]) -> dict[str, Json]:
    """Write the verdicts of policies; nothing where there are no policies."""
    found: list[Json] = [
        {
            "policy": one.policy,
            "asks": one.asks,
            "passed": one.passed,
            "checked": one.checked,
            "violations": [
                {
                    "key": str(item.key),
                    "source": _source(item.origin),
                    "path": item.path,
                    "message": item.message,
                    "fix": item.fix,
                }
                for item in one.violations
            ],
        }
        for one in verdicts
    ]
    return {"policies": found} if found else {}


def _drives(plan: Plan) -> dict[str, Json]:
    """Write how far declarations of runs are; nothing where there are none."""
    found: list[Json] = [
        encode_drive(key, drive, waits=plan.waiting.get(key, drive.waits))
        for key, drive in sorted(plan.drives.items())
    ]
    return {"runs": found} if found else {}


def _driven(keeps: Keeps) -> dict[str, Json]:
    found: dict[str, Json] = {
        str(key): ledger.encode_driven(one) for key, one in sorted(keeps.runs.items())
    }
    return {"runs": found} if found else {}


def _source(origin: Origin | None) -> Json:
    if origin is None:
        return None
    return {"file": origin.file, "line": origin.line, "column": origin.column}


def _on_removal(keeps: Keeps) -> dict[str, Json]:
    found: dict[str, Json] = {
        str(key): how.value if how is not None else None
        for key, how in sorted(keeps.on_removal.items())
    }
    return {"onRemoval": found} if found else {}


def _objects(keeps: Keeps) -> dict[str, Json]:
    objects: dict[str, Json] = {
        str(key): [held.revision, held.digest, held.adopted]
        for key, held in sorted(keeps.objects.items())
    }
    return {"objects": objects} if objects else {}


def _change(change: Change) -> dict[str, Json]:
    parts: dict[str, Json] = {
        "key": str(change.key),
        "source": _source(change.origin),
        "effect": change.effect.value,
        "reason": change.reason.value,
        "group": change.group,
        "awaits": change.awaits,
        "fields": [
            {"path": item.path, "before": item.before, "after": item.after}
            for item in change.fields
        ],
        "actions": [_action(action) for action in change.actions],
        "notes": list(change.notes),
        "owns": change.owns,
        "digest": change.digest,
        "renamedTo": change.renamed_to,
        "asked": list(change.asked),
        "fingerprint": change.fingerprint,
        "blocked": {"by": change.block.value, "detail": change.block_detail}
        if change.block
        else None,
    }
    return {name: part for name, part in parts.items() if part or name == "fields"}


def _action(action: Action) -> dict[str, Json]:
    parts: dict[str, Json] = {
        "id": action.id,
        "verb": action.verb.value,
        "call": action.call,
        "version": action.version,
        "field": action.field,
        "revision": action.revision,
        "active": action.active,
        "refs": [{"key": str(ref.key), "version": ref.version} for ref in action.refs],
        "body": action.body,
        "waits": list(action.waits),
        "opens": list(action.opens),
    }
    return filled(parts)


def decode(value: dict[str, Any]) -> Plan:
    """Read a saved plan.

    Raises ValueError when it is of another major format, not a plan, or was edited since.
    """
    sealed.check(value, what="plan", version=FORMAT_VERSION, again="make the plan again")
    try:
        return Plan(
            id=value["planId"],
            set_name=value["set"],
            backend=value["connection"],
            desired=value["desired"],
            changes=tuple(_read_change(item) for item in value["changes"]),
            unchanged=value["summary"]["unchanged"],
            unread=value["summary"]["unread"],
            foreign=tuple(Key.parse(text) for text in value["foreign"]),
            warnings=tuple(value["warnings"]),
            bookkeeping=tuple(value["bookkeeping"]),
            keeps=_read_keeps(value["keeps"]),
            is_whole=value["isWhole"],
            tree=value.get("tree", ""),
            verdicts=tuple(_read_verdict(item) for item in value.get("policies", [])),
            drives=dict(decode_drive(item) for item in value.get("runs", [])),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is not a whole plan: {error!r} is missing or wrong") from error


def _read_verdict(value: dict[str, Any]) -> Verdict:
    return Verdict(
        policy=value["policy"],
        asks=value["asks"],
        checked=value["checked"],
        violations=tuple(
            Violation(
                key=Key.parse(item["key"]),
                path=item["path"],
                message=item["message"],
                fix=item["fix"],
                origin=_read_source(item["source"]),
            )
            for item in value["violations"]
        ),
    )


def _read_source(source: dict[str, Any] | None) -> Origin | None:
    return Origin(source["file"], source["line"], source["column"]) if source else None


def _read_keeps(value: dict[str, Any]) -> Keeps:
    return Keeps(
        protect={Key.parse(key): on for key, on in value["protect"].items()},
        on_removal={
            Key.parse(key): None if how is None else Prune(how)
            for key, how in value.get("onRemoval", {}).items()
        },
        rows={Key.parse(key): frozenset(rows) for key, rows in value["rows"].items()},
        places=frozenset(Place.parse(text) for text in value["places"]),
        applied=ledger.split_marks(value["applied"]),
        released=frozenset(Key.parse(text) for text in value["released"]),
        objects={
            Key.parse(key): ledger.Held(*held) for key, held in value.get("objects", {}).items()
        },
        runs={
            Key.parse(key): ledger.decode_driven(one) for key, one in value.get("runs", {}).items()
        },
    )


def _read_change(value: dict[str, Any]) -> Change:
    key = Key.parse(value["key"])
    blocked = value.get("blocked")
    return Change(
        key=key,
        effect=Effect(value["effect"]),
        reason=Reason(value["reason"]),
        fingerprint=value.get("fingerprint", ""),
        origin=_read_source(value.get("source")),
        group=value.get("group", ""),
        awaits=value.get("awaits", ""),
        fields=tuple(
            FieldChange(item["path"], item["before"], item["after"]) for item in value["fields"]
        ),
        actions=tuple(_read_action(key, item) for item in value.get("actions", [])),
        notes=tuple(value.get("notes", [])),
        owns=value.get("owns", ""),
        digest=value.get("digest", ""),
        renamed_to=value.get("renamedTo", ""),
        asked=tuple(value.get("asked", [])),
        block=Block(blocked["by"]) if blocked else None,
        block_detail=blocked["detail"] if blocked else "",
    )


def _read_action(key: Key, value: dict[str, Any]) -> Action:
    return Action(
        id=value["id"],
        key=key,
        verb=Verb(value["verb"]),
        call=value["call"],
        version=value.get("version", ""),
        field=value.get("field", ""),
        revision=value.get("revision", ""),
        active=value.get("active", False),
        refs=tuple(
            Reference(Key.parse(item["key"]), item["version"]) for item in value.get("refs", [])
        ),
        body=value.get("body"),
        waits=tuple(value.get("waits", [])),
        opens=tuple(value.get("opens", [])),
    )
