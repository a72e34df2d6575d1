"""The one choke point: what it refuses, bounds, repeats and counts."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import grpc
import pytest
from backends_servers import FlyteServer, serving
from flyteidl.admin import (
    common_pb2,
    launch_plan_pb2,
    matchable_resource_pb2,
    project_attributes_pb2,
    task_pb2,
    version_pb2,
)
from flyteidl.core import identifier_pb2
from flyteidl.service import dataproxy_pb2

from reconciler import errors
from reconciler.backends.flyte1 import channel, methods
from reconciler.backends.wire import channel as wire
from reconciler.backends.wire.method import Effect, Method, always

PLAN = identifier_pb2.Identifier(
    resource_type=identifier_pb2.LAUNCH_PLAN, project="p", domain="d", name="n", version="v"
)
TASK = identifier_pb2.Identifier(
    resource_type=identifier_pb2.TASK, project="p", domain="d", name="n", version="v"
)
VERSION = version_pb2.GetVersionRequest()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_BACK_OFF_SECONDS", 0.01)


def failing(code: grpc.StatusCode, *, times: int, response: Any) -> Any:
    left = times

    async def answer(_request: Any, context: Any) -> Any:
        nonlocal left
        if left:
            left -= 1
            await context.abort(code, "as the test wants")
        return response

    return answer


def returning(response: Any) -> Any:
    return failing(grpc.StatusCode.OK, times=0, response=response)


async def test_answer_comes_back_typed_and_counted(flyte: FlyteServer) -> None:
    flyte.on(methods.GET_VERSION, returning(version_pb2.GetVersionResponse()))
    async with channel.connect(flyte.settings(), read_only=True) as open_channel:
        answer = await open_channel.call(methods.GET_VERSION, VERSION)
        await open_channel.call(methods.GET_VERSION, VERSION)

    assert isinstance(answer, version_pb2.GetVersionResponse)
    assert open_channel.calls == {"AdminService.GetVersion": 2}
    assert open_channel.seconds["AdminService.GetVersion"] > 0


@pytest.mark.parametrize(
    "method",
    [each for each in methods.TABLE.values() if each.effect is Effect.WRITE],
    ids=lambda method: str(method.name),
)
async def test_read_only_connection_sends_no_write(
    flyte: FlyteServer, method: Method[Any, Any]
) -> None:
    flyte.on(method, returning(method.response()))
    async with channel.connect(flyte.settings(), read_only=True) as open_channel:
        with pytest.raises(errors.ReconcilerError, match=f"{method.name}: is a write"):
            await open_channel.call(method, method.request())

    assert not flyte.calls
    assert not open_channel.calls


async def test_write_waits_in_line_and_is_not_sent_once_leave_is_withdrawn(
    flyte: FlyteServer,
) -> None:
    flyte.on(methods.GET_VERSION, returning(version_pb2.GetVersionResponse()))
    flyte.on(methods.CREATE_TASK, returning(task_pb2.TaskCreateResponse()))
    leave = [True, False]

    def permit() -> None:
        if not leave.pop(0):
            raise errors.RefusedError("the lease is lost")

    settings = replace(flyte.settings(in_flight=1), permit=permit)
    request = task_pb2.TaskCreateRequest(id=TASK)
    async with channel.connect(settings, read_only=False) as open_channel:
        sent = await asyncio.gather(
            *(open_channel.call(methods.CREATE_TASK, request) for _ in range(2)),
            return_exceptions=True,
        )
        await open_channel.call(methods.GET_VERSION, VERSION)
    assert [type(item) for item in sent] == [task_pb2.TaskCreateResponse, errors.RefusedError]
    assert open_channel.calls["AdminService.CreateTask"] == 1


async def test_every_call_that_is_sent_is_told_with_its_code(flyte: FlyteServer) -> None:
    flyte.on(methods.GET_VERSION, returning(version_pb2.GetVersionResponse()))
    told: list[tuple[str, str]] = []

    def observe(method: str, code: str, seconds: float) -> None:
        assert seconds > 0
        told.append((method, code))

    settings = replace(flyte.settings(), observe=observe)
    async with channel.connect(settings, read_only=False) as open_channel:
        await open_channel.call(methods.GET_VERSION, VERSION)
        with pytest.raises(errors.ReconcilerError):
            await open_channel.call(methods.CREATE_TASK, task_pb2.TaskCreateRequest(id=TASK))
    assert told == [("AdminService.GetVersion", "OK"), ("AdminService.CreateTask", "UNIMPLEMENTED")]


async def test_method_outside_the_table_is_not_sent(flyte: FlyteServer) -> None:
    made_up = Method(
        name="AdminService.GetVersion",
        package="flyteidl.service",
        request=version_pb2.GetVersionRequest,
        response=version_pb2.GetVersionResponse,
        effect=Effect.READ,
        needs=(),
        may_repeat=always,
    )
    async with channel.connect(flyte.settings(), read_only=True) as open_channel:
        with pytest.raises(errors.ReconcilerError, match="is not in the table of calls"):
            await open_channel.call(made_up, VERSION)


@pytest.mark.parametrize("field", ["project", "domain", "name", "version", "resource_type"])
async def test_activation_with_an_incomplete_identifier_is_not_sent(
    flyte: FlyteServer, field: str
) -> None:
    partial = identifier_pb2.Identifier()
    partial.CopyFrom(PLAN)
    partial.ClearField(field)
    request = launch_plan_pb2.LaunchPlanUpdateRequest(id=partial, state=launch_plan_pb2.ACTIVE)
    flyte.on(methods.UPDATE_LAUNCH_PLAN, returning(launch_plan_pb2.LaunchPlanUpdateResponse()))
    async with channel.connect(flyte.settings(), read_only=False) as open_channel:
        with pytest.raises(errors.ReconcilerError, match=rf"id\.{field} is empty"):
            await open_channel.call(methods.UPDATE_LAUNCH_PLAN, request)

    assert not flyte.calls


async def test_request_without_any_identifier_is_not_sent(flyte: FlyteServer) -> None:
    async with channel.connect(flyte.settings(), read_only=False) as open_channel:
        with pytest.raises(errors.ReconcilerError, match=r"id\.project is empty"):
            await open_channel.call(methods.GET_TASK, common_pb2.ObjectGetRequest())


async def test_identifier_of_another_kind_is_not_sent(flyte: FlyteServer) -> None:
    async with channel.connect(flyte.settings(), read_only=False) as open_channel:
        with pytest.raises(errors.ReconcilerError, match=r"id\.resource_type"):
            await open_channel.call(methods.GET_TASK, common_pb2.ObjectGetRequest(id=PLAN))


async def test_read_is_repeated_until_the_server_is_back(flyte: FlyteServer) -> None:
    flaky = failing(grpc.StatusCode.UNAVAILABLE, times=2, response=version_pb2.GetVersionResponse())
    flyte.on(methods.GET_VERSION, flaky)
    async with channel.connect(flyte.settings(), read_only=True) as open_channel:
        await open_channel.call(methods.GET_VERSION, VERSION)

    assert flyte.calls["AdminService.GetVersion"] == 3
    assert open_channel.calls["AdminService.GetVersion"] == 3


async def test_read_gives_up_after_three_tries(flyte: FlyteServer) -> None:
    flyte.on(methods.GET_VERSION, failing(grpc.StatusCode.UNAVAILABLE, times=9, response=None))
    async with channel.connect(flyte.settings(), read_only=True) as open_channel:
        with pytest.raises(errors.UnavailableError, match="as the test wants"):
            await open_channel.call(methods.GET_VERSION, VERSION)

    assert flyte.calls["AdminService.GetVersion"] == 3


async def test_registration_is_repeated(flyte: FlyteServer) -> None:
    flaky = failing(grpc.StatusCode.UNAVAILABLE, times=1, response=task_pb2.TaskCreateResponse())
    flyte.on(methods.CREATE_TASK, flaky)
    async with channel.connect(flyte.settings(), read_only=False) as open_channel:
        await open_channel.call(methods.CREATE_TASK, task_pb2.TaskCreateRequest(id=TASK))

    assert flyte.calls["AdminService.CreateTask"] == 2


async def test_activation_is_never_repeated(flyte: FlyteServer) -> None:
    flyte.on(
        methods.UPDATE_LAUNCH_PLAN, failing(grpc.StatusCode.UNAVAILABLE, times=9, response=None)
    )
    request = launch_plan_pb2.LaunchPlanUpdateRequest(id=PLAN, state=launch_plan_pb2.ACTIVE)
    async with channel.connect(flyte.settings(), read_only=False) as open_channel:
        with pytest.raises(errors.UnavailableError):
            await open_channel.call(methods.UPDATE_LAUNCH_PLAN, request)

    assert flyte.calls["AdminService.UpdateLaunchPlan"] == 1


async def test_deactivation_is_repeated(flyte: FlyteServer) -> None:
    flyte.on(
        methods.UPDATE_LAUNCH_PLAN,
        failing(
            grpc.StatusCode.UNAVAILABLE,
            times=1,
            response=launch_plan_pb2.LaunchPlanUpdateResponse(),
        ),
    )
    async with channel.connect(flyte.settings(), read_only=False) as open_channel:
        await open_channel.call(
            methods.UPDATE_LAUNCH_PLAN, launch_plan_pb2.LaunchPlanUpdateRequest(id=PLAN)
        )

    assert flyte.calls["AdminService.UpdateLaunchPlan"] == 2


@pytest.mark.parametrize(
    ("attributes", "sent"),
    [
        (
            matchable_resource_pb2.MatchingAttributes(
                execution_cluster_label=matchable_resource_pb2.ExecutionClusterLabel(value="a")
            ),
            3,
        ),
        (
            matchable_resource_pb2.MatchingAttributes(
                plugin_overrides=matchable_resource_pb2.PluginOverrides()
            ),
            1,
        ),
    ],
    ids=["replaced-row", "merged-row"],
)
async def test_attributes_are_repeated_unless_the_server_merges_them(
    flyte: FlyteServer, attributes: matchable_resource_pb2.MatchingAttributes, sent: int
) -> None:
    flyte.on(
        methods.UPDATE_PROJECT_ATTRIBUTES,
        failing(grpc.StatusCode.UNAVAILABLE, times=9, response=None),
    )
    request = project_attributes_pb2.ProjectAttributesUpdateRequest(
        attributes=project_attributes_pb2.ProjectAttributes(
            project="p", matching_attributes=attributes
        )
    )
    async with channel.connect(flyte.settings(), read_only=False) as open_channel:
        with pytest.raises(errors.UnavailableError):
            await open_channel.call(methods.UPDATE_PROJECT_ATTRIBUTES, request)

    assert flyte.calls["AdminService.UpdateProjectAttributes"] == sent


@pytest.mark.parametrize("code", ["NOT_FOUND", "INTERNAL", "INVALID_ARGUMENT", "ABORTED"])
async def test_answer_that_will_not_change_is_not_asked_for_again(
    flyte: FlyteServer, code: str
) -> None:
    flyte.on(methods.GET_VERSION, failing(grpc.StatusCode[code], times=9, response=None))
    async with channel.connect(flyte.settings(), read_only=True) as open_channel:
        with pytest.raises(errors.BackendError) as caught:
            await open_channel.call(methods.GET_VERSION, VERSION)

    assert caught.value.code == code
    assert caught.value.method == "AdminService.GetVersion"
    assert flyte.calls["AdminService.GetVersion"] == 1


async def hang(_request: Any, _context: Any) -> Any:
    await asyncio.Event().wait()


async def test_write_ends_at_its_deadline_and_is_sent_once(flyte: FlyteServer) -> None:
    flyte.on(methods.CREATE_TASK, hang)
    start = time.monotonic()
    async with channel.connect(flyte.settings(), read_only=False) as open_channel:
        with pytest.raises(errors.UnavailableError, match="no answer before the deadline"):
            await open_channel.call(
                methods.CREATE_TASK,
                task_pb2.TaskCreateRequest(id=TASK),
                deadline=timedelta(seconds=0.2),
            )

    assert time.monotonic() - start < 5
    assert flyte.calls["AdminService.CreateTask"] == 1


async def test_read_that_timed_out_is_asked_for_again(flyte: FlyteServer) -> None:
    flyte.on(methods.GET_VERSION, hang)
    settings = flyte.settings(deadline=timedelta(seconds=0.1))
    async with channel.connect(settings, read_only=True) as open_channel:
        with pytest.raises(errors.UnavailableError):
            await open_channel.call(methods.GET_VERSION, VERSION)

    assert flyte.calls["AdminService.GetVersion"] == 3


async def test_calls_in_flight_stay_within_the_limit(flyte: FlyteServer) -> None:
    async def slow(_request: Any, _context: Any) -> Any:
        await asyncio.sleep(0.01)
        return version_pb2.GetVersionResponse()

    flyte.on(methods.GET_VERSION, slow)
    async with channel.connect(flyte.settings(in_flight=3), read_only=True) as open_channel:
        await asyncio.gather(*(open_channel.call(methods.GET_VERSION, VERSION) for _ in range(20)))

    assert flyte.calls["AdminService.GetVersion"] == 20
    assert 1 < flyte.most_in_flight <= 3


async def test_calls_per_second_stay_within_the_limit(flyte: FlyteServer) -> None:
    flyte.on(methods.GET_VERSION, returning(version_pb2.GetVersionResponse()))
    start = time.monotonic()
    async with channel.connect(flyte.settings(per_second=50), read_only=True) as open_channel:
        await asyncio.gather(*(open_channel.call(methods.GET_VERSION, VERSION) for _ in range(11)))

    assert time.monotonic() - start >= 10 / 50


async def test_channel_outlives_a_restart_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_BACK_OFF_SECONDS", 0.2)
    response = version_pb2.GetVersionResponse()
    async with serving() as first:
        first.on(methods.GET_VERSION, returning(response))
        context = channel.connect(first.settings(), read_only=True)
        open_channel = await context.__aenter__()
        await open_channel.call(methods.GET_VERSION, VERSION)
    async with serving(port=first.port) as second:
        second.on(methods.GET_VERSION, returning(response))
        await open_channel.call(methods.GET_VERSION, VERSION)
        await context.__aexit__(None, None, None)

    assert second.calls["AdminService.GetVersion"] == 1


async def test_answer_of_five_mebibytes_is_read_and_a_limit_names_the_remedy(
    flyte: FlyteServer,
) -> None:
    large = launch_plan_pb2.LaunchPlan(id=PLAN)
    large.spec.annotations.values["a"] = "x" * (5 << 20)
    flyte.on(methods.GET_LAUNCH_PLAN, returning(large))
    request = common_pb2.ObjectGetRequest(id=PLAN)
    async with channel.connect(flyte.settings(), read_only=True) as open_channel:
        answer = await open_channel.call(methods.GET_LAUNCH_PLAN, request)
    async with channel.connect(
        flyte.settings(max_message_bytes=4 << 20), read_only=True
    ) as open_channel:
        with pytest.raises(errors.BackendError, match=r"server\.grpc\.maxMessageSizeBytes"):
            await open_channel.call(methods.GET_LAUNCH_PLAN, request)

    assert answer == large


async def test_long_error_text_arrives(flyte: FlyteServer) -> None:
    async def refuse(_request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "ä" * 16_000)

    flyte.on(methods.GET_VERSION, refuse)
    async with channel.connect(flyte.settings(), read_only=True) as open_channel:
        with pytest.raises(errors.BackendError, match="16000 characters") as caught:
            await open_channel.call(methods.GET_VERSION, VERSION)

    assert caught.value.code == "INVALID_ARGUMENT"
    assert len(str(caught.value)) < 1000


async def test_upload_location_counts_as_a_write() -> None:
    assert methods.CREATE_UPLOAD_LOCATION.effect is Effect.WRITE
    request = dataproxy_pb2.CreateUploadLocationRequest(project="p", domain="d")
    assert methods.CREATE_UPLOAD_LOCATION.missing(request) == "content_md5"


async def test_refused_connection_names_the_endpoint_and_a_hint() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = FlyteServer(port=port).settings()
    async with channel.connect(settings, read_only=True) as open_channel:
        with pytest.raises(
            errors.UnavailableError,
            match=rf"^127\.0\.0\.1:{port}: AdminService\.GetVersion: the connection was refused .*"
            "port-forward",
        ):
            await open_channel.call(methods.GET_VERSION, VERSION)
