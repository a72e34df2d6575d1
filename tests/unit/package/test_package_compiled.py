"""A compiled workflow gives back the spec that was sent, through the compiler of the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flyteidl.admin import workflow_pb2
from flyteidl.core import identifier_pb2, types_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2
from package_files import ARCHIVES, QUICKSTART, REALWORLD, VARIETY, opened

from reconciler.backends.flyte1 import workflow
from reconciler.backends.flyte1.package import entities
from reconciler.backends.flyte1.package.compiled import spec_of
from reconciler.server.flyte1.compiler import compile_workflow
from reconciler.server.flyte1.graph import LaunchPlanInterface

Spec = workflow_pb2.WorkflowSpec


def compiled(spec: Spec, content: entities.Content) -> Any:
    def plan(identifier: identifier_pb2.Identifier) -> LaunchPlanInterface:
        found = content.plans[identifier.name]
        flow = content.workflows[found.spec.workflow_id.name].template.interface
        return LaunchPlanInterface(found.spec.default_inputs, flow.outputs)

    return compile_workflow(
        spec.template,
        spec.sub_workflows,
        task=lambda identifier: content.tasks[identifier.name].template,
        launch_plan=plan,
    )


def normal(spec: Spec) -> Any:
    return workflow.normal(spec, is_own=lambda _one: False)


def committed() -> Iterator[Any]:
    for path in (QUICKSTART, REALWORLD, VARIETY, *sorted(ARCHIVES.glob("*.tgz"))):
        content = entities.read(opened(path))
        for name, spec in content.workflows.items():
            if name != "variety.flows.foreign":  # it refers to what is not in its package
                yield pytest.param(spec, content, id=f"{path.stem}-{name}")


@pytest.mark.parametrize(("spec", "content"), committed())
def test_committed_workflow_survives_compiling(spec: Spec, content: entities.Content) -> None:
    found = compiled(spec, content)
    assert found.primary.template.nodes[0].id == "start-node"
    back = spec_of(found)
    assert normal(back) == normal(spec)
    assert [one.id for one in back.sub_workflows] == [one.id for one in spec.sub_workflows]


def branch(name: str, *inner: core_workflow_pb2.Node) -> core_workflow_pb2.Node:
    """A node that runs the first of others whose condition holds, else the last."""
    first, *others = inner
    node = core_workflow_pb2.Node(id=name)
    blocks = [node.branch_node.if_else.case]
    blocks += [node.branch_node.if_else.other.add() for _ in others[:-1]]
    for block, one in zip(blocks, [first, *others[:-1]], strict=True):
        block.then_node.CopyFrom(one)
        comparison = block.condition.comparison
        comparison.left_value.primitive.integer = comparison.right_value.primitive.integer = 1
    node.branch_node.if_else.else_node.CopyFrom(others[-1])
    return node


def run(name: str, task: str = "variety.flows.clean_up") -> core_workflow_pb2.Node:
    node = core_workflow_pb2.Node(id=name)
    node.task_node.reference_id.CopyFrom(
        identifier_pb2.Identifier(resource_type=identifier_pb2.TASK, name=task)
    )
    binding = node.inputs.add(var="name").binding
    binding.promise.CopyFrom(types_pb2.OutputReference(var="name"))
    return node


def embed(name: str, flow: str) -> core_workflow_pb2.Node:
    node = core_workflow_pb2.Node(id=name)
    node.workflow_node.sub_workflow_ref.CopyFrom(
        identifier_pb2.Identifier(resource_type=identifier_pb2.WORKFLOW, name=flow)
    )
    node.inputs.add(var="name").binding.promise.var = "name"
    return node


def flow(name: str, *nodes: core_workflow_pb2.Node) -> core_workflow_pb2.WorkflowTemplate:
    template = core_workflow_pb2.WorkflowTemplate(nodes=nodes)
    template.id.CopyFrom(
        identifier_pb2.Identifier(resource_type=identifier_pb2.WORKFLOW, name=name)
    )
    template.interface.inputs.variables["name"].type.simple = types_pb2.STRING
    template.interface.outputs.SetInParent()
    return template


def check(spec: Spec) -> Any:
    content = entities.read(opened(VARIETY))
    found = compiled(spec, content)
    assert spec_of(found) == spec
    return found


def test_branches_in_branches_get_their_names_back() -> None:
    inner = branch("n1", run("n0"), run("n1"), run("n2"))
    found = check(Spec(template=flow("a", branch("n0", run("n0"), inner), run("n1"))))
    names = str(found.primary.template)
    assert 'id: "n0-n1-n2"' in names


def test_workflow_that_is_embedded_by_two_gets_its_names_back() -> None:
    """The compiler goes over it once for each, and names what is in its branch again."""
    shared = flow("shared", branch("n0", run("n0"), branch("n1", run("n0"), run("n1"))))
    other = flow("other", embed("n0", "shared"))
    primary = flow("primary", embed("n0", "shared"), embed("n1", "other"))
    found = check(Spec(template=primary, sub_workflows=[shared, other]))
    assert 'id: "n0-n0-n0"' in str(found.sub_workflows[0])


def test_failure_node_and_bindings_to_inputs_get_back() -> None:
    template = flow("a", run("n0"))
    template.failure_node.CopyFrom(branch("fn0", run("n0"), run("n1")))
    found = check(Spec(template=template))
    assert found.primary.template.nodes[2].inputs[0].binding.promise.node_id == "start-node"


def test_workflow_that_no_node_refers_to_stays_as_it_was_sent() -> None:
    lost = flow("lost", branch("n0", run("n0"), run("n1")))
    check(Spec(template=flow("a", run("n0")), sub_workflows=[lost]))
