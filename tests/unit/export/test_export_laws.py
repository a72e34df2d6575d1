"""The law of export, over random plans: read back from its own text, a document is what is live."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.backends.flyte1.adapters import ADAPTERS
from reconciler.export import launch_plan, names, text
from reconciler.export.document import Exported
from reconciler.export.launch_plan import LivePlan
from reconciler.model.interface import Want, Workflow
from reconciler.model.key import Key
from reconciler.model.live import About, LiveVersion
from reconciler.resolve.context import Context
from reconciler.resolve.resolve import resolve
from reconciler.sources import yaml
from reconciler.specs.validate import validate
from reconciler.values.canonical import canonical

GOLDEN = Path(__file__).parents[1] / "values" / "golden" / "flytekit.json"
CASES: list[dict[str, Any]] = [
    case for case in json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"] if "literal" in case
]
NOW = datetime(2026, 5, 1, tzinfo=UTC)
WORDS = st.sampled_from(["on", "1e3", "08", "12:30", "~", "a: b #c", "2026-01-01", "x\ny", "é", ""])

inputs = st.dictionaries(
    st.sampled_from(["n", "on", "a b", "x", "y1"]),
    st.tuples(st.sampled_from(CASES), st.sampled_from(["default", "fixed", "workflow", "open"])),
    max_size=4,
)
schedules = st.sampled_from(
    [
        {},
        {"cron": "0 6 * * *"},
        {"cron": "@daily", "timezone": "Europe/Berlin"},
        {"cron": "0 6 * * *", "offset": "PT1H"},
        {"cronExpression": "0 6 * * *"},
        {"every": 90},
        {"every": 0},
        {"every": 60, "kickoffInput": "day"},
    ]
)
extras = st.fixed_dictionaries(
    {},
    optional={
        "annotations": st.dictionaries(st.sampled_from(["a", "x.y/z"]), WORDS, min_size=1),
        "labels": st.dictionaries(st.sampled_from(["on", "n"]), WORDS, min_size=1),
        "envs": st.dictionaries(st.sampled_from(["A", "no"]), WORDS, min_size=1),
        "maxParallelism": st.integers(1, 9),
        "interruptible": st.booleans(),
        "overwriteCache": st.just(True),
        "concurrency": st.just({"max": 1, "behavior": "SKIP"}),
        "runAs": st.sampled_from([{"serviceAccount": "flyte"}, {"iamRole": "a b"}]),
        "other": st.sampled_from([{}, {}, {"quality_of_service": {"tier": "HIGH"}}]),
    },
)
flyte_names = st.text(st.sampled_from("aZ09._-/é" * 3 + "+"), min_size=1, max_size=12)


@settings(max_examples=300)
@given(inputs, schedules, extras, flyte_names, WORDS)
def test_a_document_read_back_is_what_is_live(
    given_inputs: dict[str, tuple[dict[str, Any], str]],
    schedule: dict[str, Any],
    extra: dict[str, Any],
    name: str,
    description: str,
) -> None:
    body, workflow = make(given_inputs, schedule, extra)
    key = Key("FlyteLaunchPlan", "p", "d", name)
    plan = LivePlan(
        key=key,
        version=LiveVersion("v1", body),
        is_active=True,
        about=About(description),
    )
    want = Want("p", "d", "wf", version="w1")
    context = Context(set_name="team", now=NOW, catalog={want: workflow})
    called = names.document_names([key])[key]
    found = launch_plan.export(
        plan, name=called, context=context, adapter=ADAPTERS["FlyteLaunchPlan"]
    )
    if not isinstance(found, Exported):
        assert "+" in name, f"{name!r} can be named, and was left out: {found.reason}"
        return
    written = text.yaml(found.document, found.notes)
    documents, problems = parse(written)
    assert not problems, written
    checked = validate(documents)
    resolved = resolve(checked.declared, ADAPTERS, context)
    assert not checked.problems
    assert not resolved.errors, written
    resource = resolved.desired.resources[key]
    if resource.chosen:
        assert resource.version == "v1"
        assert found.notes, "a version that is only named has its reason"
    else:
        assert resource.body == body
        assert resource.description == description
        assert resource.state.value == "Active"


@given(st.lists(st.tuples(st.sampled_from("pq"), st.sampled_from("de"), flyte_names), max_size=20))
def test_names_and_files_are_each_once(parts: list[tuple[str, str, str]]) -> None:
    keys = {Key("FlyteLaunchPlan", *part) for part in parts}
    called = names.document_names(keys)
    files = names.file_names(keys, suffix=".yaml")
    assert set(called) == set(files) == keys
    assert len(set(called.values())) == len(keys)
    assert len(set(files.values())) == len(keys)


def make(
    given_inputs: dict[str, tuple[dict[str, Any], str]],
    schedule: dict[str, Any],
    extra: dict[str, Any],
) -> tuple[dict[str, Any], Workflow]:
    """Make a normal form, and the workflow it runs."""
    variables, defaults, given_defaults, fixed = {}, {}, {}, {}
    for name, (case, role) in given_inputs.items():
        variables[name] = {"type": case["type"]}
        literal = canonical(case["literal"])
        if role == "workflow":
            defaults[name] = literal
        if role in {"default", "workflow"}:
            given_defaults[name] = {"type": case["type"], "value": literal}
        if role == "fixed":
            fixed[name] = literal
    parts = {
        "workflow": {"name": "wf", "version": "w1"},
        "schedule": schedule,
        "defaultInputs": given_defaults,
        "fixedInputs": fixed,
        **extra,
    }
    body = {name: part for name, part in parts.items() if part or part is False}
    return body, Workflow("p", "d", "wf", "w1", variables, defaults)


def parse(written: str) -> tuple[Any, Any]:
    """Read one text as the files of a set are read."""
    return yaml.parse(written.encode(), file="a.yaml")
