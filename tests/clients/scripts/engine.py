"""FlyteRemote, and the engine whose events a script plays; both by what the script was given."""

import json
import sys

import grpc
from flyteidl.admin import event_pb2 as admin_event
from flyteidl.core import identifier_pb2, literals_pb2
from flyteidl.event import event_pb2
from flyteidl.service import admin_pb2_grpc, signal_pb2_grpc
from flytekit.configuration import Config, Image, ImageConfig, SerializationSettings
from flytekit.remote import FlyteRemote
from google.protobuf.timestamp_pb2 import Timestamp

given = json.loads(sys.argv[1])
remote = FlyteRemote(
    Config.for_endpoint(given["endpoint"], insecure=True),
    default_project=given["project"],
    default_domain=given["domain"],
    data_upload_location="flyte://data",
)
settings = SerializationSettings(
    image_config=ImageConfig(default_image=Image("default", "registry.example.com/etl", "v1")),
    project=given["project"],
    domain=given["domain"],
    version="v1",
)
channel = grpc.insecure_channel(given["endpoint"])
admin = admin_pb2_grpc.AdminServiceStub(channel)
signals = signal_pb2_grpc.SignalServiceStub(channel)


def moment():
    """Now."""
    now = Timestamp()
    now.GetCurrentTime()
    return now


def integer(name, value):
    """A map of one integer."""
    literal = literals_pb2.Literal()
    literal.scalar.primitive.integer = value
    return literals_pb2.LiteralMap(literals={name: literal})


def name_of(execution):
    """The execution's identifier on the wire."""
    return execution.id.to_flyte_idl()


def tell(execution, phase, **rest):
    """What the engine says of the execution."""
    event = event_pb2.WorkflowExecutionEvent(
        execution_id=name_of(execution), phase=phase, occurred_at=moment(), **rest
    )
    admin.CreateWorkflowEvent(admin_event.WorkflowExecutionEventRequest(event=event))


def tell_node(execution, phase, node="n0", **rest):
    """What the engine says of a node."""
    event = event_pb2.NodeExecutionEvent(
        id=identifier_pb2.NodeExecutionIdentifier(execution_id=name_of(execution), node_id=node),
        phase=phase,
        occurred_at=moment(),
        spec_node_id=node,
        event_version=2,
        **rest,
    )
    admin.CreateNodeEvent(admin_event.NodeExecutionEventRequest(event=event))


def tell_task(execution, phase, **rest):
    """What the engine says of the first attempt of the task in `n0`."""
    event = event_pb2.TaskExecutionEvent(
        task_id=identifier_pb2.Identifier(
            resource_type=identifier_pb2.TASK,
            project=given["project"],
            domain=given["domain"],
            name="etl.fan_out",
            version="v1",
        ),
        parent_node_execution_id=identifier_pb2.NodeExecutionIdentifier(
            execution_id=name_of(execution), node_id="n0"
        ),
        phase=phase,
        occurred_at=moment(),
        event_version=2,
        **rest,
    )
    admin.CreateTaskEvent(admin_event.TaskExecutionEventRequest(event=event))
