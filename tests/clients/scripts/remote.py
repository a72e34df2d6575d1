"""Runs in flytekit's Python: FlyteRemote registers, uploads, fetches and lists; prints JSON."""

import json
import pathlib
import sys

import etl
from flytekit.configuration import Config, Image, ImageConfig, SerializationSettings
from flytekit.exceptions.user import FlyteEntityNotExistException
from flytekit.models.core.identifier import Identifier, ResourceType
from flytekit.remote import FlyteRemote
from google.protobuf.json_format import MessageToDict

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
out = {}


def place(url: str) -> str:
    """A location without bucket, prefix and the project's name."""
    return "PROJECT" + url.partition(given["project"])[2]


task = remote.register_task(etl.load, settings, version="v1")
out["task"] = [task.id.name, task.id.version, sorted(task.interface.inputs)]
flow = remote.register_workflow(etl.daily, settings, version="v1")
out["workflow"] = [flow.id.name, flow.id.version, sorted(node.id for node in flow.flyte_nodes)]
again = remote.register_workflow(etl.daily, settings, version="v1")
out["workflow again is equal"] = again.to_flyte_idl() == flow.to_flyte_idl()
plan = remote.register_launch_plan(etl.morning, version="v1", serialization_settings=settings)
out["plan"] = [plan.id.name, plan.id.version, plan.entity_metadata.schedule.cron_schedule.schedule]
# Registers the workflow that is not there yet first.
plan = remote.register_launch_plan(etl.stage, version="v1", serialization_settings=settings)
out["plan with its workflow"] = [plan.id.name, plan.workflow_id.name, plan.workflow_id.version]
settings.version = "v2"
remote.register_workflow(etl.daily, settings, version="v2")

out["tasks of v1"] = sorted(task.id.name for task in remote.list_tasks_by_version("v1"))
out["latest task"] = remote.fetch_task(name="etl.load").id.version
out["task by version"] = remote.fetch_task(name="etl.load", version="v1").id.version
out["latest workflow"] = remote.fetch_workflow(name="etl.daily").id.version
daily = remote.fetch_workflow(name="etl.daily", version="v1")
out["workflow types"] = {
    name: MessageToDict(variable.to_flyte_idl().type)
    for name, variable in sorted(daily.interface.inputs.items())
}
default = remote.fetch_launch_plan(name="etl.daily", version="v1")
out["workflow defaults"] = {
    name: MessageToDict(parameter.to_flyte_idl()).get("default", "required")
    for name, parameter in sorted(default.default_inputs.parameters.items())
}

out["none is active"] = remote.fetch_active_launchplan(name="etl.morning") is None
remote.activate_launchplan(
    Identifier(ResourceType.LAUNCH_PLAN, given["project"], given["domain"], "etl.morning", "v1")
)
active = remote.fetch_active_launchplan(name="etl.morning")
out["active"] = [active.id.name, active.id.version, active.is_scheduled]
remote.deactivate_launchplan(active.id)
out["none is active again"] = remote.fetch_active_launchplan(name="etl.morning") is None

missing = {}
for name, fetch in {
    "task": remote.fetch_task,
    "workflow": remote.fetch_workflow,
    "launch plan": remote.fetch_launch_plan,
}.items():
    for version in ("v1", None):
        try:
            fetch(name="etl.nothing", version=version)
        except FlyteEntityNotExistException as error:
            missing[f"{name} {version}"] = f"{type(error).__name__}: not found"
out["missing"] = missing

projects = {project.id: project for project in remote.list_projects(limit=10_000)}
out["project is listed"] = given["project"] in projects
out["domains"] = [domain.id for domain in remote.get_domains()]

file = pathlib.Path("data.csv")
file.write_text("a,b\n1,2\n")
md5, location = remote.upload_file(file)
out["upload"] = [md5.hex(), place(location)]
out["same file, same place"] = remote.upload_file(file)[1] == location
_, rooted = remote.upload_file(file, filename_root="fixed")
out["upload below a root"] = place(rooted)
other = pathlib.Path("other") / file.name  # flytekit remembers a path's checksum
other.parent.mkdir()
other.write_text("other\n")
try:
    remote.upload_file(other, filename_root="fixed")
except RuntimeError as error:
    out["another file at that place"] = type(error.__cause__).__name__
folder = pathlib.Path("folder")
folder.mkdir(exist_ok=True)
(folder / "one.txt").write_text("1")
(folder / "two.txt").write_text("2")
put = [remote.file_access.put_raw_data(str(folder)) for _ in range(2)]
out["same folder, same place"] = put[0] == put[1]
print(json.dumps(out))
