"""The same plans through other clients: bare stubs, flytectl, pyflyte and flyte."""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from flyteidl.admin import launch_plan_pb2

from reconciler.model.key import Place
from tests.bench import triggers
from tests.bench.messages import identifier, spec
from tests.bench.plans import Plan, inputs, plans
from tests.bench.process import Cost, run

ROOT = Path(__file__).parents[2]
STUBS = "tests.bench.stubs"

_MODULE = """import datetime

from flytekit import CronSchedule, LaunchPlan, task, workflow


@task
def load(table: str) -> None:
    print(table)


@workflow
def etl(day: datetime.datetime, table: str, source: str, partitions: int, threshold: float,
        region: str, full_refresh: bool, batch_size: int, format: str,
        since: datetime.datetime) -> None:
    load(table=table)


def instant(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


"""


_ENVIRONMENT = """import datetime

import flyte

env = flyte.TaskEnvironment(name="etl", image="example.com/image:v1")


def instant(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


"""

_TASK = """@env.task(triggers=flyte.Trigger(
    name={name!r}, automation=flyte.Cron({cron!r}, timezone="Europe/Berlin"),
    inputs={{"day": flyte.TriggerTime, {fields}, "since": instant({since!r})}}))
async def {function}(
    day: datetime.datetime, table: str, source: str, partitions: int, threshold: float,
    region: str, full_refresh: bool, batch_size: int, format: str, since: datetime.datetime,
) -> None:
    print(table)


"""


def stubs(
    what: str, endpoint: str, place: Place, *, count: int, version: str
) -> tuple[Cost, float]:
    """Send bare calls with eight under way; returns the cost and the seconds of sending."""
    cost = run(
        [sys.executable, "-m", STUBS, what, endpoint, str(count), version, "8", str(place)],
        cwd=ROOT,
    )
    return cost, float(json.loads(cost.output)["seconds"])


def write_archive(path: Path, place: Place, *, count: int, version: str) -> None:
    """Write what `pyflyte serialize` would give flytectl: one message a file."""
    folder = path.with_suffix("")
    folder.mkdir()
    with tarfile.open(path, "w:gz") as archive:
        for plan in plans(count, [place]):
            message = launch_plan_pb2.LaunchPlan(id=identifier(plan, version), spec=spec(plan))
            file = folder / f"{plan.number:05d}_{plan.name}_3.pb"
            file.write_bytes(message.SerializeToString())
            archive.add(file, file.name)


def flytectl(program: Path, endpoint: str, place: Place, *, archive: Path, version: str) -> Cost:
    """Register an archive of plans; nothing is activated."""
    config = archive.with_name("flytectl.yaml")
    config.write_text(f"admin: {{endpoint: 'dns:///{endpoint}', insecure: true}}\n")
    return run(
        [
            *(program, "--config", config, "register", "files", "--archive", archive),
            *("--project", place.project, "--domain", place.domain, "--version", version),
        ],
        cwd=archive.parent,
    )


def write_module(folder: Path, some: Sequence[Plan]) -> None:
    """Write the plans as flytekit code."""
    lines = [_MODULE]
    for plan in some:
        values = dict(inputs(plan))
        since = values.pop("since")
        fields = ", ".join(f"{name!r}: {value!r}" for name, value in values.items())
        lines.append(
            f"LaunchPlan.get_or_create(etl, name={plan.name!r}, default_inputs={{{fields}, "
            f"'since': instant({since!r})}}, schedule=CronSchedule(schedule={plan.cron!r}, "
            "kickoff_time_input_arg='day'))\n"
        )
    folder.mkdir()
    (folder / "pipelines.py").write_text("".join(lines))


def pyflyte(program: Path, endpoint: str, place: Place, *, folder: Path, version: str) -> Cost:
    """Register code with its plans, and activate them."""
    return run(
        [
            *(program, "register", "--non-fast", "--activate-launchplans", "--version", version),
            *("--project", place.project, "--domain", place.domain),
            *("--image", "example.com/image:v1", "pipelines.py"),
        ],
        cwd=folder,
        environ={
            "FLYTE_PLATFORM_URL": endpoint,
            "FLYTE_PLATFORM_INSECURE": "true",
            "FLYTE_USE_RICH": "0",
        },
    )


def write_environment(folder: Path, endpoint: str, some: Sequence[Plan]) -> None:
    """Write the plans as triggers in code of flyte, each of a task of its own."""
    lines = [_ENVIRONMENT]
    for plan in some:
        values = dict(inputs(plan))
        since = values.pop("since")
        fields = ", ".join(f"{name!r}: {value!r}" for name, value in values.items())
        function = triggers.task(plan).rpartition(".")[2]
        lines.append(
            _TASK.format(
                name=plan.name, cron=plan.cron, fields=fields, since=since, function=function
            )
        )
    folder.mkdir()
    (folder / "pipelines.py").write_text("".join(lines))
    # From a numeric host the client makes up an organisation.
    host = endpoint.replace("127.0.0.1", "localhost")
    (folder / "config.yaml").write_text(f"admin: {{endpoint: 'dns:///{host}', insecure: true}}\n")


def flyte(program: Path, place: Place, *, folder: Path, version: str) -> Cost:
    """Deploy tasks with their triggers."""
    return run(
        [
            *(program, "--config", "config.yaml", "--no-progress", "deploy"),
            *("--project", place.project, "--domain", place.domain),
            *("--copy-style", "none", "--version", version, "pipelines.py", "env"),
        ],
        cwd=folder,
        environ={"HOME": str(folder / "home"), "FLYTE_DISABLE_SENTRY": "true"},
    )
