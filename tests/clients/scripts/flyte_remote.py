"""Flyte 2's library as an application uses it: deploys, then reads and changes what is there.

Prints what it saw as JSON.
"""

import json
import pathlib
import sys
from datetime import UTC, datetime

import etl
import flyte
from connectrpc.errors import ConnectError
from flyte import remote

given = json.loads(sys.argv[1])
flyte.init(
    endpoint=given["endpoint"],
    insecure=True,
    project=given["project"],
    domain=given["domain"],
    root_dir=pathlib.Path(given["root"]),
    image_builder="local",
)
seen = {}

(deployment,) = flyte.deploy(etl.env, version="v1")
seen["deployed"] = {
    task.deployed_task.task_template.id.name: sorted(one.name for one in task.deployed_triggers)
    for env in deployment.envs.values()
    for task in env.deployed_entities
}

task = remote.Task.get("etl.load", version="v1").fetch()
seen["task"] = [task.name, task.version, sorted(task.interface.inputs)]
seen["tasks"] = sorted(one.name for one in remote.Task.listall())

extra = flyte.Trigger(
    name="extra",
    automation=flyte.FixedRate(5),
    inputs={"day": flyte.TriggerTime, "mode": "extra"},
    auto_activate=False,
)
remote.Trigger.create(extra, task_name="etl.load", task_version="v1")
remote.Trigger.update("extra", task_name="etl.load", active=True)
remote.Trigger.update("nightly", task_name="etl.load", active=False)
seen["triggers"] = {one.name: one.is_active for one in remote.Trigger.listall("etl.load")}
remote.Trigger.delete("extra", task_name="etl.load")
seen["left"] = sorted(one.name for one in remote.Trigger.listall())

remote.Secret.create("api-key", "hush")
seen["secrets"] = [one.name for one in remote.Secret.listall()]
remote.Secret.delete("api-key")
seen["no secrets"] = [one.name for one in remote.Secret.listall()]

project = remote.Project.update(given["project"], description="of a test", labels={"team": "a"})
seen["project"] = [project.pb2.description, dict(project.pb2.labels.values)]

run = flyte.run(task, day=datetime(2030, 1, 2, tzinfo=UTC), count=2)
seen["run"] = [run.phase, [one.name for one in remote.Run.listall()] == [run.name]]
run.abort("enough")
run.wait(quiet=True)
seen["ended"] = run.phase

try:
    remote.App.get("nobody")
except ConnectError as error:
    seen["not served"] = error.code.name
print(json.dumps(seen))
