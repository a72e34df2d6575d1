"""A custom resource as the operator keeps it: what it declares, and what has been said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from reconciler.model.document import Document, Json
from reconciler.model.origin import Origin, Problem, Severity
from reconciler.operator import words
from reconciler.specs.fields import DeletionPolicy
from reconciler.specs.owned import Owned
from reconciler.specs.registry import API_VERSION, KINDS
from reconciler.specs.validate import Declared, validate


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Which custom resource: written `FlyteLaunchPlan/team/daily`, as the origins of problems."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"

    @property
    def path(self) -> str:
        """The object's path on the API server."""
        return words.path(self.kind, self.namespace, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Custom:
    """One custom resource.

    `declared` is None where `problems` say why. `version` is the resourceVersion, `created` and
    `deleted` are timestamps in text, empty for never. `annotations` are those of
    `words.ANNOTATIONS`.
    """

    ref: Ref
    uid: str
    version: str
    generation: int
    created: str
    deleted: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    status: Mapping[str, Json] = field(default_factory=dict)
    spec: Mapping[str, Json] = field(default_factory=dict, repr=False)
    declared: Declared | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def has_finalizer(self) -> bool:
        """Say whether the object waits for us before it goes."""
        return words.FINALIZER in self.finalizers

    @property
    def is_disabled(self) -> bool:
        """Say whether somebody asked to leave this object alone."""
        return self.annotations.get(words.RECONCILE) == words.DISABLED

    @property
    def set_name(self) -> str:
        """The set that the object names, empty for none."""
        name = self.spec.get("sync")
        return name if isinstance(name, str) else ""

    @property
    def requested(self) -> str:
        """The latest request to look at the object, as it was written."""
        return next(
            (self.annotations[name] for name in words.REQUESTS if name in self.annotations), ""
        )

    @property
    def cause(self) -> tuple[object, ...]:
        """What a pass looks at; while it stays the same there is no reason for another one."""
        return (
            self.uid,
            self.generation,
            self.deleted,
            tuple(sorted(self.annotations.items())),
            self.has_finalizer,
        )


def read(raw: Mapping[str, Any], known: Custom | None = None) -> Custom:
    """Read an object as the API server sends it; `known` saves validating the same spec again."""
    metadata = raw["metadata"]
    ref = Ref(str(raw["kind"]), str(metadata.get("namespace") or ""), str(metadata["name"]))
    uid, generation = str(metadata["uid"]), int(metadata.get("generation") or 0)
    if known is not None and (known.uid, known.generation) == (uid, generation):
        spec, declared, problems = known.spec, known.declared, known.problems
    else:
        spec = cast("dict[str, Json]", raw.get("spec") or {})
        declared, problems = _validated(ref, spec)
    annotations = metadata.get("annotations") or {}
    return Custom(
        ref=ref,
        uid=uid,
        version=str(metadata.get("resourceVersion") or ""),
        generation=generation,
        created=str(metadata.get("creationTimestamp") or ""),
        deleted=str(metadata.get("deletionTimestamp") or ""),
        annotations={
            name: str(annotations[name]) for name in words.ANNOTATIONS if name in annotations
        },
        finalizers=tuple(metadata.get("finalizers") or ()),
        status=raw.get("status") or {},
        spec=spec,
        declared=declared,
        problems=problems,
    )


def _validated(ref: Ref, spec: dict[str, Json]) -> tuple[Declared | None, tuple[Problem, ...]]:
    document = Document(
        {
            "apiVersion": API_VERSION,
            "kind": ref.kind,
            "metadata": {"name": ref.name, "namespace": ref.namespace},
            "spec": spec,
        },
        Origin(str(ref)),
    )
    found = validate([document])
    errors = tuple(item for item in found.problems if item.severity is Severity.ERROR)
    return (None, errors) if errors or not found.declared else (found.declared[0], ())


def policy_of(custom: Custom, fallback: DeletionPolicy) -> DeletionPolicy:
    """Tell what happens on Flyte when an object goes.

    `fallback` is what its set does with what is no longer declared. Kinds that have no choice stay
    as they are on Flyte.
    """
    model = KINDS[custom.ref.kind]
    policies = model.deletion_policies if issubclass(model, Owned) else (DeletionPolicy.ORPHAN,)
    asked = custom.spec.get("deletionPolicy")
    if isinstance(asked, str) and asked in policies:
        return DeletionPolicy(asked)
    if policies[0] is DeletionPolicy.ORPHAN:
        return DeletionPolicy.ORPHAN
    return fallback if fallback in policies else policies[0]


def with_policy(declared: Declared, policy: DeletionPolicy) -> Declared:
    """Write a policy into a declaration, so that the ledger remembers it after the object."""
    spec = declared.spec.model_copy(update={"deletion_policy": policy})
    return Declared(
        declared.kind, declared.name, spec, declared.document, namespace=declared.namespace
    )
