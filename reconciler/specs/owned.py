"""The fields of every kind that declares something on Flyte: set, adoption, deletion and guard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic_core import PydanticCustomError

from reconciler.specs.fields import Choice, DeletionPolicy, SetName
from reconciler.specs.shape import Given, Shape, fault


class Owned(Shape):
    """What a set can own; not FlyteSync and FlyteConnection."""

    deletion_policies: ClassVar[tuple[DeletionPolicy, ...]] = (DeletionPolicy.ORPHAN,)
    """The policies that this kind has; the first is its default."""

    sync: SetName | None = None
    """The set that owns this object, by the name of its FlyteSync.

    Default: the FlyteSync it is read by; in a cluster the FlyteSync `default` of the namespace.
    """

    adopt: bool = False
    """Take over an object that exists, is not the set's, and differs from what is declared here."""

    deletion_policy: Choice[DeletionPolicy] | None = None
    """What happens on Flyte when this custom resource is deleted."""

    protect: bool | None = None
    """Refuse every removal of this object.

    Kept in the ledger, so it outlives this block until `false` is written.
    """

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse a deletion policy that the kind does not have."""
        policy = given.get("deletionPolicy")
        allowed = [str(one) for one in cls.deletion_policies]
        if policy in list(DeletionPolicy) and policy not in allowed:
            yield fault(
                f"{policy} is not a policy of this kind",
                at=("deletionPolicy",),
                is_in_value=True,
                fix=f"write {' or '.join(allowed)}",
            )
