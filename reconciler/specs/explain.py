"""Explains a kind or a field of it in a few lines, for `reconcile explain`."""

from __future__ import annotations

import re
import textwrap

from reconciler.errors import UsageError
from reconciler.specs import descriptions, walk, wording
from reconciler.specs.registry import API_VERSION, KINDS, LATER
from reconciler.specs.shape import Shape, written_name, written_names
from reconciler.specs.suggest import suggest

_WIDTH = 88
_STEP = re.compile(r"\[[^\]]*\]|<[^>]*>")


def explain(path: str) -> str:
    """Explain a path such as `FlyteLaunchPlan.spec.schedule.cron`.

    Entries of lists are left out or written `[]`; a key of the user's own is any word.

    Raises:
        UsageError: there is no such kind or field; says what is near.
    """
    steps = [step for step in _STEP.sub("", path).split(".") if step]
    kind = steps.pop(0) if steps else ""
    model = KINDS.get(kind)
    if model is None:
        raise UsageError(_no_kind(kind))
    if steps[:1] in (["apiVersion"], ["kind"], ["metadata"], ["status"]):
        return (
            f"{kind}.{steps[0]}\n\n  As in every Kubernetes object; apiVersion is {API_VERSION}\n"
        )
    if steps and steps[0] != "spec" and steps[0] in written_names(model):
        steps.insert(0, "spec")  # people leave it out
    if not steps:
        return _text(kind, "map of fields", descriptions.of_model(model), shape=model)
    if steps[0] != "spec":
        raise UsageError(_no_field(kind, steps[0], ["spec", *sorted(written_names(model))]))
    if len(steps) == 1:
        return _text(f"{kind}.spec", "map of fields", descriptions.of_model(model), shape=model)
    return _field(kind, model, steps[1:])


def _field(kind: str, model: type[Shape], steps: list[str]) -> str:
    owner: type[Shape] = model
    shown = f"{kind}.spec"
    text, name, facts = "", "", list[str]()
    at: object = model
    for step in steps:
        below = walk.shape_of(_entry(at))
        if below is not None:
            owner = below
            found = walk.field_of(owner, step)
            if found is None:
                raise UsageError(_no_field(shown, step, sorted(written_names(owner))))
            attribute, info = found
            at = info.annotation
            text, facts = descriptions.of_field(owner, attribute), _facts(owner, attribute)
            name = wording.field_type(owner, attribute)
        else:
            under = walk.step(_entry(at), step)
            if under is None:
                raise UsageError(f"{shown}.{step}: {shown} has no fields; explain {shown} itself")
            at, text, facts = under, f"An entry of {shown}: {text}", []
            name = wording.type_name(at)
        shown = f"{shown}.{step}"
    return _text(shown, name, text, shape=walk.shape_of(_entry(at)), facts=facts)


def _entry(kind: object) -> object:
    """Step into lists, whose entries paths do not name."""
    inner = walk.step(kind, 0) if walk.is_list(kind) else None
    return kind if inner is None else inner


def _facts(owner: type[Shape], attribute: str) -> list[str]:
    info = owner.model_fields[attribute]
    name = written_name(owner, attribute)
    facts = ["Required"] if info.is_required() else []
    if default := wording.default(owner, attribute):
        facts.append(f"Default: {default}")
    facts += [f"Allowed: {rule}" for rule in wording.limits(info)]
    for group in owner.exactly_one:
        if name in group:
            facts.append(f"Exactly one of: {', '.join(group)}")
    if name in owner.cleared_by_null:
        facts.append("null: clears it; absent: leaves it alone")
    return facts


def _text(
    shown: str, name: str, text: str, *, shape: type[Shape] | None, facts: list[str] | None = None
) -> str:
    lines = [f"{shown}  <{name}>", "", *_wrap(text)]
    if facts:
        lines += ["", *(line for fact in facts for line in _wrap(fact))]
    if shape is not None:
        lines += ["", "Fields:"]
        for attribute, info in shape.model_fields.items():
            first = descriptions.of_field(shape, attribute).partition("\n")[0]
            mark = " (required)" if info.is_required() else ""
            name = wording.field_type(shape, attribute)
            lines += [f"  {written_name(shape, attribute)}  <{name}>{mark}", *_wrap(first, "    ")]
    return "\n".join(lines) + "\n"


def _wrap(text: str, indent: str = "  ") -> list[str]:
    paragraphs = text.split("\n\n")
    return [
        line
        for paragraph in paragraphs
        for line in textwrap.wrap(
            " ".join(paragraph.split()), _WIDTH, initial_indent=indent, subsequent_indent=indent
        )
    ]


def _no_kind(kind: str) -> str:
    if kind in LATER:
        return f"{kind}: is not served yet by this version; known are {', '.join(KINDS)}"
    if not kind:
        return f"explain: needs a kind; known are {', '.join(KINDS)}"
    return f"{kind}: is not a kind; {_near(kind, list(KINDS))}"


def _no_field(parent: str, step: str, names: list[str]) -> str:
    return f"{parent}.{step}: is not a field; {_near(step, names)}"


def _near(written: str, names: list[str]) -> str:
    guess = suggest(written, names)
    return f'did you mean "{guess}"?' if guess else f"known are {', '.join(names)}"
