"""Planning for kinds whose content lives in immutable versions under a name.

A name may have a pointer to one active version (launch plans). The rules are those of ownership:
an active version with the desired normal form gets no call whatever its version string is; a
version that is ours, or adopted, may be replaced; anybody else's needs `adopt: true`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.model.digest import digest, version_of
from reconciler.model.document import Json
from reconciler.model.live import About, Versions
from reconciler.model.policy import Prune
from reconciler.model.resource import State
from reconciler.model.traits import Verb
from reconciler.plan.diff import diff
from reconciler.plan.drift import judge
from reconciler.plan.plan import Action, Block, Change, Effect, FieldChange, Reason, change_of

if TYPE_CHECKING:
    from reconciler.model.key import Key
    from reconciler.model.live import LiveVersion
    from reconciler.model.resource import Resource
    from reconciler.model.traits import Traits
    from reconciler.plan.context import Context


@dataclass(frozen=True, slots=True)
class _Case:
    """One resource beside what was read of it."""

    resource: Resource
    live: Versions
    context: Context
    traits: Traits

    @property
    def is_applied(self) -> bool:
        return self.context.is_applied(self.resource)

    @property
    def target(self) -> str:
        """The version to make active: one that is there, before one to register."""
        adopted = self.context.ledger.adopted.get(self.resource.key, "")
        own = self.resource.version
        for version in (adopted, own, *_formers(self.resource, self.context)):
            known = self.live.registered.get(version)
            if known is not None and self.is_desired(known):
                return version
        return own

    @property
    def is_there(self) -> bool:
        return self.target in self.live.registered or any(map(self.is_desired, self.live.active))

    def is_desired(self, version: LiveVersion) -> bool:
        if self.resource.chosen or version.body is None:
            return version.version == self.resource.version
        return version.body == self.resource.body

    def change(self, effect: Effect, reason: Reason) -> Change:
        seen = fingerprint(self.live)
        return change_of(self.resource, effect=effect, reason=reason, fingerprint=seen)


def fingerprint(live: Versions) -> str:
    """Digest of what was read of a name: versions are immutable, so their names say it all."""
    return digest(
        {
            "active": [version.version for version in live.active],
            "registered": list[Json](sorted(live.registered)),
        }
    )


def asked(resource: Resource, context: Context) -> frozenset[str]:
    """Versions of a declared name that must be looked up even when they are not active."""
    adopted = context.ledger.adopted.get(resource.key)
    own = {resource.version, *_formers(resource, context)}
    return frozenset({*own, adopted} if adopted else own)


def _formers(resource: Resource, context: Context) -> tuple[str, ...]:
    """Versions of the same content under former names of the set.

    What others refer to by its version (all of a package) has to carry the present name.
    """
    if resource.chosen or resource.group or not context.traits[resource.key.kind].has_pointer:
        return ()
    return tuple(version_of(name, resource.digest) for name in context.previous_names)


def plan_declared(resource: Resource, live: Versions, context: Context) -> Change | None:
    """Plan one declared object; None when nothing is to be done or said."""
    change = _declared(resource, live, context)
    about = _about(resource, live, context)
    is_registered = change is not None and any(
        item.verb is Verb.REGISTER for item in change.actions
    )
    # A name that is nowhere yet, since a pause keeps its first version back, cannot be described.
    if about is not None and (live.about is not None or is_registered):
        if change is None:
            case = _Case(resource, live, context, context.traits[resource.key.kind])
            change = replace(case.change(Effect.UPDATE, Reason.SPEC), fields=about[1])
        change = replace(change, actions=(*change.actions, about[0]))
    if change is None:
        return None
    notes = (*change.notes, *resource.on_register) if is_registered else change.notes
    return replace(change, asked=tuple(sorted(asked(resource, context))), notes=notes)


def _about(
    resource: Resource, live: Versions, context: Context
) -> tuple[Action, tuple[FieldChange, ...]] | None:
    """Plan what is kept at the name: its description, and that it is not hidden while declared."""
    known = live.about or About()
    if live.about is None and not resource.description:
        return None
    description = resource.description or known.description
    if description == known.description and not known.is_archived:
        return None
    fields = diff(
        {"description": known.description, "archived": known.is_archived},
        {"description": description, "archived": False},
    )
    action = Action(
        id=f"{resource.key}#{Verb.DESCRIBE}",
        key=resource.key,
        verb=Verb.DESCRIBE,
        call=context.traits[resource.key.kind].calls[Verb.DESCRIBE],
        body={"description": description},
        waits=(f"{resource.key}#{Verb.REGISTER}",),
    )
    return action, fields


def _declared(resource: Resource, live: Versions, context: Context) -> Change | None:
    case = _Case(resource, live, context, context.traits[resource.key.kind])
    known = live.registered.get(resource.version)
    if known is not None and not case.is_desired(known):
        return replace(
            case.change(Effect.REGISTER, Reason.SPEC),
            fields=_fields(case, known),
            block=Block.CONFLICT,
            block_detail=(
                f"version {resource.version} exists with other content, so it was not made by "
                "this set; register it under another set name"
            ),
        )
    if not case.traits.has_pointer or resource.state is State.UNMANAGED:
        return _register_only(case)
    hold = context.ledger.hold_on(resource.key, context.now)
    if hold is not None:
        return _inactive(case, hold_reason=f"paused until {hold.until.isoformat()}: {hold.reason}")
    if resource.state is State.INACTIVE:
        return _inactive(case)
    return _active(case)


def _register_only(case: _Case) -> Change | None:
    resource = case.resource
    if case.is_there:
        return None
    if resource.chosen:
        return _missing(case)
    incumbent = case.live.active[0] if case.live.active else None
    return replace(
        case.change(Effect.REGISTER, Reason.SPEC),
        fields=_fields(case, incumbent),
        actions=(_register(case),),
    )


def _inactive(case: _Case, hold_reason: str = "") -> Change | None:
    resource, live = case.resource, case.live
    if not live.active:
        return None if hold_reason else _register_only(case)
    foreign = [item for item in live.active if not case.context.owns(resource.key, item.version)]
    actions: list[Action] = []
    if not hold_reason and not resource.chosen and not case.is_there:
        actions.append(_register(case))
    actions += [_deactivate(resource.key, item.version, case.traits) for item in live.active]
    change = case.change(
        Effect.HAND_OVER if foreign else Effect.DEACTIVATE,
        Reason.HOLD if hold_reason else _why(case),
    )
    change = replace(change, actions=tuple(actions), notes=(*change.notes, *_notes(hold_reason)))
    if foreign and not resource.adopt:
        return _needs_adoption(change, foreign[0])
    return change if hold_reason else judge(change, case.context)


def _active(case: _Case) -> Change | None:
    resource, live = case.resource, case.live
    good = next(filter(case.is_desired, live.active), None)
    if good is not None and len(live.active) == 1:
        if case.context.owns(resource.key, good.version) or not case.context.has_ledger:
            return None
        change = case.change(Effect.ADOPT, Reason.IDENTICAL)
        change = replace(change, owns=good.version, notes=())
        return _from_other_set(change, good, case)
    if good is not None:
        return _two_active(case, good)
    if resource.chosen and resource.version not in live.registered:
        return _missing(case)
    incumbent = live.active[0] if live.active else None
    target = case.target
    actions: list[Action] = []
    if target not in live.registered:
        actions.append(_register(case))
    actions.append(_activate(case, target, after=actions))
    owns = "" if case.context.is_ours(target) else target
    effect, reason = _effect_of_activation(case, incumbent)
    change = case.change(effect, reason)
    change = replace(
        change,
        fields=_activation_fields(case, incumbent),
        actions=tuple(actions),
        owns=owns,
        notes=(
            *change.notes,
            *case.traits.consequences(incumbent.body if incumbent else None, resource.body),
        ),
    )
    if effect is Effect.HAND_OVER and incumbent is not None:
        return _hand_over(case, change, incumbent)
    return judge(change, case.context)


def _effect_of_activation(case: _Case, incumbent: LiveVersion | None) -> tuple[Effect, Reason]:
    if incumbent is None:
        if case.context.ledger.was_held(case.resource.key):
            return Effect.UPDATE, Reason.HOLD
        if case.is_applied and case.target in case.live.registered:
            return Effect.UPDATE, Reason.FOREIGN
        return Effect.CREATE, Reason.SPEC
    if not case.context.owns(case.resource.key, incumbent.version):
        return Effect.HAND_OVER, _why(case)
    return Effect.UPDATE, _why(case)


def _hand_over(case: _Case, change: Change, incumbent: LiveVersion) -> Change:
    """Replacing somebody else's active version needs leave, or proof that the name was ours.

    The proof is the mark in the ledger: this very declaration was in force, so that what is active
    came after it. That our version is registered proves nothing, since it may never have run.
    """
    resource, context = case.resource, case.context
    if case.is_applied and resource.key in context.ledger.adopted:
        return replace(
            change,
            reason=Reason.FOREIGN,
            block=Block.REPORT,
            block_detail=(
                f"version {incumbent.version} was activated by somebody else; "
                "an adopted object is reported, not fought over"
            ),
        )
    if case.is_applied and case.target in case.live.registered:
        return judge(replace(change, reason=Reason.FOREIGN), case.context)
    if resource.adopt:
        return change
    return _needs_adoption(change, incumbent)


def _from_other_set(change: Change, good: LiveVersion, case: _Case) -> Change:
    """Two sets that own one object would remove it from under each other."""
    other = case.context.other_owner(change.key, good.version)
    if not other or case.resource.adopt:
        return change
    return replace(
        change,
        block=Block.ADOPTION,
        block_detail=f"it belongs to set {other}; take it out there, or set `adopt: true` here",
    )


def _two_active(case: _Case, good: LiveVersion) -> Change:
    """Concurrent activations can leave two active versions; all but the desired one are stopped."""
    others = [item for item in case.live.active if item is not good]
    foreign = [item for item in others if not case.context.owns(case.resource.key, item.version)]
    change = case.change(
        Effect.HAND_OVER if foreign else Effect.UPDATE,
        Reason.FOREIGN if case.is_applied else Reason.SPEC,
    )
    change = replace(
        change,
        actions=tuple(_deactivate(case.resource.key, item.version, case.traits) for item in others),
        owns="" if case.context.is_ours(good.version) else good.version,
        notes=(*change.notes, f"{len(case.live.active)} versions are active at once"),
    )
    if foreign and not case.is_applied and not case.resource.adopt:
        return _needs_adoption(change, foreign[0])
    return judge(change, case.context)


def _missing(case: _Case) -> Change:
    return replace(
        case.change(Effect.UPDATE, Reason.SPEC),
        block=Block.CONFLICT,
        block_detail=f"version {case.resource.version} is not registered; register it first",
    )


def _needs_adoption(change: Change, incumbent: LiveVersion) -> Change:
    return replace(
        change,
        block=Block.ADOPTION,
        block_detail=(
            f"active version {incumbent.version} is not of this set and differs; "
            "set `adopt: true` to take it over"
        ),
    )


def plan_undeclared(key: Key, live: Versions, context: Context) -> Change | None:
    """Plan the removal of an active object that is ours and no longer declared."""
    owned = [item for item in live.active if context.owns(key, item.version)]
    prune = context.prune_of(key)
    if not owned or prune is Prune.KEEP:
        return None
    traits = context.traits[key.kind]
    actions: list[Action] = []
    if prune is Prune.ARCHIVE and traits.is_archivable:
        actions.append(
            Action(
                id=f"{key}#{Verb.ARCHIVE}",
                key=key,
                verb=Verb.ARCHIVE,
                call=traits.calls[Verb.ARCHIVE],
            )
        )
    actions += [
        replace(_deactivate(key, item.version, traits), waits=tuple(item.id for item in actions))
        for item in owned
    ]
    change = Change(
        key=key,
        effect=Effect.REMOVE,
        reason=Reason.UNDECLARED,
        fingerprint=fingerprint(live),
        fields=diff({} if owned[0].body is None else traits.describe(owned[0].body), {}),
        actions=tuple(actions),
    )
    if key in context.ledger.protected:
        return replace(
            change,
            block=Block.PROTECTED,
            block_detail="protected by an earlier `protect: true`; declare it with "
            "`protect: false` first",
        )
    if prune is Prune.REPORT:
        return replace(change, block=Block.REPORT, block_detail="the set's prune policy is Report")
    return change


def _why(case: _Case) -> Reason:
    return Reason.DRIFT if case.is_applied else Reason.SPEC


def _notes(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


def _fields(case: _Case, before: LiveVersion | None) -> tuple[FieldChange, ...]:
    if case.resource.chosen:
        version = before.version if before else None
        return (FieldChange("existing.version", version, case.resource.version),)
    describe = case.traits.describe
    return diff(
        describe(before.body) if before and before.body is not None else {},
        describe(case.resource.body),
    )


def _activation_fields(case: _Case, incumbent: LiveVersion | None) -> tuple[FieldChange, ...]:
    """A registered version that is only started again changes its state, not its content."""
    is_restart = incumbent is None and case.target in case.live.registered
    if is_restart and not case.resource.chosen:
        return (FieldChange("state", State.INACTIVE, State.ACTIVE),)
    return _fields(case, incumbent)


def _register(case: _Case) -> Action:
    resource = case.resource
    return Action(
        id=f"{resource.key}#{Verb.REGISTER}",
        key=resource.key,
        verb=Verb.REGISTER,
        call=case.traits.calls[Verb.REGISTER],
        version=resource.version,
        body=resource.body,
        refs=resource.refs,
        waits=tuple(f"{ref.key}#{Verb.REGISTER}" for ref in resource.refs),
    )


def _activate(case: _Case, version: str, after: list[Action]) -> Action:
    resource = case.resource
    return Action(
        id=f"{resource.key}#{Verb.ACTIVATE}",
        key=resource.key,
        verb=Verb.ACTIVATE,
        call=case.traits.calls[Verb.ACTIVATE],
        version=version,
        waits=tuple(action.id for action in after),
    )


def _deactivate(key: Key, version: str, traits: Traits) -> Action:
    return Action(
        id=f"{key}#{Verb.DEACTIVATE}:{version}",
        key=key,
        verb=Verb.DEACTIVATE,
        call=traits.calls[Verb.DEACTIVATE],
        version=version,
    )
