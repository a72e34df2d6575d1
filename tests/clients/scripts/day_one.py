"""Runs in flytekit's Python: registers and activates plans in many projects and domains.

What `pyflyte register --activate-launchplans` does, with its own functions and in its order, in
one process instead of one for each project and domain.
"""

import json
import sys
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from flytekit import CronSchedule, FixedRate, LaunchPlan, task, workflow
from flytekit.configuration import Config, Image, ImageConfig, SerializationSettings
from flytekit.models.common import Labels
from flytekit.remote import FlyteRemote
from flytekit.tools.translator import Options, get_serializable

given = json.loads(sys.argv[1])
remote = FlyteRemote(Config.for_endpoint(given["endpoint"], insecure=True))
IMAGES = ImageConfig(default_image=Image("default", "registry.example.com/team", "v1"))


@task
def load(day: datetime, count: int, share: float, tags: list[str]) -> int:
    """Load."""
    return count


@workflow
def daily(
    day: datetime,
    count: int = 3,
    share: float = 0.5,
    tags: list[str] = ["a", "b"],  # noqa: B006
) -> int:
    """Every day."""
    return load(day=day, count=count, share=share, tags=tags)


def plan(number: int) -> LaunchPlan:
    """One of four plans: by cron, at a fixed rate, without a schedule, and by cron again."""
    name = f"team.plan{number}"
    match number:
        case 0:
            schedule = CronSchedule(schedule="0 6 * * *", kickoff_time_input_arg="day")
            return LaunchPlan.get_or_create(daily, name, schedule=schedule)
        case 1:
            return LaunchPlan.get_or_create(
                daily,
                name,
                schedule=FixedRate(timedelta(hours=6)),
                fixed_inputs={"day": datetime(2026, 1, 1)},  # noqa: DTZ001
                default_inputs={"share": 0.25},
            )
        case 2:
            return LaunchPlan.get_or_create(
                daily, name, default_inputs={"tags": ["x"]}, labels=Labels({"team": "data"})
            )
        case _:
            schedule = CronSchedule(schedule="30 4 * * 1-5", kickoff_time_input_arg="day")
            return LaunchPlan.get_or_create(daily, name, schedule=schedule, max_parallelism=7)


def register(place: tuple[str, str, int]) -> None:
    """Register the task, the workflow, its default plan and so many plans; activate the plans."""
    project, domain, count = place
    settings = SerializationSettings(
        image_config=IMAGES, project=project, domain=domain, version=given["version"]
    )
    options = Options.default_from(k8s_service_account="", raw_data_prefix="")
    default = LaunchPlan.get_default_launch_plan(remote.context, daily)
    for entity in (load, daily, default, *plans[:count]):
        serialized = get_serializable(OrderedDict(), settings, entity, options)
        identifier = remote.raw_register(
            serialized, settings, version=given["version"], create_default_launchplan=False
        )
        if isinstance(entity, LaunchPlan):
            remote.activate_launchplan(identifier)


plans = [plan(number) for number in range(4)]
places = [tuple(place) for place in given["places"]]
register(places[0])
with ThreadPoolExecutor(4) as pool:
    list(pool.map(register, places[1:]))
print(json.dumps(len(places)))
