"""Resolves a declared secret: a key of the Kubernetes Secret that its group is.

What stands for the content is at most what its declaration tells of it; the value itself is
compared in the cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from reconciler.backends.wire import secret
from reconciler.model.document import Json
from reconciler.model.interface import Want
from reconciler.model.key import Key, Place
from reconciler.model.origin import Problem
from reconciler.model.secret import CIPHERTEXT, REVISION, Content
from reconciler.model.traits import Traits
from reconciler.resolve.context import Context, Resolution, placed
from reconciler.specs.secret import Rotate, SecretSpec
from reconciler.specs.validate import Declared

KIND = secret.KIND
MISSING = "no cluster is known for the secrets of this Flyte 1"
OTHER: dict[str, Json] = {"token": "", "isOther": True}
"""The normal form of a value that is not the declared one."""

NEVER = f"{REVISION} {Rotate.NEVER}"
"""The token of a value that is not looked at once it is there."""

_GROUP = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class SecretAdapter:
    """Resolving of FlyteSecret documents; `missing` says why there is no cluster to write to."""

    traits: Traits
    missing: str = ""

    def wants(self, declared: Declared, context: Context, /) -> Iterable[Want]:
        """Nothing is looked up."""
        del declared, context
        return ()

    def about(self, declared: Declared, context: Context, /) -> tuple[Key, ...]:
        """Name the secret."""
        return (_key(declared, context),)

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Resolve one secret; its value is not part of it."""
        wrong = _misnamed(declared) or _misscoped(declared)
        if wrong is not None:
            return Resolution(problems=(wrong,))
        nowhere = placed(declared, _place(declared, context))
        if nowhere is not None:
            return nowhere
        if self.missing:
            fix = (
                "write secrets.kubeconfig in the FlyteConnection, or in a cluster "
                "secrets.kubeconfigSecretKeyRef"
            )
            return Resolution(problems=(declared.problem(self.missing, fix=fix),))
        content = context.contents.get(str(declared.document.origin))
        if isinstance(content, str):
            return Resolution(problems=(declared.problem(content, "valueFrom"),))
        if content is None:
            return Resolution(is_unchecked=True)
        return _resolved(declared, context, content)


def body_of(content: Content) -> dict[str, Json]:
    """Make the normal form of a content: a revision or a ciphertext stands for it, no hash."""
    is_told = content.token.partition(" ")[0] in {REVISION, CIPHERTEXT}
    return {"token": content.token if is_told else ""}


def describe(body: dict[str, Json]) -> dict[str, Json]:
    """Show what may be seen of a secret: the revision that its declaration gives, else nothing."""
    if body == OTHER:
        return {"value": "(another one)"}
    kind, _, rest = str(body["token"]).partition(" ")
    revision: dict[str, Json] = {"revision": rest} if kind == REVISION else {}
    return {"value": "(as declared)", **revision}


def group_of(key: Key) -> str:
    """Name the Kubernetes Secret of a key."""
    return key.name.partition("/")[0]


def entry_of(key: Key) -> str:
    """Name the key within its Kubernetes Secret."""
    return key.name.partition("/")[2]


def together(key: Key) -> str:
    """Name what is written at once: a group, so that a name and its password change as one."""
    return f"{key.place}/{group_of(key)}"


def _resolved(declared: Declared, context: Context, content: Content) -> Resolution:
    key = _key(declared, context)
    body = body_of(content)
    resource = secret.resource(declared, key, body)
    content = replace(content, set_name=context.set_name)
    return Resolution(resources=(resource,), contents={key: content})


def _key(declared: Declared, context: Context) -> Key:
    spec = cast("SecretSpec", declared.spec)
    place = _place(declared, context)
    name = f"{spec.group or declared.name}/{spec.key or declared.name}"
    return Key(KIND, place.project, place.domain, name)


def _place(declared: Declared, context: Context) -> Place:
    scope = cast("SecretSpec", declared.spec).scope
    if scope is None:
        return context.place(None, None)
    return context.place(scope.project, scope.domain)


def _misnamed(declared: Declared) -> Problem | None:
    spec = cast("SecretSpec", declared.spec)
    if spec.name is not None:
        return declared.problem(
            "has no effect on Flyte 1, where secrets have a group and a key",
            "name",
            fix="write group and key instead of name",
        )
    if spec.group is None:
        return declared.problem(
            "a secret of Flyte 1 has a group and a key", fix="write spec.group and spec.key"
        )
    if _GROUP.fullmatch(spec.group):
        return None
    return declared.problem(
        f'"{spec.group}" is no name of a Kubernetes Secret: lower-case letters, digits and `-`, '
        "with a letter or digit at both ends",
        "group",
        fix="choose another group, here and in the tasks that ask for it",
    )


def _misscoped(declared: Declared) -> Problem | None:
    scope = cast("SecretSpec", declared.spec).scope
    if scope is None or (scope.project and scope.domain):
        return None
    return declared.problem(
        "a secret of Flyte 1 is of one project and one domain",
        "scope",
        fix="write scope.project and scope.domain, or leave scope out",
    )
