"""The published schemas and examples are current, complete, and agree with `validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.document import Document
from reconciler.model.origin import Origin
from reconciler.sources.yaml import parse
from reconciler.specs import annotate, crd, descriptions, generate, schema
from reconciler.specs.registry import KINDS
from reconciler.specs.shape import written_name
from reconciler.specs.validate import validate

FOLDER = Path(__file__).parents[3] / "specs"
CRDS = Path(__file__).parents[3] / "crds"
CHART = Path(__file__).parents[3] / "charts" / "flyte-reconciler" / "files" / "crds"
COMBINED = jsonschema.Draft202012Validator(schema.combined())


def example_value(kind: str) -> dict[str, Any]:
    documents, problems = parse(annotate.example(kind).encode(), file=f"{kind}.example.yaml")
    assert not problems
    return documents[0].value


def test_published_files_are_current() -> None:
    repair = f"run: .venv/bin/{generate.COMMAND}"
    published = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert set(generate.files()) <= set(published), repair
    stale = [name for name, text in generate.files().items() if published[name] != text]
    assert not stale, repair


@pytest.mark.parametrize("folder", [CRDS, CHART], ids=["crds", "chart"])
def test_definitions_are_current_and_there_are_no_others(folder: Path) -> None:
    repair = f"run: .venv/bin/{generate.COMMAND}"
    published = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert published == crd.files(), repair


def test_published_files_of_kinds_that_are_gone_are_removed() -> None:
    ours = {path.name for path in FOLDER.glob("Flyte*")}
    assert ours == {name for name in generate.files() if name.startswith("Flyte")}


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    texts = generate.files() | crd.files()
    assert len(generate.write(tmp_path, texts)) == len(texts)
    assert generate.write(tmp_path, texts) == []


@pytest.mark.parametrize("kind", KINDS)
def test_schema_is_one_and_names_no_host(kind: str) -> None:
    one = schema.schema(kind)
    jsonschema.Draft202012Validator.check_schema(one)
    assert one["$id"] == f"flyte.reconciler.dev/v1alpha1/{kind}"
    assert "://" not in one["$id"]


@pytest.mark.parametrize("kind", KINDS)
def test_example_is_valid_for_validate_and_for_both_schemas(kind: str) -> None:
    documents, _ = parse(annotate.example(kind).encode(), file="example.yaml")
    assert validate(documents).problems == ()
    jsonschema.Draft202012Validator(schema.schema(kind)).validate(documents[0].value)
    COMBINED.validate(documents[0].value)


@pytest.mark.parametrize("kind", KINDS)
def test_example_shows_every_field(kind: str) -> None:
    lines = [line.strip().lstrip("#") for line in annotate.example(kind).splitlines()]
    for model in schema.shapes_below(KINDS[kind]):
        for attribute in model.model_fields:
            name = written_name(model, attribute)
            shown = any(line.startswith(f"{name}:") for line in lines)
            assert shown or any(f"{name}: " in line for line in lines), f"{model.__name__}.{name}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_and_model_is_described_in_a_sentence(kind: str) -> None:
    for model in schema.shapes_below(KINDS[kind]):
        texts = {
            attribute: descriptions.of_field(model, attribute) for attribute in model.model_fields
        }
        for attribute, text in {**texts, "": descriptions.of_model(model)}.items():
            first = text.partition("\n")[0]
            assert first[:1].isupper() or first[:1] in "`2", (
                f"{model.__name__}.{attribute}: {first!r}"
            )
            assert first.endswith("."), f"{model.__name__}.{attribute}: {first!r}"


@pytest.mark.parametrize("kind", KINDS)
def test_schema_describes_every_field(kind: str) -> None:
    one = schema.schema(kind)
    for part in (one["properties"]["spec"], *one["$defs"].values()):
        for name, field in part["properties"].items():
            assert field["description"], name


def holders(value: object) -> list[Any]:
    found: list[Any] = [value] if isinstance(value, dict | list) else []
    inner = list(value.values()) if isinstance(value, dict) else value
    for one in inner if isinstance(inner, list) else []:
        found += holders(one)
    return found


@given(data=st.data(), kind=st.sampled_from(sorted(KINDS)))
def test_schema_accepts_whatever_validate_accepts(data: st.DataObject, kind: str) -> None:
    value = example_value(kind)
    for _ in range(data.draw(st.integers(1, 3))):
        holder = data.draw(st.sampled_from(holders(value["spec"])))
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            continue
        key = data.draw(st.sampled_from(keys))
        change = data.draw(st.sampled_from(["drop", "null", "zero", "text", "empty map", "true"]))
        if change == "drop":
            del holder[key]
        else:
            holder[key] = {"null": None, "zero": 0, "text": "x", "empty map": {}, "true": True}[
                change
            ]
    if validate([Document(value, Origin("x", 1, 1))]).problems:
        return
    COMBINED.validate(value)


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("FlyteLaunchPlan", {}),
        (
            "FlyteLaunchPlan",
            {"workflow": {"name": "a", "version": "v"}, "existing": {"version": "v"}},
        ),
        ("FlyteLaunchPlan", {"workflow": {"name": "a"}}),
        ("FlyteLaunchPlan", {"existing": {"version": "v"}, "frobnicate": 1}),
        ("FlyteLaunchPlan", {"existing": {"version": "v"}, "deletionPolicy": "Terminate"}),
        ("FlyteLaunchPlan", {"existing": {"version": "v"}, "labels": {"a b": "x"}}),
        ("FlyteProject", {"state": "active"}),
        ("FlyteProject", {"labels": {f"a{i}": "x" for i in range(17)}}),
        ("FlyteConnection", {"endpoint": "a:1", "config": "b"}),
        ("FlyteSync", {"paths": []}),
        ("FlytePackage", {}),
    ],
)
def test_schema_refuses_what_an_editor_should_mark(kind: str, spec: dict[str, Any]) -> None:
    value = {**example_value(kind), "spec": spec}
    assert validate([Document(value, Origin("x", 1, 1))]).problems
    assert not COMBINED.is_valid(value)
    assert not jsonschema.Draft202012Validator(schema.schema(kind)).is_valid(value)
