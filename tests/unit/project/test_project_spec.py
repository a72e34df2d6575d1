from __future__ import annotations

from datetime import UTC, datetime

import pytest
from project_world import read

from reconciler.backends.flyte1.adapters import ADAPTERS, TRAITS
from reconciler.model.document import Json
from reconciler.model.key import Key, Place
from reconciler.model.origin import Severity
from reconciler.model.resource import Resource
from reconciler.resolve.context import Context
from reconciler.resolve.resolve import Scope, resolve
from reconciler.sources.yaml import parse
from reconciler.specs.validate import validate

LIMITS = "limits: {cpu: 4, gpu: 1, memory: 8Gi, ephemeralStorage: 20Gi}"
DEFAULTS = "defaults: {cpu: 1, memory: 1Gi}"


def resource(spec: str) -> Resource:
    resolved, problems = read(spec)
    assert resolved is not None, problems
    assert not resolved.errors, problems
    (found,) = resolved.desired.resources.values()
    return found


def said(spec: str, severity: Severity) -> list[str]:
    """List problems without the file name."""
    _, problems = read(spec)
    return [
        f"{item.origin.line}:{item.origin.column} {item.path}: {item.message}"
        for item in problems
        if item.severity is severity
    ]


def dev(attributes: str) -> str:
    return f"{{domains: {{development: {{attributes: {{{attributes}}}}}}}}}"


def test_kind_is_served() -> None:
    assert TRAITS["FlyteProject"] is ADAPTERS["FlyteProject"].traits
    assert TRAITS["FlyteProject"].rank < TRAITS["FlyteLaunchPlan"].rank


def test_id_defaults_to_the_name_of_the_document() -> None:
    assert resource("{}").key == Key("FlyteProject", "some")
    assert resource("{name: other}").key == Key("FlyteProject", "other")
    assert resource("{}").key.place == Place("some")


def test_fields_that_are_not_written_are_not_managed() -> None:
    assert resource("{}").body == {}


def test_fields_are_named_by_their_paths() -> None:
    spec = (
        "{displayName: Some, description: text, state: Archived, labels: {a.b/c: d}, "
        "attributes: {clusterPool: p}, domains: {development: {attributes: {clusterPool: d}, "
        "workflows: {a.b: {attributes: {clusterPool: w}}}}}}"
    )
    assert resource(spec).body == {
        "displayName": "Some",
        "description": "text",
        "state": "Archived",
        "labels/a.b/c": "d",
        "attributes/clusterPool": "p",
        "domains/development/attributes/clusterPool": "d",
        "domains/development/workflows/a.b/attributes/clusterPool": "w",
    }


@pytest.mark.parametrize(
    ("field", "size", "most"), [("displayName", 65, 64), ("description", 302, 300)]
)
def test_texts_are_counted_in_bytes(field: str, size: int, most: int) -> None:
    (found,) = said(f"{{{field}: {'ü' * (size // 2)}{'x' * (size % 2)}}}", Severity.ERROR)
    assert f"{field}: has {size} bytes; Flyte 1 takes at most {most}" in found
    assert not said(f"{{{field}: {'x' * most}}}", Severity.ERROR)


def test_null_clears_and_absence_leaves_alone() -> None:
    spec = "{description: null, labels: null, attributes: {clusterPool: null}}"
    assert resource(spec).body == {
        "description": None,
        "labels": None,
        "attributes/clusterPool": None,
    }


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        (
            (
                "pluginOverrides: [{taskType: b, plugins: [x, w]}, "
                "{taskType: a, plugins: [z], onMissing: UseDefault}]"
            ),
            "pluginOverrides",
            [
                {"taskType": "a", "plugins": ["z"], "onMissing": "UseDefault"},
                {"taskType": "b", "plugins": ["x", "w"]},
            ],
        ),
        (
            "workflowExecution: {maxParallelism: 0, overwriteCache: false, interruptible: false}",
            "workflowExecution",
            {"interruptible": False},
        ),
        ("executionQueueTags: [b, a]", "executionQueueTags", ["b", "a"]),
        (
            "taskResources: {limits: {cpu: 1000m, memory: 1Gi}}",
            "taskResources",
            {"limits": {"cpu": "1000m", "memory": "1Gi"}},
        ),
        (
            "clusterResources: {projectQuotaCpu: '64'}",
            "clusterResources",
            {"projectQuotaCpu": "64"},
        ),
    ],
)
def test_values_are_brought_to_their_normal_form(written: str, kind: str, value: Json) -> None:
    assert resource(dev(written)).body == {f"domains/development/attributes/{kind}": value}


def test_same_content_has_the_same_digest_whatever_its_order() -> None:
    one = "pluginOverrides: [{taskType: b, plugins: [x]}, {taskType: a, plugins: [w]}]"
    two = "pluginOverrides: [{taskType: a, plugins: [w]}, {taskType: b, plugins: [x]}]"
    assert resource(dev(one)).digest == resource(dev(two)).digest
    assert resource(dev(one)).digest != resource("{}").digest


def test_adopt_and_protect_are_handed_on() -> None:
    found = resource("{adopt: true, protect: true}")
    assert (found.adopt, found.protect) == (True, True)


def test_plugin_overrides_of_a_whole_project_are_refused_at_their_place() -> None:
    spec = "{attributes: {pluginOverrides: [{taskType: a, plugins: [b]}]}}"
    assert said(spec, Severity.ERROR) == [
        (
            "4:21 spec.attributes.pluginOverrides: "
            "Flyte 1 cannot keep plugin overrides for a whole project"
        )
    ]


def test_quality_of_service_is_no_attribute() -> None:
    found = said(dev("qualityOfService: {tier: HIGH}"), Severity.ERROR)
    assert len(found) == 1
    assert "qualityOfService" in found[0]


def test_default_above_its_limit_is_refused_in_any_unit() -> None:
    spec = dev("taskResources: {defaults: {cpu: 2500m, memory: 1Gi}, limits: {cpu: 2, memory: 1G}}")
    path = "spec.domains.development.attributes.taskResources.defaults"
    assert [text.split(" ", 1)[1] for text in said(spec, Severity.ERROR)] == [
        f"{path}.cpu: 2500m is more than the limit 2",
        f"{path}.memory: 1Gi is more than the limit 1G",
    ]


def test_default_equal_to_its_limit_in_another_unit_is_fine() -> None:
    spec = "taskResources: {defaults: {cpu: 2000m}, limits: {cpu: 2}}"
    assert said(dev(spec), Severity.ERROR) == []


def test_text_that_is_no_quantity_is_refused() -> None:
    assert len(said(dev("taskResources: {limits: {cpu: two}}"), Severity.ERROR)) == 1


def test_complete_task_resources_are_not_talked_about() -> None:
    assert said(dev(f"taskResources: {{{DEFAULTS}, {LIMITS}}}"), Severity.WARNING) == []


def test_limit_that_is_left_out_is_warned_about_as_no_limit() -> None:
    (text,) = said(dev(f"taskResources: {{{DEFAULTS}, limits: {{cpu: 4}}}}"), Severity.WARNING)
    assert "sets no limit for gpu, memory, ephemeralStorage, so tasks may ask for any" in text
    (text,) = said(dev(f"taskResources: {{{DEFAULTS}}}"), Severity.WARNING)
    assert "sets no limit for cpu, gpu, memory, ephemeralStorage" in text


def test_limit_of_zero_counts_as_none() -> None:
    limits = LIMITS.replace("gpu: 1", "gpu: 0")
    (text,) = said(dev(f"taskResources: {{{DEFAULTS}, {limits}}}"), Severity.WARNING)
    assert "sets no limit for gpu," in text


def test_defaults_that_are_left_out_are_warned_about() -> None:
    (text,) = said(dev(f"taskResources: {{{LIMITS}}}"), Severity.WARNING)
    assert "has no defaults" in text


def test_storage_is_warned_about_since_it_is_not_read() -> None:
    spec = f"taskResources: {{{DEFAULTS}, {LIMITS.replace('cpu: 4', 'cpu: 4, storage: 1Gi')}}}"
    (text,) = said(dev(spec), Severity.WARNING)
    assert text.endswith("limits.storage: has no effect: Flyte 1 does not read it")


def test_cluster_resources_of_a_workflow_are_warned_about() -> None:
    spec = "{domains: {d: {workflows: {w: {attributes: {clusterResources: {a: b}}}}}}}"
    (text,) = said(spec, Severity.WARNING)
    assert "has no effect on a workflow" in text


def test_fault_in_one_row_gives_no_resource_at_all() -> None:
    spec = "{labels: {a: b}, attributes: {pluginOverrides: [{taskType: a, plugins: [b]}]}}"
    resolved, _ = read(spec)
    assert resolved is not None
    assert resolved.desired.resources == {}


@pytest.mark.parametrize(
    ("places", "is_allowed"), [({Place("some")}, True), ({Place("some", "development")}, False)]
)
def test_project_is_in_scope_only_where_the_scope_names_it_as_a_whole(
    places: set[Place], is_allowed: bool
) -> None:
    text = "apiVersion: flyte.reconciler.dev/v1alpha1\nkind: FlyteProject\nmetadata: {name: some}\n"
    documents, _ = parse(text.encode(), file="p.yaml")
    declared = validate(documents).declared
    context = Context(set_name="s", now=datetime(2026, 1, 1, tzinfo=UTC))
    resolved = resolve(declared, ADAPTERS, context, scope=Scope(frozenset(places)))
    assert bool(resolved.desired.resources) is is_allowed
    assert bool(resolved.errors) is not is_allowed
