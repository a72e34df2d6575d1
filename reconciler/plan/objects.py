"""Planning for kinds with one mutable object per name: replaced whole, under a revision.

An object is ours when the ledger holds its key; of a creation that was only announced, when its
content is the announced one. A kind with a switch has objects that are active or not, beside their
content. Somebody else's object that equals the declaration is adopted; one that differs is lost
when it is replaced, whether it is active or not, and needs `adopt: true`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.model.digest import digest
from reconciler.model.ledger import Held
from reconciler.model.policy import Prune
from reconciler.model.resource import State
from reconciler.model.traits import Verb
from reconciler.plan.diff import diff
from reconciler.plan.drift import judge
from reconciler.plan.plan import Action, Block, Change, Effect, FieldChange, Reason, change_of

if TYPE_CHECKING:
    from reconciler.model.key import Key
    from reconciler.model.live import Object
    from reconciler.model.resource import Resource
    from reconciler.model.traits import Traits
    from reconciler.plan.context import Context


@dataclass(frozen=True, slots=True)
class _Case:
    """One resource beside the object that was read, if there is one."""

    resource: Resource
    live: Object | None
    context: Context
    traits: Traits

    @property
    def is_applied(self) -> bool:
        return self.context.is_applied(self.resource)

    @property
    def is_owned(self) -> bool:
        return self.live is not None and owns(self.resource.key, self.live, self.context)

    @property
    def is_same(self) -> bool:
        return self.live is not None and is_same(self.resource, self.live, self.context)

    @property
    def is_active(self) -> bool:
        return self.live is not None and self.live.is_active

    @property
    def is_managed(self) -> bool:
        """Say whether the switch is ours to move."""
        return self.traits.has_pointer and self.resource.state is not State.UNMANAGED

    @property
    def is_on(self) -> bool:
        """Say whether the object is to be active in the end."""
        return self.resource.state is State.ACTIVE if self.is_managed else self.is_active

    @property
    def is_unsure(self) -> bool:
        """Say whether nobody can tell its content since a write of ours did not end well."""
        held = self.context.ledger.objects.get(self.resource.key)
        return not self.traits.is_readable and held is not None and not held.digest

    @property
    def is_written(self) -> bool:
        """Say whether the content is to be written."""
        return not self.is_same or self.resource.always

    @property
    def restarts(self) -> bool:
        """Say whether the object has to stop while its content is replaced."""
        if not (
            self.live and self.is_written and self.is_managed and self.is_active and self.is_on
        ):
            return False
        return self.traits.restarts(self.live.body, self.resource.body)

    def change(self, effect: Effect, reason: Reason) -> Change:
        seen = fingerprint(self.live)
        return change_of(self.resource, effect=effect, reason=reason, fingerprint=seen)


def fingerprint(live: Object | None) -> str:
    """Digest of what was read of an object: its revision, and its switch."""
    if live is None:
        return digest(None)
    return digest({"revision": live.revision, "active": live.is_active})


def owns(key: Key, live: Object, context: Context) -> bool:
    """Say whether an object is this set's: held by the ledger, or made as was announced there.

    What cannot be read back is believed to be the announced one.
    """
    held = context.ledger.objects.get(key)
    if held is None:
        return False
    is_known = bool(held.revision) or not context.traits[key.kind].is_readable
    return is_known or live.digest == held.digest


def is_same(resource: Resource, live: Object, context: Context) -> bool:
    """Say whether an object has the declared content; what nobody can tell has not."""
    if resource.once and owns(resource.key, live, context):
        return True
    if live.body is not None and live.body == resource.body:
        return True
    return _content(resource.key, live, context) == resource.digest


def _content(key: Key, live: Object, context: Context) -> str:
    """Digest of an object's content: as read, else as held while the revision is the held one."""
    held = context.ledger.objects.get(key)
    if live.digest or held is None or held.revision != live.revision:
        return live.digest
    return held.digest


def holding(resource: Resource, live: Object, context: Context, *, is_taken: bool) -> Held | None:
    """Return what the ledger is to hold of an object that is as declared; None for the rest.

    Somebody else's is held only once a change says so.
    """
    key = resource.key
    if not is_same(resource, live, context):
        return None
    if owns(key, live, context):
        return Held(live.revision, resource.digest, adopted=context.ledger.is_adopted(key))
    return Held(live.revision, resource.digest, adopted=True) if is_taken else None


def still_holding(key: Key, live: Object, context: Context) -> Held | None:
    """Return what the ledger is to hold of an undeclared object that is as this set left it."""
    held = context.ledger.objects.get(key)
    if held is None or not _is_as_left(held, live):
        return None
    return replace(held, revision=live.revision)


def _is_as_left(held: Held, live: Object) -> bool:
    return held.revision == live.revision or bool(live.digest and live.digest == held.digest)


def plan_declared(resource: Resource, live: Object | None, context: Context) -> Change | None:
    """Plan one declared object; None when nothing is to be done or said."""
    case = _Case(resource, live, context, context.traits[resource.key.kind])
    hold = context.ledger.hold_on(resource.key, context.now) if case.is_managed else None
    if hold is not None:
        return _paused(case, f"paused until {hold.until.isoformat()}: {hold.reason}")
    if live is None:
        return _new(case)
    if not case.is_owned:
        return _foreign(case, live)
    if not case.is_written and case.is_on is live.is_active:
        return None
    change = case.change(
        Effect.DEACTIVATE if live.is_active and not case.is_on else Effect.UPDATE, _why(case)
    )
    return judge(_filled(change, case), context)


def _why(case: _Case) -> Reason:
    """Tell why an object of ours changes; one that is written anyway does not drift.

    Where nobody wrote since we did, it is the declared value that changed, whatever stands for it.
    """
    if not case.is_same:
        held = case.context.ledger.objects.get(case.resource.key)
        written = Held(case.live.revision if case.live else "", case.resource.digest)
        is_untouched = held is not None and replace(held, adopted=False) == written
        is_ours = is_untouched or case.is_unsure
        return Reason.DRIFT if case.is_applied and not is_ours else Reason.SPEC
    if case.is_on is case.is_active:
        return Reason.SPEC
    if case.is_on and case.context.ledger.was_held(case.resource.key):
        return Reason.HOLD
    return Reason.FOREIGN if case.is_applied else Reason.SPEC


def _new(case: _Case) -> Change:
    reason = Reason.DRIFT if case.is_applied else Reason.SPEC
    change = _filled(case.change(Effect.CREATE, reason), case)
    if case.traits.has_pointer and not case.is_managed:
        change = _noted(change, "it starts inactive, since its state is not managed")
    return judge(change, case.context)


def _paused(case: _Case, why: str) -> Change | None:
    """A pause stops what is active; nothing is deployed before it has ended."""
    if case.live is None or not case.live.is_active:
        return None
    effect = Effect.DEACTIVATE if case.is_owned else Effect.HAND_OVER
    change = _noted(case.change(effect, Reason.HOLD), why)
    change = replace(
        change,
        fields=_switched(is_on=False),
        actions=(_switch(case.resource.key, case.live, case.traits, is_on=False),),
    )
    return change if case.is_owned else _with_leave(change, case)


def _foreign(case: _Case, live: Object) -> Change | None:
    """Plan an object that somebody else made: adopted as it is, taken over only with leave."""
    if case.is_same and case.is_on is live.is_active:
        if not case.context.has_ledger:
            return None
        return _from_other_set(replace(case.change(Effect.ADOPT, Reason.IDENTICAL), notes=()), case)
    change = _filled(case.change(Effect.HAND_OVER, Reason.SPEC), case)
    if not case.traits.is_readable and not case.context.has_ledger:
        return replace(
            change,
            block=Block.CONFLICT,
            block_detail=(
                "it is there, its content cannot be read back, and documents without a set cannot "
                "remember it; write a FlyteSync"
            ),
        )
    return _with_leave(change, case)


def _with_leave(change: Change, case: _Case) -> Change:
    if case.resource.adopt:
        return change
    if not case.traits.is_readable:
        what = "its content cannot be read back"
    elif not case.is_same:
        what = "differs"
    else:
        what = "is active" if case.is_active else "is inactive"
    return replace(
        change,
        block=Block.ADOPTION,
        block_detail=f"it is not of this set and {what}; set `adopt: true` to take it over",
    )


def _from_other_set(change: Change, case: _Case) -> Change:
    """Two sets that own one object would remove it from under each other."""
    other = case.context.elsewhere.get(change.key, "")
    if not other or case.resource.adopt:
        return change
    return replace(
        change,
        block=Block.ADOPTION,
        block_detail=f"it belongs to set {other}; take it out there, or set `adopt: true` here",
    )


def plan_undeclared(key: Key, live: Object, context: Context) -> Change | None:
    """Plan the removal of an object that is ours and no longer declared."""
    held = context.ledger.objects.get(key)
    prune = context.prune_of(key)
    if held is None or prune is Prune.KEEP or not owns(key, live, context):
        return None
    traits = context.traits[key.kind]
    actions: list[Action] = []
    if live.is_active:
        actions.append(_switch(key, live, traits, is_on=False))
    if prune is Prune.DELETE and traits.is_deletable:
        waits = tuple(action.id for action in actions)
        actions.append(replace(_action(key, Verb.DELETE, live, traits), waits=waits))
    if not actions:
        return None
    change = Change(
        key=key,
        effect=Effect.REMOVE,
        reason=Reason.UNDECLARED,
        fingerprint=fingerprint(live),
        fields=diff({} if live.body is None else traits.describe(live.body), {}),
        actions=tuple(actions),
    )
    if key in context.ledger.protected:
        return replace(
            change,
            block=Block.PROTECTED,
            block_detail="protected by an earlier `protect: true`; declare it with "
            "`protect: false` first",
        )
    if not _is_as_left(held, live):
        by = f" ({live.changed})" if live.changed else ""
        return replace(
            change,
            block=Block.REPORT,
            block_detail=f"it is not as this set left it{by}, so somebody else may need it; remove "
            "it by hand, or give it up with `reconcile forget`",
        )
    if prune is Prune.REPORT:
        return replace(change, block=Block.REPORT, block_detail="the set's prune policy is Report")
    return change


def _filled(change: Change, case: _Case) -> Change:
    """Give a change its calls, and what is to be seen of them."""
    resource, live, traits = case.resource, case.live, case.traits
    actions: list[Action] = []
    if case.is_written:
        actions.append(_deploy(case, is_on=case.is_on and not case.restarts))
    if case.restarts or (live is not None and not actions):
        after = tuple(action.id for action in actions)
        switch = _switch(resource.key, live, traits, is_on=case.is_on)
        actions.append(replace(switch, waits=after))
    fields = _fields(case) if case.is_written else ()
    if live is not None and live.is_active is not case.is_on:
        fields = (*fields, *_switched(is_on=case.is_on))
    if case.is_written:
        change = _noted(change, *resource.on_register)
    if case.is_on:
        before = live.body if live is not None and live.is_active else None
        change = _noted(change, *traits.consequences(before, resource.body))
    return _noted(replace(change, fields=fields, actions=tuple(actions)), *_notes(case))


def _notes(case: _Case) -> tuple[str, ...]:
    """Tell what the fields do not show."""
    live, notes = case.live, []
    if live is None:
        return ()
    if case.restarts:
        notes.append("it is replaced while inactive and then activated again")
    elif case.is_written and case.is_active and case.is_on:
        notes.append("it stays active while it is replaced")
    if case.is_same and case.is_written:
        notes.append("it is written by every apply, as declared")
    held = case.context.ledger.objects.get(case.resource.key)
    if held is not None and held.revision not in {"", live.revision} and live.changed:
        notes.append(f"last written by somebody else: {live.changed}")
    return tuple(notes)


def _fields(case: _Case) -> tuple[FieldChange, ...]:
    describe, resource, live = case.traits.describe, case.resource, case.live
    if live is None:
        return diff({}, describe(resource.body))
    if case.is_same:
        return ()
    if live.body is None:
        before = _content(resource.key, live, case.context)
        return (FieldChange("", before or None, resource.digest),)
    worded = diff(describe(live.body), describe(resource.body))
    # What the language has no words for is shown as it is, so that no difference is hidden.
    return worded or diff(live.body, resource.body)


def _switched(*, is_on: bool) -> tuple[FieldChange, ...]:
    before, after = (State.INACTIVE, State.ACTIVE) if is_on else (State.ACTIVE, State.INACTIVE)
    return (FieldChange("state", before, after),)


def _noted(change: Change, *notes: str) -> Change:
    return replace(change, notes=(*change.notes, *notes))


def _deploy(case: _Case, *, is_on: bool) -> Action:
    resource = case.resource
    return replace(
        _action(resource.key, Verb.DEPLOY, case.live, case.traits),
        active=is_on,
        body=resource.body,
        refs=resource.refs,
        waits=tuple(f"{ref.key}#{Verb.REGISTER}" for ref in resource.refs),
    )


def _switch(key: Key, live: Object | None, traits: Traits, *, is_on: bool) -> Action:
    return _action(key, Verb.ACTIVATE if is_on else Verb.DEACTIVATE, live, traits)


def _action(key: Key, verb: Verb, live: Object | None, traits: Traits) -> Action:
    return Action(
        id=f"{key}#{verb}",
        key=key,
        verb=verb,
        call=traits.calls[verb],
        revision=live.revision if live is not None else "",
    )
