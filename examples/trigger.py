"""Look at a trigger, or stop it, the way anybody with access to Flyte 2 could: no questions."""

import sys

import grpc
from flyteidl2.common import identifier_pb2
from flyteidl2.trigger import trigger_service_pb2, trigger_service_pb2_grpc

what, endpoint, task, name = sys.argv[1:]
with grpc.insecure_channel(endpoint) as channel:
    stub = trigger_service_pb2_grpc.TriggerServiceStub(channel)
    trigger = identifier_pb2.TriggerName(
        project="flytesnacks", domain="development", task_name=task, name=name
    )
    if what == "stop":
        stub.UpdateTriggers(
            trigger_service_pb2.UpdateTriggersRequest(names=[trigger], active=False)
        )
    request = trigger_service_pb2.GetTriggerDetailsRequest(name=trigger)
    is_active = stub.GetTriggerDetails(request).trigger.spec.active
print(f"{name} of {task} is {'active' if is_active else 'inactive'}")
