from __future__ import annotations

import pytest

from reconciler.errors import UsageError
from reconciler.specs import schema, walk
from reconciler.specs.explain import explain
from reconciler.specs.registry import KINDS
from reconciler.specs.shape import Shape, written_name


def test_field_is_explained_with_type_limits_and_description() -> None:
    assert explain("FlyteLaunchPlan.spec.maxParallelism") == (
        "FlyteLaunchPlan.spec.maxParallelism  <whole number>\n\n"
        "  How many nodes of one execution run at once; 0 is the platform's default.\n\n"
        "  Allowed: at least 0\n"
    )


def test_default_and_words_of_an_enum_are_told() -> None:
    text = explain("FlyteSync.spec.prune")
    assert "<Deactivate | Archive | Delete | Report | Keep>" in text
    assert "Default: Deactivate" in text


def test_deletion_policies_are_those_of_the_kind() -> None:
    assert "<Orphan>" in explain("FlyteProject.spec.deletionPolicy")
    assert "Default: Deactivate" in explain("FlyteLaunchPlan.spec.deletionPolicy")


def test_fields_that_exclude_each_other_are_named() -> None:
    assert "Exactly one of: cron, every" in explain("FlyteLaunchPlan.spec.schedule.cron")


def test_patterns_are_told_in_words() -> None:
    assert "Allowed: a Go duration, such as 90s" in explain("FlyteSync.spec.interval")
    assert "keys are a Kubernetes key" in explain("FlyteLaunchPlan.spec.labels")


def test_null_that_clears_is_told() -> None:
    text = explain("FlyteProject.spec.attributes.clusterPool")
    assert "null: clears it; absent: leaves it alone" in text


def test_kind_lists_its_fields() -> None:
    text = explain("FlytePackage")
    assert "  archive  <text> (required)\n" in text


@pytest.mark.parametrize(
    "path",
    [
        "FlyteLaunchPlan.spec.notifications.phases",
        "FlyteLaunchPlan.spec.notifications[].phases",
        "FlyteLaunchPlan.spec.notifications[0].phases",
        "FlyteLaunchPlan.notifications.phases",
    ],
)
def test_entries_of_lists_need_not_be_named(path: str) -> None:
    assert "The ends to tell about" in explain(path)


def test_any_word_stands_for_a_key_of_the_user() -> None:
    path = (
        "FlyteProject.spec.domains.production.workflows.train.attributes.taskResources.limits.cpu"
    )
    assert explain(path).startswith(f"{path}  <text>")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("FlyteLaunchplan", 'FlyteLaunchplan: is not a kind; did you mean "FlyteLaunchPlan"?'),
        ("Pod", "Pod: is not a kind; known are FlyteSync"),
        ("", "explain: needs a kind; known are FlyteSync"),
        ("FlyteSync.spec.pathes", 'FlyteSync.spec.pathes: is not a field; did you mean "paths"?'),
        ("FlyteSync.specs", 'FlyteSync.specs: is not a field; did you mean "spec"?'),
        ("FlyteSync.spec.prune.x", "FlyteSync.spec.prune has no fields"),
        ("FlyteLaunchPlan.spec.workflow.version.latst", 'did you mean "latest"?'),
    ],
)
def test_unknown_path_is_an_error_that_suggests(path: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        explain(path)
    assert message in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_can_be_explained(kind: str) -> None:
    for path in field_paths(KINDS[kind], f"{kind}.spec"):
        text = explain(path)
        assert text.startswith(f"{path}  <")
        assert text.endswith("\n")


def field_paths(model: type[Shape], above: str) -> list[str]:
    found = []
    for attribute, info in model.model_fields.items():
        path = f"{above}.{written_name(model, attribute)}"
        found.append(path)
        for below in walk.shapes_in(info.annotation):
            step = f"{path}.some" if walk.is_map(info.annotation) else path
            found += field_paths(below, step)
    return found


def test_metadata_is_that_of_kubernetes() -> None:
    assert "Kubernetes" in explain("FlyteSync.metadata.name")


def test_walk_reaches_every_model_of_a_schema() -> None:
    for kind, model in KINDS.items():
        names = {shape.__name__ for shape in schema.shapes_below(model)} - {model.__name__}
        assert names == set(schema.schema(kind)["$defs"])
