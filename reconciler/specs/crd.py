"""Writes the CustomResourceDefinitions of the kinds, from the same models as everything else.

`kubectl explain` shows the descriptions, the API server itself refuses what the schema and its
rules can say, and `kubectl get` has the columns that a person looks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from reconciler.specs import crd_schema, descriptions
from reconciler.specs.crd_rules import OF_DOCUMENTS
from reconciler.specs.registry import GROUP, KINDS, VERSION
from reconciler.specs.schema import Schema

_HEAD = "# Written by `make generate` from the models in reconciler/specs.\n"
_WIDTH = 100
_CATEGORY = "flyte"


class _Plain(yaml.SafeDumper):
    """Writes what stands in two places twice."""

    def ignore_aliases(self, data: object) -> bool:
        """Use no anchor, whatever it is."""
        del data
        return True


@dataclass(frozen=True, slots=True)
class Names:
    """How a kind is called on the command line of kubectl."""

    plural: str
    short: str


NAMES: dict[str, Names] = {
    "FlyteSync": Names("flytesyncs", "fsync"),
    "FlyteConnection": Names("flyteconnections", "fconn"),
    "FlyteProject": Names("flyteprojects", "fproj"),
    "FlyteSettings": Names("flytesettings", "fset"),
    "FlytePackage": Names("flytepackages", "fpkg"),
    "FlyteLaunchPlan": Names("flytelaunchplans", "flp"),
    "FlyteSecret": Names("flytesecrets", "fsec"),
    "FlyteTrigger": Names("flytetriggers", "ftr"),
    "FlyteBackfill": Names("flytebackfills", "fbf"),
    "FlyteRun": Names("flyteruns", "frun"),
    "FlyteSignal": Names("flytesignals", "fsig"),
}
"""Plural and short names; no two kinds share one."""

_TEXT = "string"
_NUMBER = "integer"
_FIRST = 20
"""How many entries a list in a status holds at most."""

_Field = tuple[str, str, str]
"""Name, type and description."""

_COMMON: tuple[_Field, ...] = (
    ("lastHandledReconcileAt", _TEXT, "The last value of the annotation that asked for a pass."),
    ("key", _TEXT, "The object on Flyte, such as FlyteLaunchPlan/PROJECT/DOMAIN/NAME."),
    ("set", _TEXT, "The set that owns the object."),
    ("connection", _TEXT, "The FlyteConnection that the object is applied through."),
)
_NAME: _Field = ("name", _TEXT, "The name on Flyte.")
_STATE: _Field = ("state", _TEXT, "The state on Flyte, such as Active, Inactive or Unmanaged.")
_NEXT: _Field = ("nextRun", _TEXT, "When the schedule fires next, in UTC.")
_STATUS: dict[str, tuple[_Field, ...]] = {
    "FlyteSync": (
        ("planId", _TEXT, "The plan of the last pass; approve it by this id."),
        ("objects", _NUMBER, "How many objects the set declares."),
        ("pending", _NUMBER, "How many changes are not done."),
        ("problems", "texts", "What is wrong, the first of it."),
        ("lastAppliedAt", _TEXT, "When a pass last changed something."),
        ("lastAttemptedRevision", _TEXT, "The commit that was tried last, such as main@sha1:..."),
        ("lastAppliedRevision", _TEXT, "The commit that Flyte is like."),
    ),
    "FlyteConnection": (
        ("endpoint", _TEXT, "The address that answers."),
        ("flyte", _TEXT, "The generation of Flyte behind it: Flyte1 or Flyte2."),
        ("version", _TEXT, "The version that the server says it has."),
    ),
    "FlyteProject": (_STATE,),
    "FlyteSettings": (_STATE,),
    "FlytePackage": (
        ("tasks", _NUMBER, "How many tasks the package holds."),
        ("workflows", _NUMBER, "How many workflows the package holds."),
        ("launchPlans", _NUMBER, "How many launch plans the package holds."),
    ),
    "FlyteLaunchPlan": (
        *(_NAME, ("version", _TEXT, "The version that is active, or that is declared.")),
        *(_STATE, _NEXT),
        ("missedTicks", _NUMBER, "Ticks that nothing ran, where the schedule keeps its gaps."),
    ),
    "FlyteSecret": (_STATE,),
    "FlyteTrigger": (_NAME, ("revision", _NUMBER, "Its revision on Flyte."), _STATE, _NEXT),
    "FlyteBackfill": (
        ("ticks", _NUMBER, "How many ticks the window has."),
        ("covered", _NUMBER, "How many of them a run did."),
        ("inFlight", _NUMBER, "How many have a run that goes on."),
        ("missing", _NUMBER, "How many have no run."),
        ("failed", _NUMBER, "How many failed."),
        ("estimate", _TEXT, "How long what is missing takes at the pace so far, such as 2h30m."),
        (
            "open",
            "texts",
            "The first ticks that are not covered, with their runs and where to look.",
        ),
    ),
    "FlyteRun": (
        ("run", _TEXT, "The name of the run on Flyte."),
        ("phase", _TEXT, "The phase of the run, such as running or succeeded."),
        ("cause", _TEXT, "Why it did not end well."),
        ("outputs", "values", "The outputs of the run; long ones are cut."),
    ),
    "FlyteSignal": (
        ("run", _TEXT, "The name of the run that waits."),
        ("phase", _TEXT, "The phase of that run."),
    ),
}
_COLUMNS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "FlyteSync": (
        ("Connection", _TEXT, ".spec.connection"),
        ("Objects", _NUMBER, ".status.objects"),
        ("Pending", _NUMBER, ".status.pending"),
        ("Suspend", "boolean", ".spec.suspend"),
    ),
    "FlyteConnection": (
        ("Endpoint", _TEXT, ".status.endpoint"),
        ("Flyte", _TEXT, ".status.flyte"),
        ("Version", _TEXT, ".status.version"),
    ),
    "FlyteProject": (("State", _TEXT, ".status.state"),),
    "FlyteSettings": (("Domain", _TEXT, ".spec.domain"),),
    "FlytePackage": (
        ("Tasks", _NUMBER, ".status.tasks"),
        ("Workflows", _NUMBER, ".status.workflows"),
        ("Plans", _NUMBER, ".status.launchPlans"),
    ),
    "FlyteLaunchPlan": (
        ("Plan", _TEXT, ".status.name"),
        ("Version", _TEXT, ".status.version"),
        ("State", _TEXT, ".status.state"),
        ("Next run", _TEXT, ".status.nextRun"),
    ),
    "FlyteSecret": (("Set", _TEXT, ".status.set"),),
    "FlyteTrigger": (
        ("Trigger", _TEXT, ".status.name"),
        ("Task", _TEXT, ".spec.task.name"),
        ("Revision", _NUMBER, ".status.revision"),
        ("State", _TEXT, ".status.state"),
        ("Next run", _TEXT, ".status.nextRun"),
    ),
    "FlyteBackfill": (
        ("State", _TEXT, ".spec.state"),
        ("Ticks", _NUMBER, ".status.ticks"),
        ("Covered", _NUMBER, ".status.covered"),
        ("In flight", _NUMBER, ".status.inFlight"),
        ("Failed", _NUMBER, ".status.failed"),
    ),
    "FlyteRun": (("Run", _TEXT, ".status.run"), ("Phase", _TEXT, ".status.phase")),
    "FlyteSignal": (("Signal", _TEXT, ".spec.signal"), ("Run", _TEXT, ".status.run")),
}
_READY = '.status.conditions[?(@.type=="Ready")]'


def definition(kind: str) -> Schema:
    """Return the CustomResourceDefinition of a kind; raises KeyError for a kind not served."""
    names = NAMES[kind]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": names.plural,
                "singular": kind.lower(),
                "shortNames": [names.short],
                "categories": [_CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": _document(kind)},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": list(_columns(kind)),
                }
            ],
        },
    }


def files() -> dict[str, str]:
    """Return the text of every file by its name."""
    return {f"{NAMES[kind].plural}.yaml": _text(definition(kind)) for kind in KINDS}


def _text(value: Schema) -> str:
    written: str = yaml.dump(
        value, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=_WIDTH
    )
    return _HEAD + written


def _document(kind: str) -> Schema:
    spec = crd_schema.spec(kind)
    found: Schema = {
        "type": "object",
        "description": descriptions.of_model(KINDS[kind]),
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": _status(kind),
        },
    }
    if spec.get("required") or KINDS[kind].exactly_one:
        found["required"] = ["spec"]
    if kind in OF_DOCUMENTS:
        found["x-kubernetes-validations"] = crd_schema.rules(OF_DOCUMENTS[kind])
    return found


def _status(kind: str) -> Schema:
    generation = {
        "type": "integer",
        "format": "int64",
        "description": "The generation of the spec that the status is about.",
    }
    fields: Schema = {"observedGeneration": generation, "conditions": _conditions()}
    for name, form, text in (*_COMMON, *_STATUS[kind]):
        fields[name] = {"description": text, **_form(form)}
    if kind == "FlyteSync":
        fields["blocked"] = _blocked()
        fields["history"] = _history()
    return {
        "type": "object",
        "description": "What the operator found; written by it alone.",
        "default": {"observedGeneration": -1},
        "properties": fields,
    }


def _form(form: str) -> Schema:
    if form == "texts":
        return {"type": "array", "maxItems": _FIRST, "items": {"type": "string"}}
    if form == "values":
        return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"type": form} | ({"format": "int64"} if form == _NUMBER else {})


def _blocked() -> Schema:
    return {
        "type": "array",
        "description": "Which changes are held back, the first of them.",
        "maxItems": _FIRST,
        "items": {
            "type": "object",
            "required": ["key", "why"],
            "properties": {
                "key": {"type": "string", "description": "The object on Flyte."},
                "why": {"type": "string", "description": "What holds it back."},
            },
        },
    }


def _history() -> Schema:
    texts = {
        "revision": "The commit that was tried.",
        "reason": "How it ended, as the condition Ready had it.",
        "message": "How it ended, in a sentence.",
        "plan": "The id of the plan.",
        "first": "When it first ended so.",
        "last": "When it last ended so.",
    }
    numbers = {"changes": "How many calls changed Flyte.", "count": "How often it ended so."}
    return {
        "type": "array",
        "description": "The last syncs from Git that were unlike the one before.",
        "maxItems": 5,
        "items": {
            "type": "object",
            "required": ["revision", "reason"],
            "properties": {
                **{name: {"type": "string", "description": text} for name, text in texts.items()},
                **{
                    name: {"type": "integer", "format": "int64", "description": text}
                    for name, text in numbers.items()
                },
            },
        },
    }


def _conditions() -> Schema:
    """Return the schema of metav1.Condition, as Kubernetes publishes it."""
    reason = r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
    properties: dict[str, dict[str, Any]] = {
        "type": {"type": "string", "maxLength": 316, "description": "The condition."},
        "status": {
            "type": "string",
            "enum": ["True", "False", "Unknown"],
            "description": "Whether it holds.",
        },
        "observedGeneration": {
            "type": "integer",
            "format": "int64",
            "minimum": 0,
            "description": "The generation that the condition is about.",
        },
        "lastTransitionTime": {
            "type": "string",
            "format": "date-time",
            "description": "When its status last changed.",
        },
        "reason": {
            "type": "string",
            "pattern": reason,
            "minLength": 1,
            "maxLength": 1024,
            "description": "Why, in a word.",
        },
        "message": {
            "type": "string",
            "maxLength": 32768,
            "description": "Why, in a sentence.",
        },
    }
    return {
        "type": "array",
        "description": "Whether the object is Ready, and why it is not.",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": properties,
        },
    }


def _columns(kind: str) -> list[Schema]:
    found: list[Schema] = [
        {"name": name, "type": form, "jsonPath": path} for name, form, path in _COLUMNS[kind]
    ]
    found.append({"name": "Ready", "type": "string", "jsonPath": f"{_READY}.status"})
    found.append(
        {"name": "Status", "type": "string", "jsonPath": f"{_READY}.message", "priority": 1}
    )
    found.append({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"})
    return found
