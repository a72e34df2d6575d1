"""`flyte` and its library against Flyte 2: projects, deploys, triggers, secrets, runs."""

from __future__ import annotations

import io
import re
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from client_kit import DOMAIN, difference
from flyteidl2.task import common_pb2
from google.protobuf import json_format

if TYPE_CHECKING:
    from flyte_kit import Sdk

pytestmark = pytest.mark.clients


def triggers(sdk: Sdk) -> dict[str, tuple[str, bool]]:
    """Revision and switch of each trigger, by name."""
    return {
        one["id"]["name"]["name"]: (one["id"]["revision"], one.get("active", False))
        for one in sdk.found("trigger")
    }


def test_flyte_keeps_projects(sdk: Sdk) -> None:
    name = f"{sdk.project}-b"
    sdk.flyte("create", "project", "--id", name, "--name", "Second", "--description", "of a test")
    ids = [one["id"] for one in sdk.found("project")]
    assert {sdk.project, name} <= set(ids)
    assert "description='of a test'" in sdk.flyte("get", "project", name)
    sdk.flyte("update", "project", name, "--name", "Renamed", "-l", "team=a")
    said = sdk.flyte("get", "project", name)
    assert "name='Renamed'" in said
    assert "description='of a test'" in said
    assert "team" in said
    assert "archived" in sdk.flyte("update", "project", name, "--archive")
    assert name not in [one["id"] for one in sdk.found("project")]
    assert name in [one["id"] for one in sdk.found("project", "--archived")]
    sdk.flyte("update", "project", name, "--unarchive")
    assert name in [one["id"] for one in sdk.found("project")]


def test_flyte_deploys_environments_and_what_they_depend_on(sdk: Sdk) -> None:
    before = dict(sdk.server.calls) if sdk.server else {}
    said = sdk.deploy("--copy-style", "none", "--version", "v1")
    assert "Deployed task etl.load (version v1)" in said
    assert "Deployed task extract.rows (version v1)" in said
    if sdk.server:
        made = difference(before, sdk.server.calls)
        assert {name: made[name] for name in made if name != "SelectCluster"} == {
            "UploadInputs": 2,
            "DeployTask": 2,
        }
    rows = {one["taskId"]["name"]: one for one in sdk.found("task")}
    assert set(rows) == {"etl.load", "extract.rows"}
    assert rows["etl.load"]["metadata"]["environmentName"] == "etl"
    assert rows["etl.load"]["metadata"]["triggersSummary"]["stats"] == {"total": 2, "active": 1}
    template = sdk.task("etl.load", "v1").spec.task_template
    assert template.container.image == "registry.example.com/etl:v1"
    assert [secret.key for secret in template.security_context.secrets] == ["db-password"]
    assert "etl.load" in sdk.flyte("get", "task", "etl.load", "v1")

    sdk.edit("count: int = 1", "count: int = 4")
    sdk.deploy("--copy-style", "none", "--version", "v2")
    assert sdk.versions("etl.load") == ["v1", "v2"]
    assert sdk.trigger("nightly").spec.task_version == "v2"
    assert triggers(sdk) == {"nightly": ("2", True), "hourly": ("2", False)}


def test_code_goes_up_by_a_signed_url_and_the_same_code_only_once(sdk: Sdk) -> None:
    said = sdk.deploy()
    assert "Uploading code bundle" in said
    (version,) = sdk.versions("etl.load")
    assert re.fullmatch(r"[0-9a-f]{32}", version)
    args = list(sdk.task("etl.load", version).spec.task_template.container.args)
    location = args[args.index("--tgz") + 1]
    assert f"/{sdk.project}/{DOMAIN}/" in location
    if sdk.server:
        with tarfile.open(fileobj=io.BytesIO(sdk.stored(location))) as archive:
            assert "etl.py" in [name.rpartition("/")[2] for name in archive.getnames()]
    # Its version is no digest of the code alone: two deploys of the same may differ.
    assert "Code bundle found in cache, skipping upload" in sdk.deploy()
    sdk.edit("count: int = 1", "count: int = 4")
    assert "Uploading code bundle" in sdk.deploy()


def test_triggers_read_back_as_they_were_written(sdk: Sdk) -> None:
    sdk.deploy("--copy-style", "none", "--version", "v1")
    nightly = json_format.MessageToDict(sdk.trigger("nightly"))
    assert nightly["automationSpec"] == {
        "type": "TYPE_SCHEDULE",
        "schedule": {
            "cron": {"expression": "0 3 * * *", "timezone": "Europe/Amsterdam"},
            "kickoffTimeInputArg": "day",
        },
    }
    assert nightly["spec"]["description"] == "all of yesterday"
    assert nightly["spec"]["active"] is True
    hourly = json_format.MessageToDict(sdk.trigger("hourly"))
    assert hourly["automationSpec"]["schedule"] == {
        "rate": {"value": 60, "unit": "FIXED_RATE_UNIT_MINUTE", "startTime": "2030-01-01T00:00:00Z"}
    }
    assert "active" not in hourly["spec"]
    location = hourly["spec"]["offloadedInputData"]["uri"]
    assert f"/{sdk.project}/{DOMAIN}/" in location
    if sdk.server:
        inputs = common_pb2.Inputs.FromString(sdk.stored(f"{location}/inputs.pb"))
        given = {one.name: one.value.scalar.primitive for one in inputs.literals}
        assert (given["count"].integer, given["mode"].string_value) == (3, "part")


def test_flyte_switches_makes_and_deletes_triggers(sdk: Sdk) -> None:
    sdk.deploy("--copy-style", "none", "--version", "v1")
    assert triggers(sdk) == {"nightly": ("1", True), "hourly": ("1", False)}
    sdk.flyte("update", "trigger", "nightly", "etl.load", "--deactivate")
    sdk.flyte("update", "trigger", "hourly", "etl.load", "--activate")
    assert triggers(sdk) == {"nightly": ("2", False), "hourly": ("2", True)}
    sdk.flyte("update", "trigger", "hourly", "etl.load", "--activate")
    sdk.flyte(
        *("create", "trigger", "etl.load", "again", "--schedule", "5 4 * * *"),
        *("--trigger-time-var", "day"),
    )
    sdk.flyte("delete", "trigger", "nightly", "etl.load")
    assert triggers(sdk) == {"hourly": ("2", True), "again": ("1", True)}
    said = sdk.flyte("get", "trigger", "etl.load", "nightly", code=1)
    assert "not found" in said
    assert 'expression: "5 4 * * *"' in sdk.flyte("get", "trigger", "etl.load", "again")


def test_flyte_keeps_secrets_and_tells_no_value(sdk: Sdk) -> None:
    at = ("-p", sdk.project, "-d", DOMAIN)
    sdk.flyte("create", "secret", "db-password", "--value", "hush hush", *at)
    (one,) = sdk.found("secret", *at)
    assert one["id"] == {"name": "db-password", "project": sdk.project, "domain": DOMAIN}
    assert one["secretMetadata"]["secretStatus"]["overallStatus"] == "FULLY_PRESENT"
    said = sdk.flyte("get", "secret", "db-password", *at)
    assert "db-password" in said
    assert "hush" not in said
    sdk.flyte("delete", "secret", "db-password", *at)
    assert sdk.found("secret", *at) == []


def run_name(said: str) -> str:
    found = re.search(r"Created Run: (\w+)", said)
    assert found, said
    return found[1]


def test_flyte_starts_runs_that_stay_queued(sdk: Sdk) -> None:
    given = ("--day", "2030-01-02", "--count", "2")
    direct = run_name(sdk.flyte("run", "src/etl.py", "load", *given))
    sdk.deploy("--copy-style", "none", "--version", "v1")
    deployed = run_name(sdk.flyte("run", "deployed-task", "etl.load", *given))
    runs = {one["action"]["id"]["run"]["name"]: one["action"] for one in sdk.found("run")}
    assert set(runs) == {direct, deployed}
    assert {one["status"]["phase"] for one in runs.values()} == {"ACTION_PHASE_QUEUED"}
    assert runs[deployed]["metadata"]["task"]["id"]["version"] == "v1"
    sdk.flyte("abort", "run", direct)
    assert phase(sdk, direct) == "ACTION_PHASE_ABORTED"


def test_library_runs_watches_answers_and_aborts_beside_a_played_engine(sdk: Sdk) -> None:
    seen = sdk.script("flyte_runs.py")

    assert seen["before"] == ["queued", False]
    assert seen["watched"] == ["ActionPhase.QUEUED", "ActionPhase.SUCCEEDED"]
    assert seen["after"] == ["succeeded", True]
    assert (seen["inputs"], seen["outputs"]) == ([2, "full"], [8])
    # Lists say nothing of what their actions run, as the manager's do not.
    assert seen["actions"] == {key: ["ActionPhase.SUCCEEDED", None] for key in ("a0", "a1")}
    assert seen["child"] == ["a0", 1]
    assert seen["durations"] == {
        "ActionPhase.INITIALIZING": 1.0,
        "ActionPhase.RUNNING": 5.0,
        "ActionPhase.SUCCEEDED": 0.0,
    }
    assert seen["condition"] == ["b1", "ACTION_PHASE_PAUSED", None]
    assert seen["answered"] == "ActionPhase.SUCCEEDED"
    assert (seen["aborted"], seen["aborted raises"]) == (["aborted", "enough"], "enough")
    assert seen["failed"] == ["failed", "it broke"]
    assert seen["listed"] == {"true": "failed"}


def phase(sdk: Sdk, run: str) -> str:
    (found,) = (one for one in sdk.found("run") if one["action"]["id"]["run"]["name"] == run)
    told: Any = found["action"]["status"]["phase"]
    return str(told)


def test_library_deploys_reads_and_changes(sdk: Sdk) -> None:
    seen = sdk.script("flyte_remote.py")
    assert seen["deployed"] == {"etl.load": ["hourly", "nightly"], "extract.rows": []}
    assert seen["task"] == ["etl.load", "v1", ["count", "day", "mode"]]
    assert seen["tasks"] == ["etl.load", "extract.rows"]
    assert seen["triggers"] == {"nightly": False, "hourly": False, "extra": True}
    assert seen["left"] == ["hourly", "nightly"]
    assert (seen["secrets"], seen["no secrets"]) == (["api-key"], [])
    assert seen["project"] == ["of a test", {"team": "a"}]
    assert seen["run"] == ["queued", True]
    assert (seen["ended"], seen["not served"]) == ("aborted", "UNIMPLEMENTED")
    details = sdk.trigger("nightly")
    assert details.id.revision == 2
    assert details.spec.task_version == "v1"
