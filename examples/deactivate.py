"""Stop a launch plan the way anybody with access to Flyte could: one call, no questions."""

import sys

import grpc
from flyteidl.admin import launch_plan_pb2
from flyteidl.core import identifier_pb2
from flyteidl.service import admin_pb2_grpc

endpoint, name = sys.argv[1:]
with grpc.insecure_channel(endpoint) as channel:
    stub = admin_pb2_grpc.AdminServiceStub(channel)
    plans = stub.ListActiveLaunchPlans(
        launch_plan_pb2.ActiveLaunchPlanListRequest(
            project="flytesnacks", domain="development", limit=1000
        )
    ).launch_plans
    (version,) = [plan.id.version for plan in plans if plan.id.name == name]
    stub.UpdateLaunchPlan(
        launch_plan_pb2.LaunchPlanUpdateRequest(
            id=identifier_pb2.Identifier(
                resource_type=identifier_pb2.LAUNCH_PLAN,
                project="flytesnacks",
                domain="development",
                name=name,
                version=version,
            ),
            state=launch_plan_pb2.INACTIVE,
        )
    )
print(f"stopped {name} {version}")
