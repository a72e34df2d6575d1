"""The kinds of findings by stable ids, with what to do about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.plan.plan import Block, Effect
from reconciler.schedule.rules import RULES as SCHEDULES


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding: a sentence on what it is, and one on what a reviewer does with it."""

    id: str
    title: str
    help: str


_EFFECTS = {
    Effect.ADOPT: (
        "An object that equals its declaration becomes ours",
        "Nothing but the ledger is written.",
    ),
    Effect.PROTECT: (
        "Protection from removal changes",
        "Check that whoever depends on the object agrees.",
    ),
    Effect.REGISTER: (
        "A version is registered that nothing runs yet",
        "Nothing that runs changes.",
    ),
    Effect.CREATE: (
        "An object comes into being, or runs for the first time",
        "Check its schedule and its inputs.",
    ),
    Effect.UPDATE: ("The content of an object changes", "Compare both sides of each field."),
    Effect.DEACTIVATE: (
        "An object stops running on its schedule",
        "Check that nobody waits for what it makes.",
    ),
    Effect.HAND_OVER: (
        "What somebody else activated is replaced",
        "Ask whoever activated it; `adopt: true` is what allows it.",
    ),
    Effect.REMOVE: (
        "An object of the set is no longer declared and stops",
        "Put the document back where that is not meant; `protect: true` keeps it from happening.",
    ),
    Effect.START: ("Runs are started, once", "Check their inputs: what has run cannot be undone."),
    Effect.STOP: ("Runs that have not ended are stopped", "Check that nobody waits for them."),
    Effect.ANSWER: (
        "A run that waits gets its answer",
        "Check the value: a gate is answered once.",
    ),
}
_BLOCKS = {
    Block.GUARD: (
        "A removal guard holds changes back",
        "Where so many removals are meant, approve the plan: `reconcile --approve PLAN_ID`.",
    ),
    Block.PROTECTED: (
        "A protected object would be removed",
        "Declare it with `protect: false` first.",
    ),
    Block.ADOPTION: (
        "Somebody else's object differs from its declaration",
        "Write `adopt: true` to take it over, or declare it as it is.",
    ),
    Block.CONTESTED: (
        "An object was put back three times and changed again each time",
        "Find out who changes it; `reconcile resume` ends the contest.",
    ),
    Block.REPORT: ("A difference is only reported", "The set's policy says so."),
    Block.UNREADABLE: (
        "Something near an object could not be read",
        "Plan again once it can be read; nothing is removed meanwhile.",
    ),
    Block.POLICY: (
        "A policy of the set fails",
        "Change what breaks the policy; stops are carried out all the same.",
    ),
    Block.FAILED: (
        "A declared run did not end well",
        "Its message says why; another content, or a further attempt, starts another run.",
    ),
    Block.CONFLICT: (
        "A change is not possible as declared",
        "Its message says what is in the way.",
    ),
}
_OF_POLICY = "Nothing is applied until it is mended, or the policy in the FlyteSync is changed."
_OTHERS = (
    Rule(
        "spec/error", "A document has an error", "Nothing of the set is planned until it is mended."
    ),
    Rule("spec/warning", "A document may not mean what it says", "Its message says what happens."),
    Rule("policy/leastInterval", "A schedule fires more often than a policy allows", _OF_POLICY),
    Rule("policy/allowedHours", "A schedule fires outside of the hours of a policy", _OF_POLICY),
    Rule("policy/allowedImages", "A task runs an image that a policy does not allow", _OF_POLICY),
    Rule("policy/requiredLabels", "A label that a policy requires is missing", _OF_POLICY),
    Rule("plan/failed", "No plan could be made", "Its message says why; run it again then."),
    Rule(
        "report/more", "More was found than can be shown", "`reconcile plan -o json` has all of it."
    ),
)


def _all() -> dict[str, Rule]:
    found = [Rule(f"plan/{key.value}", *texts) for key, texts in _EFFECTS.items()]
    found += [Rule(f"held-back/{key.value}", *texts) for key, texts in _BLOCKS.items()]
    found += [
        Rule(
            f"schedule/{one.id}",
            one.title[:1].upper() + one.title[1:],
            "Its message says what Flyte's scheduler does with the schedule, and what to write.",
        )
        for one in SCHEDULES
    ]
    return {rule.id: rule for rule in (*found, *_OTHERS)}


RULES: Mapping[str, Rule] = MappingProxyType(_all())
"""Every rule by its id; ids never change their meaning."""
