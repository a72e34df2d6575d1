"""The table of calls: what reads, what may be repeated, and that every call is a real one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flyteidl.admin import launch_plan_pb2
from flyteidl.service import admin_pb2, auth_pb2, dataproxy_pb2, identity_pb2, signal_pb2

import reconciler
from reconciler.backends.flyte1 import methods
from reconciler.backends.flyte1.run import methods as run_methods
from reconciler.backends.wire.method import Effect, Method

READING_PREFIXES = ("Get", "List", "UserInfo", "CreateDownloadLocation", "CreateDownloadLink")
REPEATABLE_WRITES = {
    "AdminService.CreateTask",
    "AdminService.CreateWorkflow",
    "AdminService.CreateLaunchPlan",
    "AdminService.UpdateProject",
    "AdminService.UpdateNamedEntity",
    "SignalService.SetSignal",
}


def served() -> dict[str, tuple[str, str]]:
    return {
        f"{service.name}.{method.name}": (method.input_type.full_name, method.output_type.full_name)
        for file in (admin_pb2, auth_pb2, dataproxy_pb2, identity_pb2, signal_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


def test_every_call_has_the_messages_of_the_wire() -> None:
    wire = served()
    for name, method in methods.TABLE.items():
        messages = (method.request.DESCRIPTOR.full_name, method.response.DESCRIPTOR.full_name)
        assert wire[name] == messages, name


def test_every_constant_is_in_the_table() -> None:
    both = (*vars(methods).values(), *vars(run_methods).values())
    constants = [value for value in both if isinstance(value, Method)]

    assert len(constants) == len(methods.TABLE)
    assert {method.name for method in constants} == set(methods.TABLE)


@pytest.mark.parametrize("flyte", ["flyte1", "flyte2"])
def test_every_call_of_the_tables_is_made_somewhere(flyte: str) -> None:
    tables = re.compile(r"^([A-Z0-9_]+) = TABLE\.", re.MULTILINE)
    named: list[str] = []
    made: set[str] = set()
    for path in (Path(reconciler.__file__).parent / "backends" / flyte).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name == "methods.py":
            named += tables.findall(text)
        else:
            made |= set(re.findall(r"[A-Z0-9_]{4,}", text))

    assert named
    assert [name for name in named if name not in made] == []


def test_only_calls_that_change_nothing_are_reads() -> None:
    for name, method in methods.TABLE.items():
        is_reading = name.partition(".")[2].startswith(READING_PREFIXES)
        assert (method.effect is Effect.READ) == is_reading, name


def test_every_read_may_be_repeated_and_of_the_writes_only_the_named() -> None:
    for name, method in methods.TABLE.items():
        if method.effect is Effect.READ:
            assert method.may_repeat(method.request()), name
        elif name != "AdminService.UpdateLaunchPlan":
            assert method.may_repeat(method.request()) == (name in REPEATABLE_WRITES), name


@pytest.mark.parametrize(
    ("state", "expected"),
    [(launch_plan_pb2.ACTIVE, False), (launch_plan_pb2.INACTIVE, True)],
    ids=["active", "inactive"],
)
def test_launch_plan_update_may_be_repeated_only_to_deactivate(
    state: launch_plan_pb2.LaunchPlanState, expected: bool
) -> None:
    request = launch_plan_pb2.LaunchPlanUpdateRequest(state=state)

    assert methods.UPDATE_LAUNCH_PLAN.may_repeat(request) is expected


@pytest.mark.parametrize("name", sorted(methods.TABLE))
def test_empty_request_is_incomplete_wherever_an_object_is_named(name: str) -> None:
    method = methods.TABLE[name]

    assert bool(method.missing(method.request())) == bool(method.needs)
