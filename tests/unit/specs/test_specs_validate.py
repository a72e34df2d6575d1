from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.document import Document
from reconciler.model.origin import Origin
from reconciler.sources.yaml import parse
from reconciler.specs import annotate
from reconciler.specs.launch_plan import LaunchPlanSpec
from reconciler.specs.project import ProjectSpec
from reconciler.specs.registry import KINDS
from reconciler.specs.validate import Validated, validate

HEAD = "apiVersion: flyte.reconciler.dev/v1alpha1\n"
PLAN = HEAD + "kind: FlyteLaunchPlan\nmetadata: {name: etl-daily}\n"


def read(text: str) -> Validated:
    documents, problems = parse(text.encode(), file="specs/a.yaml")
    assert not problems
    return validate(documents)


def plan(spec: str) -> LaunchPlanSpec:
    found = read(f"{PLAN}spec: {spec}\n")
    assert not found.problems, found.problems
    ((_, one),) = found.of(LaunchPlanSpec)
    return one


def test_valid_document_is_declared_with_kind_and_name() -> None:
    found = read(PLAN + "spec: {workflow: {name: a.b, version: v1}}\n")
    (declared,) = found.declared
    assert (declared.kind, declared.name, declared.namespace) == (
        "FlyteLaunchPlan",
        "etl-daily",
        "",
    )
    assert isinstance(declared.spec, LaunchPlanSpec)
    assert found.problems == ()


def test_declared_knows_the_place_of_keys_and_values() -> None:
    text = (
        PLAN + "spec:\n  workflow: {name: a.b, version: v1}\n  schedule:\n    cron: '0 6 * * *'\n"
    )
    (declared,) = read(text).declared
    assert declared.at("schedule", "cron") == Origin("specs/a.yaml", 7, 11)
    assert declared.key_at("schedule", "cron") == Origin("specs/a.yaml", 7, 5)
    assert declared.at("schedule", "timezone") == declared.at("schedule")
    problem = declared.problem("never fires", "schedule", "cron", fix="write another")
    assert str(problem) == "specs/a.yaml:7:5: spec.schedule.cron: never fires; write another"


def test_documents_of_other_groups_are_skipped_and_counted() -> None:
    others = (
        "apiVersion: v1\nkind: ConfigMap\n---\napiVersion: apps/v1\nkind: Deployment\nspec: 1\n"
    )
    found = read(others + "---\n" + PLAN + "spec: {existing: {version: v1}}\n")
    assert (found.skipped, len(found.declared), found.problems) == (2, 1, ())


def test_workflows_of_flyte_propeller_are_not_ours() -> None:
    found = read("apiVersion: flyte.lyft.com/v1alpha1\nkind: FlyteWorkflow\nmetadata: {name: a}\n")
    assert (found.skipped, found.problems) == (1, ())


def test_all_problems_of_all_documents_are_reported_in_file_order() -> None:
    bad = PLAN + "spec: {workflow: {name: a}, state: active, nme: x, maxParallelism: '1'}\n"
    other = HEAD + "kind: FlyteProject\nmetadata: {name: A}\nspec: {state: Gone}\n"
    found = read(f"{bad}---\n{other}")
    assert not found.declared
    places = [(problem.origin.line, problem.origin.column) for problem in found.problems]
    assert places == sorted(places)
    assert [problem.path for problem in found.problems] == [
        "spec.workflow",
        "spec.state",
        "spec.nme",
        "spec.maxParallelism",
        "metadata.name",
        "metadata.name",
        "spec.state",
    ]


def test_valid_documents_are_declared_beside_broken_ones() -> None:
    good = HEAD + "kind: FlyteProject\nmetadata: {name: ranking}\n"
    found = read(f"{PLAN}spec: {{state: active}}\n---\n{good}")
    assert [one.name for one in found.declared] == ["ranking"]
    assert found.problems


def test_output_of_kubectl_get_is_read_back() -> None:
    found = read(
        """\
apiVersion: v1
kind: List
metadata: {resourceVersion: ""}
items:
- apiVersion: flyte.reconciler.dev/v1alpha1
  kind: FlyteProject
  metadata:
    name: ranking
    namespace: flyte
    uid: 1c5ff1dd-0000-0000-0000-000000000000
    resourceVersion: "12"
    generation: 2
    creationTimestamp: "2025-01-01T00:00:00Z"
    managedFields: [{manager: kubectl}]
    annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}
    finalizers: [flyte.reconciler.dev/finalizer]
    ownerReferences: []
  spec: {state: Active}
  status: {conditions: [{type: Ready, status: "True"}]}
"""
    )
    assert found.problems == ()
    assert [(one.name, one.namespace) for one in found.declared] == [("ranking", "flyte")]


def test_lists_of_our_kinds_are_unfolded_with_their_places() -> None:
    items: list[Any] = [
        {
            "apiVersion": "flyte.reconciler.dev/v1alpha1",
            "kind": "FlyteProject",
            "metadata": {"name": "ranking"},
            "spec": {"state": "Gone"},
        },
        7,
    ]
    document = Document(
        {"apiVersion": "flyte.reconciler.dev/v1alpha1", "kind": "FlyteProjectList", "items": items},
        Origin("-", 1, 1),
        values={("items", 0, "spec", "state"): Origin("-", 9, 9), ("items", 1): Origin("-", 12, 3)},
    )
    first, second = validate([document]).problems
    assert str(first) == '-:9:9: spec.state: must be Active or Archived, not "Gone"'
    assert str(second) == "-:12:3: items[1]: must be an object"


def test_same_name_in_two_namespaces_is_two_objects() -> None:
    one = HEAD + "kind: FlyteProject\nmetadata: {name: ranking, namespace: %s}\n"
    assert len(read(one % "a" + "---\n" + one % "b").declared) == 2


def test_same_name_of_two_kinds_is_two_objects() -> None:
    one = HEAD + "kind: FlyteProject\nmetadata: {name: etl-daily}\n"
    assert len(read(one + "---\n" + PLAN + "spec: {existing: {version: v1}}\n").declared) == 2


def test_second_declaration_of_a_broken_object_is_reported_too() -> None:
    one = HEAD + "kind: FlyteProject\nmetadata: {name: ranking}\nspec: {state: Gone}\n"
    found = read(f"{one}---\n{one}")
    assert sum("is declared at specs/a.yaml:3:12 too" in str(one) for one in found.problems) == 1


def test_booleans_and_quoted_words_are_fine_in_inputs() -> None:
    spec = plan(
        "{workflow: {name: a, version: v1}, inputs: {a: true, b: False, 'n': 'on', c: [yes_]}}"
    )
    assert spec.inputs == {"a": True, "b": False, "n": "on", "c": ["yes_"]}


def test_booleans_of_the_language_may_be_written_as_kubectl_reads_them() -> None:
    assert plan("{workflow: {name: a, version: v1}, interruptible: yes}").interruptible is True


@pytest.mark.parametrize("kind", KINDS)
def test_missing_spec_is_the_same_as_an_empty_one(kind: str) -> None:
    head = f"{HEAD}kind: {kind}\nmetadata: {{name: abc}}\n"
    without = [one.message for one in read(head).problems]
    assert without == [one.message for one in read(f"{head}spec: {{}}\n").problems]
    assert without == [one.message for one in read(f"{head}spec:\n").problems]


def test_values_of_private_maps_are_never_shown() -> None:
    text = PLAN + (
        "spec: {workflow: {name: a, version: v1}, envs: {A: 123456, B: [s3cret]},"
        " inputs: s3cret, fixedInputs: [s3cret]}\n"
    )
    shown = "\n".join(map(str, read(text).problems))
    assert shown.count("\n") == 3
    assert "123456" not in shown
    assert "s3cret" not in shown


def test_project_tells_cleared_from_unmanaged() -> None:
    text = HEAD + "kind: FlyteProject\nmetadata: {name: ranking}\nspec:\n"
    text += (
        "  labels: null\n  displayName: null\n  attributes: {clusterPool: null, taskResources: }\n"
    )
    ((_, spec),) = read(text).of(ProjectSpec)
    assert spec.model_fields_set == {"labels", "attributes"}
    assert spec.labels is None
    assert spec.attributes is not None
    assert spec.attributes.model_fields_set == {"cluster_pool", "task_resources"}
    assert spec.attributes.cluster_pool is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.text(max_size=5) | st.sampled_from(["name", "kind"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)


def example_value(kind: str) -> dict[str, Any]:
    documents, _ = parse(annotate.example(kind).encode(), file="example.yaml")
    return documents[0].value


def paths(value: object, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [above] if above else []
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return found + [path for key, one in inner for path in paths(one, (*above, key))]


@given(data=st.data(), kind=st.sampled_from(sorted(KINDS)))
def test_any_json_anywhere_is_answered_in_words(data: st.DataObject, kind: str) -> None:
    value = example_value(kind)
    path = data.draw(st.sampled_from(paths(value)))
    holder: Any = value
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = data.draw(JSON)
    for problem in validate([Document(value, Origin("x", 1, 1))]).problems:
        assert "is not valid" not in problem.message
        assert problem.message == problem.message.strip()
        assert "Input" not in problem.message
