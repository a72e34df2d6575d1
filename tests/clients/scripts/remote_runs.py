"""Runs in flytekit's Python: FlyteRemote executes while events are played; prints JSON."""

import json
import threading
import time
from datetime import timedelta

import etl
from engine import (
    integer,
    name_of,
    remote,
    settings,
    signals,
    tell,
    tell_node,
    tell_task,
)
from flyteidl.admin import signal_pb2
from flyteidl.core import execution_pb2 as core
from flyteidl.core import identifier_pb2, types_pb2

out = {}


def play(execution):
    """What an engine would say about the execution, a little after it was made."""
    time.sleep(0.5)
    tell(execution, core.WorkflowExecution.RUNNING)
    inputs, outputs = integer("count", 5), integer("o0", 5)
    tell_node(execution, core.NodeExecution.RUNNING, input_data=inputs)
    tell_task(execution, core.TaskExecution.RUNNING, input_data=inputs)
    tell_task(execution, core.TaskExecution.SUCCEEDED, output_data=outputs)
    tell_node(execution, core.NodeExecution.SUCCEEDED, output_data=outputs)
    tell(execution, core.WorkflowExecution.SUCCEEDED, output_data=outputs)


flow = remote.register_workflow(etl.hourly, settings, version="v1")
options = {"execution_name": "first", "inputs": {"count": 5}, "wait": False}
execution = remote.execute(flow, tags=["a"], **options)
out["again is the same"] = remote.execute(flow, **options).id.name == execution.id.name
out["waits"] = execution.is_done
player = threading.Thread(target=play, args=(execution,))
player.start()
done = remote.wait(execution, timeout=timedelta(seconds=60), poll_interval=timedelta(seconds=0.2))
player.join()
out["phase"] = core.WorkflowExecution.Phase.Name(done.closure.phase)
out["inputs"] = done.inputs.get("count", int)
out["outputs"] = done.outputs.get("o0", int)
done = remote.sync_execution(done, sync_nodes=True)
node = done.node_executions["n0"]
out["node"] = [core.NodeExecution.Phase.Name(node.closure.phase), node.outputs.get("o0", int)]
attempt = node.task_executions[0]
out["attempt"] = [
    core.TaskExecution.Phase.Name(attempt.closure.phase),
    attempt.inputs.get("count", int),
]

gated = remote.execute(flow, execution_name="gated", inputs={"count": 1}, wait=False)
signals.GetOrCreateSignal(
    signal_pb2.SignalGetOrCreateRequest(
        id=identifier_pb2.SignalIdentifier(signal_id="go", execution_id=name_of(gated)),
        type=types_pb2.LiteralType(simple=types_pb2.BOOLEAN),
    )
)
out["signals"] = [one.id.signal_id for one in remote.list_signals("gated")]
remote.approve("go", "gated")
found = signals.ListSignals(
    signal_pb2.SignalListRequest(workflow_execution_id=name_of(gated), limit=10)
)
out["approved"] = [one.value.scalar.primitive.boolean for one in found.signals]
remote.terminate(gated, "enough")
tell(gated, core.WorkflowExecution.ABORTED)
gated = remote.sync(gated)
out["terminated"] = [
    core.WorkflowExecution.Phase.Name(gated.closure.phase),
    gated.closure.abort_metadata.cause,
]
out["listed"] = sorted(one.id.name for one in remote.recent_executions())
print(json.dumps(out))
