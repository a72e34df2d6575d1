"""`pyflyte register`, `launchplan` and `get launchplan`, as teams run them in CI."""

from __future__ import annotations

import io
import json
import re
import tarfile
import urllib.request
from typing import TYPE_CHECKING

import pytest
from client_kit import DOMAIN, KIT, check_kit, difference, run, serving
from flyteidl.admin import common_pb2
from flyteidl.service import dataproxy_pb2, dataproxy_pb2_grpc
from google.protobuf import json_format

from reconciler.server.embedded import AuthSettings

if TYPE_CHECKING:
    from pathlib import Path

    from client_kit import Kit

pytestmark = pytest.mark.clients

PLANS = {
    "etl.daily",
    "etl.hourly",
    "etl.nightly",
    "etl.morning",
    "etl.every_hour",
    "etl.stage",
}


def test_pyflyte_registers_activates_repeats_and_moves_to_a_changed_version(kit: Kit) -> None:
    said = kit.register("--copy", "none", "--version", "v1", "--activate-launchplans")
    assert "Successfully registered 12 entities" in said
    assert kit.active() == dict.fromkeys(PLANS, "v1")

    morning = json_format.MessageToDict(kit.plan("etl.morning", "v1").spec)
    parameters = morning["defaultInputs"]["parameters"]
    assert parameters["count"]["default"] == {"scalar": {"primitive": {"integer": "7"}}}
    assert parameters["mode"]["default"] == {"scalar": {"primitive": {"stringValue": "full"}}}
    assert parameters["day"]["required"] is True
    assert morning["entityMetadata"]["schedule"] == {
        "cronSchedule": {"schedule": "0 6 * * *"},
        "kickoffTimeInputArg": "day",
    }
    before = kit.plans()
    said = kit.register("--copy", "none", "--version", "v1", "--activate-launchplans")
    assert "Successfully registered 12 entities" in said
    after = kit.plans()
    assert [plan.spec for plan in after] == [plan.spec for plan in before]
    assert [plan.closure.created_at for plan in after] == [
        plan.closure.created_at for plan in before
    ]

    kit.edit("count: int = 1", "count: int = 4")
    said = kit.register("--copy", "none", "--version", "v1", code=1)
    assert "launch plan with different structure already exists" in said
    assert kit.active() == dict.fromkeys(PLANS, "v1")
    kit.register("--copy", "none", "--version", "v2", "--activate-launchplans")
    assert kit.active() == dict.fromkeys(PLANS, "v2")
    assert len(kit.plans()) == 2 * len(PLANS)


def test_code_goes_up_by_a_signed_url_and_the_same_code_is_the_same_version(kit: Kit) -> None:
    before = dict(kit.server.calls) if kit.server else {}
    said = kit.register("--copy", "auto")
    version = re.search(r"Computed version is (\S+)", said)
    assert version
    if kit.server:
        assert difference(before, kit.server.calls)["CreateUploadLocation"] == 1

    args = list(kit.task("etl.load", version[1]).closure.compiled_task.template.container.args)
    location = args[args.index("--additional-distribution") + 1]
    with tarfile.open(fileobj=io.BytesIO(_download(kit, location))) as archive:
        assert "etl.py" in archive.getnames()

    again = kit.register("--copy", "auto")
    assert f"Computed version is {version[1]}\n" in again
    assert {plan.id.version for plan in kit.plans()} == {version[1]}
    assert kit.active() == {}

    kit.edit("[count] * 3", "[count] * 4")
    changed = kit.register("--copy", "auto")
    assert f"Computed version is {version[1]}\n" not in changed
    assert len(kit.plans()) == 2 * len(PLANS)


def _download(kit: Kit, location: str) -> bytes:
    import grpc

    with grpc.insecure_channel(kit.endpoint) as channel:
        answer = dataproxy_pb2_grpc.DataProxyServiceStub(channel).CreateDownloadLocation(
            dataproxy_pb2.CreateDownloadLocationRequest(native_url=location)
        )
    with urllib.request.urlopen(answer.signed_url) as response:  # an address of our own server
        return bytes(response.read())


def test_pyflyte_stops_starts_and_shows_launch_plans(kit: Kit) -> None:
    kit.register("--copy", "none", "--version", "v1")
    kit.edit('"count": 7', '"count": 8')
    kit.register("--copy", "none", "--version", "v2")
    where = ("-p", kit.project, "-d", DOMAIN)

    said = kit.pyflyte("launchplan", *where, "--activate", "etl.morning", "v1")
    assert "Launchplan was set to ACTIVE: etl.morning:v1" in said
    assert kit.active() == {"etl.morning": "v1"}
    kit.pyflyte("launchplan", *where, "--activate", "etl.morning")
    assert kit.active() == {"etl.morning": "v2"}, "without a version the newest is meant"

    rows = _table(kit.pyflyte("get", "launchplan", *where))
    assert rows["etl.morning", "v2"] == ("ACTIVE", "0 6 * * *")
    assert rows["etl.morning", "v1"] == ("INACTIVE", "0 6 * * *")
    assert rows["etl.every_hour", "v1"] == ("INACTIVE", "1 1")
    assert len(rows) == 2 * len(PLANS)
    assert set(_table(kit.pyflyte("get", "launchplan", *where, "--active-only"))) == {
        ("etl.morning", "v2")
    }
    shown = json.loads(kit.pyflyte("get", "launchplan", *where, "etl.morning", "v2"))
    assert shown["spec"]["defaultInputs"]["parameters"]["count"]["default"] == {
        "scalar": {"primitive": {"integer": "8"}}
    }
    assert shown["closure"]["state"] == "ACTIVE"

    kit.pyflyte("launchplan", *where, "--deactivate", "etl.morning", "v2")
    assert kit.active() == {}


def _table(text: str) -> dict[tuple[str, str], tuple[str, str]]:
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    return {(row[0], row[1]): (row[2], row[3]) for row in rows if len(row) == 4}


def test_pyflyte_says_what_the_server_refuses(kit: Kit) -> None:
    said = kit.pyflyte(
        *("register", "-p", "nowhere-at-all", "-d", DOMAIN, "--copy", "none"),
        *("--version", "v1", "src/etl.py"),
        code=1,
    )
    assert "project [nowhere-at-all] not found" in said
    kit.edit('"0 6 * * *"', '"0 25 * * *"')
    said = kit.register("--copy", "none", "--version", "v1", code=1)
    assert "schedule" in said
    stored = kit.stub.ListLaunchPlanIds(
        common_pb2.NamedEntityIdentifierListRequest(project=kit.project, domain=DOMAIN, limit=100)
    )
    assert "etl.morning" not in {entity.name for entity in stored.entities}


def test_pyflyte_signs_in_with_client_credentials(tmp_path: Path) -> None:
    check_kit()
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    config = tmp_path / "config.yaml"
    with serving(tmp_path / "data", auth=AuthSettings("ci", "s3cret")) as server:
        config.write_text(
            f"admin: {{endpoint: 'dns:///{server.grpc_address}', insecure: true, "
            f"authType: ClientSecret, clientId: ci, clientSecretLocation: {secret}}}\n"
        )
        command = (str(KIT / "bin" / "pyflyte"), "--config", str(config), "get", "launchplan")
        assert "LaunchPlans for" in run(*command, cwd=tmp_path).stdout
        secret.write_text("wrong")
        assert "invalid_client" in run(*command, cwd=tmp_path, code=1).stderr
