"""FlyteSecret: a secret by reference. No inline value exists, in any field.

Flyte gives no value back, so that what tells a change is a token: `revision`, the ciphertext of an
encrypted file, or a keyed hash of the value where the connection names a key.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import StringConstraints
from pydantic_core import PydanticCustomError

from reconciler.specs.connection import SecretKey
from reconciler.specs.fields import (
    SECRET,
    Choice,
    DeletionPolicy,
    Domain,
    ProjectId,
    Text,
    VariableName,
)
from reconciler.specs.owned import Owned
from reconciler.specs.shape import Given, Shape, fault, map_of, text_of

SecretName = Annotated[str, StringConstraints(pattern=SECRET)]
GroupName = Annotated[str, StringConstraints(pattern=SECRET)]


class Rotate(StrEnum):
    """When a secret that exists is written again."""

    ON_CHANGE = "OnChange"
    ALWAYS = "Always"
    NEVER = "Never"


class SecretScope(Shape):
    """Who may use a secret: a project and domain, all of a domain, or everybody."""

    project: ProjectId | None = None
    """The project; needs domain too."""

    domain: Domain | None = None
    """The domain; alone it stands for all projects in it, and without both for everything."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse a project without a domain, which no Flyte has."""
        if "project" in given and "domain" not in given:
            yield fault("needs domain too", at=("project",), fix="add domain")


class Identity(Shape):
    """Where the private key is that opens an encrypted file."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("env", "file"),)

    env: VariableName | None = None
    """The name of an environment variable."""

    file: Text | None = None
    """The path of a file."""


class Sops(Shape):
    """A value in a file that SOPS encrypted; the program `sops` opens it."""

    file: Text
    """The file, relative to this one."""

    key: Text | None = None
    """The keys that lead to the value, joined by dots; default: the whole file."""

    identity: Identity | None = None
    """The age key that opens it; default: what `sops` finds by itself, such as a cloud's key."""


class Age(Shape):
    """A file that age encrypted; the program `age` opens it."""

    file: Text
    """The file, relative to this one."""

    identity: Identity
    """The age key that opens it."""


class ValueFrom(Shape):
    """Where the value is; never the value."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("env", "file", "secretKeyRef", "sops", "age"),
    )

    env: VariableName | None = None
    """The name of an environment variable; the FlyteSync's `secrets.allow.env` must list it."""

    file: Text | None = None
    """The path of a file, byte for byte; the FlyteSync's `secrets.allow.file` must list it."""

    secret_key_ref: SecretKey | None = None
    """A key of a Kubernetes Secret in the same namespace."""

    sops: Sops | None = None
    """A file that SOPS encrypted."""

    age: Age | None = None
    """A file that age encrypted."""


class SecretSpec(Owned):
    """One secret, by its name (Flyte 2) or by its group and key (Flyte 1)."""

    deletion_policies: ClassVar[tuple[DeletionPolicy, ...]] = (
        DeletionPolicy.ORPHAN,
        DeletionPolicy.DELETE,
    )
    at_most_one: ClassVar[tuple[tuple[str, ...], ...]] = (("name", "group"), ("name", "key"))

    name: SecretName | None = None
    """The name on Flyte 2; default: metadata.name."""

    group: GroupName | None = None
    """The group on Flyte 1, which is a Kubernetes Secret; needs key too."""

    key: SecretName | None = None
    """The key within the group on Flyte 1; needs group too."""

    scope: SecretScope | None = None
    """Who may use it; default: the project and domain of the FlyteSync."""

    value_from: ValueFrom
    """Where the value is: {env}, {file}, {secretKeyRef}, {sops} or {age}."""

    revision: Text | None = None
    """Any text; the secret is written again when it changes.

    For values whose change cannot be seen: those of `env` and `file` on Flyte 2, unless the
    connection names a key for their hash (`secrets.hmacKey`).
    """

    rotate: Choice[Rotate] = Rotate.ON_CHANGE
    """OnChange, Always (by every apply) or Never (once it exists)."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Check that a group has a key, and that a revision has an effect."""
        yield from super().faults(given)
        for one, other in (("group", "key"), ("key", "group")):
            if one in given and other not in given and "name" not in given:
                yield fault(f"needs {other} too", at=(one,), fix=f"add {other}")
        for name in ("name", "group", "key"):
            written = text_of(given, name)
            if written is not None and "__" in written:
                why = f'"{written}" holds "__", which separates the parts of a secret on the server'
                yield fault(why, at=(name,), fix="use one underscore", is_in_value=True)
        if "revision" in given and given.get("rotate") in ("Always", "Never"):
            why = f"has no effect with rotate: {given.get('rotate')}"
            yield fault(why, at=("revision",), fix="keep one of the two")
        sops = map_of(map_of(given, "valueFrom"), "sops")
        key = text_of(sops, "key")
        if key is not None and not all(key.split(".")):
            why = f'"{key}" has an empty step'
            yield fault(why, at=("valueFrom", "sops", "key"), fix="write a.b", is_in_value=True)
