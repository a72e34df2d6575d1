"""Addresses in both consoles: every kind of object, and every way in which a console is known."""

from __future__ import annotations

import pytest

from reconciler.api import console
from reconciler.backends import settings as settings_of
from reconciler.backends.wire.console import guess
from reconciler.model.entity import Entity, What

PLACE = {"project": "p", "domain": "d"}
SHAPES = {
    "named": ("https://console.example.com/console", "https://console.example.com"),
    "endpoint": ("https://flyte.example.com", "https://flyte.example.com"),
    "sandbox": ("http://localhost:30080", "http://localhost:30080"),
}
FLYTE1 = {
    What.TASKS: "/console/projects/p/domains/d/task/etl.load/version/v1",
    What.WORKFLOWS: "/console/projects/p/domains/d/workflow/etl.load/version/v1",
    What.LAUNCH_PLANS: "/console/projects/p/domains/d/launch_plan/etl.load/version/v1",
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("what", FLYTE1)
def test_entity_of_flyte_1_is_where_flytekit_says(what: What, shape: str) -> None:
    base, host = SHAPES[shape]
    entity = Entity(what=what, name="etl.load", version="v1", **PLACE)

    assert console.of_entity(base, "Flyte1", entity) == host + FLYTE1[what]


@pytest.mark.parametrize("shape", SHAPES)
def test_execution_and_project_of_flyte_1(shape: str) -> None:
    base, host = SHAPES[shape]
    project = Entity(what=What.PROJECTS, name="p")

    assert console.of_entity(base, "Flyte1", project) == f"{host}/console/projects/p"
    executed = f"{host}/console/projects/p/domains/d/executions/f00"
    assert console.of_execution(base, "p", "d", "f00") == executed


@pytest.mark.parametrize("base", ["https://f.example.com", "https://f.example.com/v2"])
def test_objects_of_flyte_2_are_where_its_sdk_says(base: str) -> None:
    task = Entity(what=What.TASKS, name="etl.load", version="v1", **PLACE)
    trigger = Entity(what=What.TRIGGERS, name="etl.load/daily", **PLACE)
    where = "https://f.example.com/v2/domain/d/project/p"

    assert console.of_entity(base, "Flyte2", task) == f"{where}/tasks/etl.load"
    assert console.of_entity(base, "Flyte2", trigger) == f"{where}/triggers/etl.load/daily"
    assert console.of_run(base, "p", "d", "r1") == f"{where}/runs/r1"


@pytest.mark.parametrize(
    "entity",
    [
        Entity(what=What.SECRETS, name="token", **PLACE),
        Entity(what=What.DOMAINS, name="d"),
        Entity(what=What.TASKS, name="etl.load", **PLACE),
    ],
    ids=lambda entity: entity.what.value,
)
def test_what_has_no_page_has_no_address(entity: Entity) -> None:
    assert console.of_entity("https://f.example.com", "Flyte1", entity) == ""


def test_without_a_base_there_is_no_address() -> None:
    task = Entity(what=What.TASKS, name="etl.load", version="v1", **PLACE)
    assert console.of_entity("", "Flyte1", task) == ""


def test_odd_names_stay_one_step_of_the_path() -> None:
    task = Entity(what=What.TASKS, name="a/b c", version="v/1", **PLACE)
    found = console.of_entity("https://f", "Flyte1", task)
    assert found == "https://f/console/projects/p/domains/d/task/a%2Fb%20c/version/v%2F1"


@pytest.mark.parametrize(
    ("endpoint", "insecure", "expected"),
    [
        ("flyte.example.com:443", False, "https://flyte.example.com"),
        ("flyte.example.com:8443", False, "https://flyte.example.com:8443"),
        ("localhost:30080", True, "http://localhost:30080"),
        ("flyte.example.com:80", True, "http://flyte.example.com"),
        ("unix:/run/flyte.sock", True, ""),
    ],
)
def test_console_is_beside_the_endpoint(endpoint: str, insecure: bool, expected: str) -> None:
    settings = settings_of.for_endpoint(endpoint, chosen_by="test", insecure=insecure)
    assert guess(settings) == expected
