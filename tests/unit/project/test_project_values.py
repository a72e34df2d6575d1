from __future__ import annotations

from fractions import Fraction
from typing import Any, cast

import pytest
from flyteidl.admin import matchable_resource_pb2 as wire
from flyteidl.core import security_pb2
from hypothesis import given
from hypothesis import strategies as st

from reconciler.backends.flyte1.project import quantity, values
from reconciler.backends.flyte1.project.paths import Row, cascades, steps
from reconciler.model.document import Json

TEXT = st.text(min_size=1, max_size=8)
AMOUNTS = st.dictionaries(
    st.sampled_from(["cpu", "gpu", "memory", "storage", "ephemeralStorage"]),
    st.sampled_from(["1", "500m", "1.5Gi"]),
    min_size=1,
)
OVERRIDE = st.fixed_dictionaries(
    {"taskType": TEXT, "plugins": st.lists(TEXT, min_size=1, max_size=3)},
    optional={"onMissing": st.just("UseDefault")},
)
WRITTEN: dict[str, st.SearchStrategy[Any]] = {
    "taskResources": st.fixed_dictionaries({}, optional={"defaults": AMOUNTS, "limits": AMOUNTS}),
    "clusterResources": st.dictionaries(TEXT, st.text(max_size=8)),
    "executionQueueTags": st.lists(TEXT),
    "executionClusterLabel": TEXT,
    "pluginOverrides": st.lists(OVERRIDE, unique_by=lambda item: str(item["taskType"])).map(
        lambda items: values.normal("pluginOverrides", cast("Json", items))
    ),
    "workflowExecution": st.fixed_dictionaries(
        {},
        optional={
            "maxParallelism": st.integers(1, 2**31 - 1),
            "serviceAccount": TEXT,
            "iamRole": TEXT,
            "rawOutputPrefix": TEXT,
            "labels": st.dictionaries(TEXT, TEXT, min_size=1),
            "annotations": st.dictionaries(TEXT, TEXT, min_size=1),
            "interruptible": st.booleans(),
            "overwriteCache": st.just(True),
            "envs": st.dictionaries(TEXT, TEXT, min_size=1),
        },
    ),
    "clusterPool": TEXT,
}


def test_every_kind_is_tried() -> None:
    assert WRITTEN.keys() == values.KINDS.keys()


@pytest.mark.parametrize("kind", sorted(values.KINDS))
@given(data=st.data())
def test_what_is_written_reads_back_as_it_was(kind: str, data: st.DataObject) -> None:
    value = data.draw(WRITTEN[kind])
    message = values.to_wire(kind, value)
    assert message.WhichOneof("target") is not None
    assert values.from_wire(kind, message) == value


def test_order_of_plugin_overrides_on_the_server_does_not_matter() -> None:
    items = [wire.PluginOverride(task_type=one, plugin_id=["p"]) for one in "ab"]
    forms = [
        values.from_wire(
            "pluginOverrides",
            wire.MatchingAttributes(plugin_overrides=wire.PluginOverrides(overrides=order)),
        )
        for order in (items, items[::-1])
    ]
    assert forms[0] == forms[1]


def test_empty_messages_and_absent_ones_are_the_same() -> None:
    config = wire.WorkflowExecutionConfig()
    config.labels.SetInParent()
    config.security_context.run_as.SetInParent()
    config.raw_output_data_config.SetInParent()
    config.envs.SetInParent()
    message = wire.MatchingAttributes(workflow_execution_config=config)
    assert values.from_wire("workflowExecution", message) == {}


def test_what_the_language_cannot_say_never_reads_as_equal() -> None:
    secrets = [security_pb2.Secret(group="g", key="k")]
    context = security_pb2.SecurityContext(
        run_as=security_pb2.Identity(k8s_service_account="a"), secrets=secrets
    )
    config = wire.WorkflowExecutionConfig(security_context=context)
    message = wire.MatchingAttributes(workflow_execution_config=config)
    assert values.from_wire("workflowExecution", message) == {
        "serviceAccount": "a",
        "other": {"securityContext": {"secrets": [{"group": "g", "key": "k"}]}},
    }


@pytest.mark.parametrize(
    "row",
    [
        Row("clusterPool"),
        Row("clusterPool", "development"),
        Row("clusterPool", "development", "a.b"),
        Row("clusterPool", "workflows", "a/attributes/b/workflows/c"),
        Row("clusterPool", "attributes", "attributes"),
    ],
)
def test_path_of_a_row_reads_back(row: Row) -> None:
    assert Row.parse(row.path) == row


def test_other_fields_are_no_rows() -> None:
    with pytest.raises(ValueError, match="not a row"):
        Row.parse("labels/domains/a")


def test_delete_takes_narrower_rows_of_its_kind_only() -> None:
    every = [
        Row(kind, domain, workflow).path
        for kind in ("clusterPool", "executionQueueTags")
        for domain, workflow in (("", ""), ("d", ""), ("d", "w"), ("e", "w"))
    ]
    assert set(cascades("attributes/clusterPool", every)) == {
        "domains/d/attributes/clusterPool",
        "domains/d/workflows/w/attributes/clusterPool",
        "domains/e/workflows/w/attributes/clusterPool",
    }
    assert cascades("domains/d/attributes/clusterPool", every) == (
        "domains/d/workflows/w/attributes/clusterPool",
    )
    assert cascades("domains/d/workflows/w/attributes/clusterPool", every) == ()


def test_steps_are_those_of_the_spec() -> None:
    assert steps("labels/a/b") == ("labels", "a/b")
    assert steps("state") == ("state",)
    assert steps("attributes/clusterPool") == ("attributes", "clusterPool")
    assert steps("domains/d/workflows/a/b/attributes/clusterPool") == (
        "domains",
        "d",
        "workflows",
        "a/b",
        "attributes",
        "clusterPool",
    )


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("2", Fraction(2)),
        ("500m", Fraction(1, 2)),
        ("1.5Gi", Fraction(3 * 2**29)),
        ("1e3", Fraction(1000)),
        ("1E", Fraction(10**18)),
        ("1E3", Fraction(1000)),
        ("3k", Fraction(3000)),
        ("1Ki", Fraction(1024)),
        ("5u", Fraction(5, 10**6)),
        ("7n", Fraction(7, 10**9)),
        ("0", Fraction(0)),
    ],
)
def test_quantity_is_read_as_kubernetes_does(text: str, amount: Fraction) -> None:
    assert quantity.parse(text) == amount


@pytest.mark.parametrize("text", ["", "two", "1 Gi", "1gi", "1K", "-1", "1e", "Gi", "1.2.3"])
def test_text_that_is_no_quantity_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not a Kubernetes quantity"):
        quantity.parse(text)


def test_amount_that_kubernetes_cannot_hold_is_an_error() -> None:
    with pytest.raises(ValueError, match="more than Kubernetes can hold"):
        quantity.parse("10E")
