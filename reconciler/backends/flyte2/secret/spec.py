"""Resolves a declared secret: what stands for its content is the token of a change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from reconciler.backends.wire import secret
from reconciler.model.document import Json
from reconciler.model.interface import Want
from reconciler.model.key import ALL, Key, Place
from reconciler.model.origin import Problem
from reconciler.model.secret import REVISION, Content
from reconciler.model.traits import Traits
from reconciler.resolve.context import Context, Resolution, placed
from reconciler.specs.fields import SECRET, WORDS
from reconciler.specs.secret import Rotate, SecretSpec
from reconciler.specs.validate import Declared

KIND = secret.KIND
_NAME = re.compile(SECRET)


@dataclass(frozen=True, slots=True)
class SecretAdapter:
    """Resolving of FlyteSecret documents."""

    traits: Traits

    def wants(self, declared: Declared, context: Context, /) -> Iterable[Want]:
        """Nothing is looked up."""
        del declared, context
        return ()

    def about(self, declared: Declared, context: Context, /) -> tuple[Key, ...]:
        """Name the secret."""
        return (_key(declared, _place(cast("SecretSpec", declared.spec), context)),)

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Resolve one secret; its value is not part of it."""
        spec = cast("SecretSpec", declared.spec)
        place = _place(spec, context)
        nowhere = placed(declared, place)
        if nowhere is not None:
            return nowhere
        wrong = _misnamed(declared, spec)
        if wrong is not None:
            return Resolution(problems=(wrong,))
        content = context.contents.get(str(declared.document.origin))
        if isinstance(content, str):
            return Resolution(problems=(declared.problem(content, "valueFrom"),))
        if content is None:
            return Resolution(is_unchecked=True)
        return _resolved(declared, place, content)


def _resolved(declared: Declared, place: Place, content: Content) -> Resolution:
    spec = cast("SecretSpec", declared.spec)
    key = _key(declared, place)
    body: dict[str, Json] = {"token": content.token}
    resource = secret.resource(declared, key, body)
    resource = replace(resource, once=spec.rotate is Rotate.NEVER)
    problems = () if content.is_verifiable else (_unverifiable(declared),)
    return Resolution(resources=(resource,), problems=problems, contents={key: content})


def describe(body: dict[str, Json]) -> dict[str, Json]:
    """Show what may be seen of a secret: the revision that its declaration gives, else nothing."""
    kind, _, rest = str(body["token"]).partition(" ")
    return {"revision": rest} if kind == REVISION else {"value": "(not shown)"}


def _key(declared: Declared, place: Place) -> Key:
    spec = cast("SecretSpec", declared.spec)
    return Key(KIND, place.project, place.domain, spec.name or declared.name)


def _place(spec: SecretSpec, context: Context) -> Place:
    """Where a secret is; `*` stands for every project, or every domain."""
    if spec.scope is None:
        return context.place(None, None)
    return Place(spec.scope.project or ALL, spec.scope.domain or ALL)


def _misnamed(declared: Declared, spec: SecretSpec) -> Problem | None:
    if spec.group is not None:
        return declared.problem(
            "has no effect on Flyte 2, where secrets have a name alone",
            "group",
            fix="write name instead of group and key",
        )
    name = spec.name or declared.name
    if _NAME.fullmatch(name) and "__" not in name:
        return None
    return declared.problem(
        f'the secret would be called "{name}" on Flyte, which must be {WORDS[SECRET]}',
        fix="write spec.name",
    )


def _unverifiable(declared: Declared) -> Problem:
    return declared.warning(
        "is written once; a later change of its value is not seen",
        "valueFrom",
        fix="write spec.revision, or name a key in the connection's secrets.hmacKey",
    )
