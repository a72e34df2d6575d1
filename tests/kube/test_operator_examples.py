"""The objects of `examples/kubernetes/team`, as somebody would apply them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import yaml
from operator_kit import Team, custom
from world import DOMAIN, PROJECT

FOLDER = Path(__file__).parents[2] / "examples" / "kubernetes" / "team"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


async def test_example_of_a_team_is_applied_as_it_stands(team: Team) -> None:
    """The connection is the owner's, in another namespace; only where it leads is replaced."""
    home = await asyncio.to_thread(team.cluster.namespace, "home")
    owner = Team(team.cluster, team.world, home)
    (connection,) = documents("connection.yaml")
    spec: dict[str, Any] = connection["spec"]
    (served,) = spec["serves"]
    assert (served["projects"], served["domains"]) == ([PROJECT], [DOMAIN])
    spec["serves"] = [{**served, "namespaces": [team.namespace]}]
    spec |= {"endpoint": team.world.endpoint, "tls": {"insecure": True}, "auth": {"mode": "None"}}
    await owner.apply(connection)
    await team.apply(*documents("set.yaml"))
    async with team.operator("--namespace", home, "--lease-namespace", home):
        await team.all_ready(2)
        assert set(await team.world.active()) == {"nightly"}
        by_hand = await team.ready("flytelaunchplan", "by-hand")
        assert by_hand["status"]["state"] == "Inactive"
        assert not by_hand["metadata"].get("finalizers")
        other = team.sync("other-set", defaults={"project": PROJECT, "domain": "production"})
        plan = team.plan("elsewhere", sync="other-set", domain="production")
        await team.apply(other, plan, custom("FlyteProject", "all", name=PROJECT))
        await team.because("flytelaunchplan", "elsewhere", "AccessDenied")
