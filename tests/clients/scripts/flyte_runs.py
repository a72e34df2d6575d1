"""Flyte 2's library on runs, as an application uses it, beside an engine whose events are played.

Prints what it saw as JSON.
"""

import json
import pathlib
import sys
import threading
import time
from datetime import UTC, datetime

import etl
import flyte
from flyte import remote
from flyteidl2.actions import actions_service_pb2
from flyteidl2.actions.actions_service_connect import ActionsServiceClientSync
from flyteidl2.common import identifier_pb2
from flyteidl2.core import literals_pb2, types_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.dataproxy.dataproxy_service_connect import DataProxyServiceClientSync
from flyteidl2.task import common_pb2
from flyteidl2.workflow.internal_run_service_connect import InternalRunServiceClientSync

sys.path.append(str(pathlib.Path(__file__).parents[2]))
import engine2_kit as engine  # beside the tests, which this Python does not know

given = json.loads(sys.argv[1])
flyte.init(
    endpoint=given["endpoint"],
    insecure=True,
    project=given["project"],
    domain=given["domain"],
    root_dir=pathlib.Path(given["root"]),
    image_builder="local",
)
url = f"http://{given['endpoint']}"
internal = InternalRunServiceClientSync(url)
actions = ActionsServiceClientSync(url)
data = DataProxyServiceClientSync(url)
seen = {}


def tell(action, phase, when, **event):
    """What the engine says of an action and of its one attempt."""
    told = engine.event(action, phase, when=when, **event)
    internal.record_action_events(engine.events([told]))
    ended = when if phase in (engine.SUCCEEDED, engine.FAILED) else None
    internal.update_action_status(engine.status(action, phase, began=1, ended=ended))


def stored(value):
    """A place that holds outputs: those of a task are called o0."""
    literal = literals_pb2.Literal()
    literal.scalar.primitive.integer = value
    inputs = common_pb2.Inputs(literals=[common_pb2.NamedLiteral(name="o0", value=literal)])
    place = identifier_pb2.ProjectIdentifier(name=given["project"], domain=given["domain"])
    request = dataproxy_service_pb2.UploadInputsRequest(
        project_id=place, task_id=task.pb2.task_id, inputs=inputs
    )
    return f"{data.upload_inputs(request).offloaded_input_data.uri}/inputs.pb"


def play(run):
    """A run whose task starts one action, which then both succeed."""
    root, child = run.action.action_id, engine.action_id(run.action.action_id.run, "a1")
    time.sleep(0.5)
    tell(root, engine.INITIALIZING, 1)
    tell(root, engine.RUNNING, 2)
    body = engine.task(child, "extract.rows", short_name="rows")
    internal.record_action(engine.record(child, "a0", task=body))
    tell(child, engine.RUNNING, 3)
    tell(child, engine.SUCCEEDED, 4, outputs=engine.outputs(stored(4)))
    tell(root, engine.SUCCEEDED, 7, outputs=engine.outputs(stored(8)))


def started():
    """A run of the deployed task."""
    return flyte.run(task, day=datetime(2030, 1, 2, tzinfo=UTC), count=2)


flyte.deploy(etl.env, version="v1")
task = remote.Task.get("etl.load", version="v1").fetch()

run = started()
seen["before"] = [run.phase, run.done()]
player = threading.Thread(target=play, args=(run,))
player.start()
watch = remote.ActionDetails.watch(action_id=run.action.action_id)
phases = [str(one.phase) for one in watch]
player.join()
seen["watched"] = [phases[0], phases[-1]]
run.wait(quiet=True)
seen["after"] = [run.phase, run.done()]
seen["outputs"] = list(run.outputs())
seen["inputs"] = [run.inputs()["count"], run.inputs()["mode"]]
found = {one.name: one for one in remote.Action.listall(for_run_name=run.name)}
seen["actions"] = {name: [str(one.phase), one.task_name] for name, one in found.items()}
details = remote.ActionDetails.get(run_name=run.name, name="a1")
seen["child"] = [details.parent_name, details.attempts]
root = remote.ActionDetails.get(run_name=run.name, name="a0")
seen["durations"] = {
    str(phase): length.total_seconds() for phase, length in root.phase_durations.items()
}
run.raise_for_status()

waiting = started()
question = actions_service_pb2.Action(
    action_id=engine.action_id(waiting.action.action_id.run, "b1"),
    parent_action_name="a0",
    condition=engine.condition(simple=types_pb2.INTEGER),
)
actions.enqueue(actions_service_pb2.EnqueueRequest(action=question))
for _ in range(100):
    (condition,) = remote.Condition.listall(waiting.name)
    if condition.phase == "ACTION_PHASE_PAUSED":
        break
    time.sleep(0.1)
seen["condition"] = [condition.name, condition.phase, condition.expected_type]
condition.signal(3)
for _ in range(100):
    answered = remote.Action.get(run_name=waiting.name, name="b1")
    if answered.done():
        break
    time.sleep(0.1)
seen["answered"] = str(answered.phase)

waiting.abort("enough")
waiting.wait(quiet=True)
seen["aborted"] = [waiting.phase, waiting.details().action_details.abort_info.reason]
try:
    waiting.raise_for_status()
except flyte.errors.ActionAbortedError as error:
    seen["aborted raises"] = str(error).partition(": ")[2]

failing = started()
tell(failing.action.action_id, engine.RUNNING, 2)
tell(failing.action.action_id, engine.FAILED, 3, error_info=engine.failure())
failing.wait(quiet=True)
seen["failed"] = [
    failing.phase,
    remote.ActionDetails.get(run_name=failing.name, name="a0").error_message,
]
seen["listed"] = {
    one.name == failing.name: one.phase for one in remote.Run.listall(in_phase=("failed",))
}
print(json.dumps(seen))
