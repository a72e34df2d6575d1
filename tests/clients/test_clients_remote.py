"""FlyteRemote, the Python interface of flytekit: register, upload, fetch, list, activate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from client_kit import DOMAIN

if TYPE_CHECKING:
    from client_kit import Kit

pytestmark = pytest.mark.clients

NOT_FOUND = "FlyteEntityNotExistException: not found"
KINDS = ("task", "workflow", "launch plan")


def integer(value: int) -> dict[str, Any]:
    return {"scalar": {"primitive": {"integer": str(value)}}}


def test_flyte_remote_registers_fetches_lists_activates_and_uploads(kit: Kit) -> None:
    said = kit.script("remote.py")

    assert said["task"] == ["etl.load", "v1", ["count", "day", "mode"]]
    assert said["workflow"] == ["etl.daily", "v1", ["n0", "n1", "n2"]]
    assert said["workflow again is equal"] is True
    assert said["plan"] == ["etl.morning", "v1", "0 6 * * *"]
    assert said["plan with its workflow"] == ["etl.stage", "etl.hourly", "v1"]

    assert said["tasks of v1"] == ["etl.fan_out", "etl.load", "etl.total"]
    assert (said["latest task"], said["task by version"]) == ("v2", "v1")
    assert said["latest workflow"] == "v2"
    assert said["missing"] == {f"{kind} {at}": NOT_FOUND for kind in KINDS for at in ("v1", None)}

    types = said["workflow types"]
    assert types["day"] == {"simple": "DATETIME"}
    assert types["mode"] == {"enumType": {"values": ["full", "delta"]}}
    assert types["limits"]["structure"]["dataclassType"]["share"] == {"simple": "FLOAT"}
    assert [kind["simple"] for kind in types["note"]["unionType"]["variants"]] == ["STRING", "NONE"]
    assert said["workflow defaults"] == {
        "count": integer(3),
        "day": "required",
        "limits": {
            "scalar": {"binary": {"tag": "msgpack", "value": "gqRyb3dzCqVzaGFyZcs/4AAAAAAAAA=="}}
        },
        "mode": {"scalar": {"primitive": {"stringValue": "full"}}},
        "note": {"scalar": {"noneType": {}}},
    }

    assert said["none is active"] is True
    assert said["active"] == ["etl.morning", "v1", True]
    assert said["none is active again"] is True
    assert said["project is listed"] is True
    assert said["domains"] == ["development", "staging", "production"]

    checksum = "4XV5JQBM567HSVMXPRT23ISCW4======"
    assert said["upload"] == [
        "e5ebd4c02cefbe7955977c67ada242b7",
        f"PROJECT/{DOMAIN}/{checksum}/data.csv",
    ]
    assert said["same file, same place"] is True
    assert said["upload below a root"] == f"PROJECT/{DOMAIN}/fixed/data.csv"
    assert said["another file at that place"] == "FlyteEntityAlreadyExistsException"
    assert said["same folder, same place"] is True
