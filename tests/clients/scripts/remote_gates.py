"""Runs in flytekit's Python: gates, failures and children of executions; prints JSON."""

import json
import threading
import time
from datetime import timedelta

import etl
from engine import integer, name_of, remote, settings, signals, tell, tell_node
from flyteidl.admin import signal_pb2
from flyteidl.core import execution_pb2 as core
from flyteidl.core import identifier_pb2, types_pb2
from flyteidl.event import event_pb2
from flytekit.exceptions.user import FlyteAssertion, FlyteInvalidInputException
from flytekit.models.literals import Literal, Primitive, Scalar

out = {}
Phase = core.WorkflowExecution


def opened(execution, name, simple):
    """A gate, as the engine makes one when it comes to it."""
    signals.GetOrCreateSignal(
        signal_pb2.SignalGetOrCreateRequest(
            id=identifier_pb2.SignalIdentifier(signal_id=name, execution_id=name_of(execution)),
            type=types_pb2.LiteralType(simple=simple),
        )
    )


flow = remote.register_workflow(etl.hourly, settings, version="v1")
gated = remote.execute(flow, execution_name="gated", inputs={"count": 1}, wait=False)
opened(gated, "no", types_pb2.BOOLEAN)
opened(gated, "how many", types_pb2.INTEGER)
opened(gated, "why", types_pb2.STRING)
remote.reject("no", "gated")
remote.set_input("how many", "gated", 7)
remote.set_signal("why", "gated", Literal(scalar=Scalar(primitive=Primitive(string_value="late"))))
found = signals.ListSignals(
    signal_pb2.SignalListRequest(workflow_execution_id=name_of(gated), limit=10)
)
out["set"] = {
    one.id.signal_id: [
        one.value.scalar.primitive.WhichOneof("value"),
        getattr(one.value.scalar.primitive, one.value.scalar.primitive.WhichOneof("value")),
    ]
    for one in found.signals
}
out["again"] = []
for value in (8, "eight"):
    try:
        remote.set_input("how many", "gated", value)
    except FlyteInvalidInputException as error:
        out["again"].append(type(error).__name__)
    else:
        out["again"].append("taken")

try:
    _ = remote.sync(gated).outputs
except FlyteAssertion:
    out["outputs too early"] = "FlyteAssertion"

failed = remote.execute(flow, execution_name="failed", inputs={"count": 1}, wait=False)
tell(failed, Phase.RUNNING)
error = core.ExecutionError(code="USER:Broken", message="it broke", kind=core.ExecutionError.USER)
tell(failed, Phase.FAILED, error=error)
failed = remote.wait(failed, timeout=timedelta(seconds=30))
out["failed"] = [failed.is_done, failed.error.code, failed.error.message]
again = remote.client.relaunch_execution(failed.id, name="again")
out["relaunched"] = again.name

parent_flow = remote.register_workflow(etl.nightly, settings, version="v1")
plan = remote.fetch_launch_plan(name="etl.stage", version="v1")


def play(execution):
    """A parent whose only node starts the plan `etl.stage`."""
    time.sleep(0.5)
    tell(execution, Phase.RUNNING)
    tell_node(execution, core.NodeExecution.RUNNING)
    child = remote.execute(plan, execution_name="child", inputs={}, wait=False)
    metadata = event_pb2.WorkflowNodeMetadata(execution_id=name_of(child))
    told = {"workflow_node_metadata": metadata}
    tell(child, Phase.RUNNING)
    tell_node(child, core.NodeExecution.RUNNING, input_data=integer("count", 5))
    tell_node(child, core.NodeExecution.SUCCEEDED, output_data=integer("o0", 5))
    tell(child, Phase.SUCCEEDED, output_data=integer("o0", 5))
    tell_node(execution, core.NodeExecution.DYNAMIC_RUNNING, **told)
    tell_node(execution, core.NodeExecution.SUCCEEDED, output_data=integer("o0", 5), **told)
    tell(execution, Phase.SUCCEEDED, output_data=integer("o0", 5))


parent = remote.execute(parent_flow, execution_name="parent", inputs={}, wait=False)
player = threading.Thread(target=play, args=(parent,))
player.start()
parent = remote.wait(parent, timeout=timedelta(seconds=60), poll_interval=timedelta(seconds=0.2))
player.join()
parent = remote.sync_execution(parent, sync_nodes=True)
node = parent.node_executions["n0"]
(child,) = node.workflow_executions
out["child"] = [child.id.name, child.is_done, child.outputs.get("o0", int)]
out["parent"] = [Phase.Phase.Name(parent.closure.phase), parent.outputs.get("o0", int)]
print(json.dumps(out))
