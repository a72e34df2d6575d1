"""Play Flyte's engine: what was started runs and succeeds, until somebody stops this program."""

import sys
import time

import grpc
from flyteidl.admin import common_pb2, event_pb2
from flyteidl.core import execution_pb2
from flyteidl.event import event_pb2 as events
from flyteidl.service import admin_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

PHASE = execution_pb2.WorkflowExecution
NEXT = {PHASE.UNDEFINED: PHASE.RUNNING, PHASE.RUNNING: PHASE.SUCCEEDED}

(endpoint,) = sys.argv[1:]
with grpc.insecure_channel(endpoint) as channel:
    stub = admin_pb2_grpc.AdminServiceStub(channel)
    place = common_pb2.NamedEntityIdentifier(project="flytesnacks", domain="development")
    while True:
        listed = stub.ListExecutions(common_pb2.ResourceListRequest(id=place, limit=1000))
        for execution in listed.executions:
            phase = NEXT.get(execution.closure.phase)
            if phase is None:
                continue
            now = Timestamp()
            now.GetCurrentTime()
            event = events.WorkflowExecutionEvent(
                execution_id=execution.id, phase=phase, occurred_at=now
            )
            request_id = f"{execution.id.name}-{phase}"
            stub.CreateWorkflowEvent(
                event_pb2.WorkflowExecutionEventRequest(request_id=request_id, event=event)
            )
        time.sleep(0.3)
