"""Types of one's own: loaded from installed distributions, and only where they are named."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Shell, run
from flyteidl.admin import common_pb2, launch_plan_pb2
from flyteidl.core import identifier_pb2, types_pb2
from world import DOMAIN, PROJECT, World, open_world, plan_document

from reconciler import api
from reconciler.api import own_types
from reconciler.api.connecting import Target
from reconciler.errors import UsageError

MONEY = types_pb2.LiteralType(simple=types_pb2.STRUCT)
MONEY.metadata["title"] = "Money"
TABLE = types_pb2.LiteralType(structured_dataset_type=types_pb2.StructuredDatasetType())

MODULE = '''
"""Amounts of money, and tables of a lake by their names."""

print("loaded", file=__import__("sys").stderr)


class Money:
    def serves(self, type_):
        return type_.get("metadata", {}).get("title") == "Money"

    def encode(self, value, type_):
        if not isinstance(value, str):
            return None
        amount, _, currency = value.partition(" ")
        if not currency:
            raise ValueError(f"{value} has no currency")
        if currency == "BUG":
            raise KeyError("oops")
        return {"scalar": {"generic": {"amount": float(amount), "currency": currency}}}

    def decode(self, literal, type_):
        fields = literal["scalar"]["generic"]
        return f"{fields['amount']:g} {fields['currency']}"


class Lake:
    def serves(self, type_):
        return "structuredDatasetType" in type_

    def encode(self, value, type_):
        if not isinstance(value, dict) or "lake" not in value:
            return None
        type_ = {**type_["structuredDatasetType"], "format": "iceberg"}
        return {
            "scalar": {
                "structuredDataset": {
                    "uri": f"iceberg://{value['lake']}",
                    "metadata": {"structuredDatasetType": type_},
                }
            }
        }

    def decode(self, literal, type_):
        uri = literal["scalar"]["structuredDataset"]["uri"]
        if not uri.startswith("iceberg://"):
            raise ValueError("not of the lake")
        return {"lake": uri.removeprefix("iceberg://")}


class Broken(Lake):
    def encode(self, value, type_):
        return {"scalar": {"colour": "red"}}


lake = Lake()
half = object()
'''
ENTRY_POINTS = """
[reconciler.types]
money = acme_types:Money
lake = acme_types:lake
broken = acme_types:Broken
half = acme_types:half
gone = acme_types:nothing
"""


def install(folder: Path, name: str = "acme-types") -> Path:
    """Lay a distribution out as an installer does."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "acme_types.py").write_text(MODULE)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        listed = types_pb2.LiteralType(collection_type=MONEY)
        types = {"price": MONEY, "prices": listed, "sales": TABLE}
        await opened.register_workflow(types=types)
        yield opened


INPUTS: dict[str, Any] = {
    "count": 3,
    "price": "9.5 EUR",
    "prices": ["1 EUR", {"amount": 2.0, "currency": "USD"}],
    "sales": {"lake": "shop.sales"},
}


def environ(folder: Path, names: str = "money, lake") -> dict[str, str]:
    return {"PYTHONPATH": str(folder), "RECONCILE_TYPES": names}


async def test_type_from_an_entry_point_is_used_for_encoding_and_for_export(
    world: World, tmp_path: Path
) -> None:
    site = install(tmp_path / "site")
    shell = Shell(world)
    world.declare(plan_document("daily", inputs=INPUTS))

    first = await shell("--yes", environ=environ(site))
    second = await shell("--dry-run", "--detailed-exitcode", environ=environ(site))
    assert (first.code, second.code) == (0, 0), first.err + second.err

    await copy_plan(world, (await world.active())["daily"], "theirs")
    exported = await shell("export", "--name", "theirs", "-o", "json", environ=environ(site))
    written = next(one for one in exported.json()["items"] if one["kind"] == "FlyteLaunchPlan")
    assert written["spec"]["inputs"] == {**INPUTS, "prices": ["1 EUR", "2 USD"]}


async def copy_plan(world: World, version: str, name: str) -> None:
    """Register and activate what another plan is, as CI would."""
    identifier = identifier_pb2.Identifier(
        resource_type=identifier_pb2.LAUNCH_PLAN,
        project=PROJECT,
        domain=DOMAIN,
        name="daily",
        version=version,
    )
    live = await world.stub.GetLaunchPlan(common_pb2.ObjectGetRequest(id=identifier))
    request = launch_plan_pb2.LaunchPlanCreateRequest(id=identifier, spec=live.spec)
    request.id.name, request.id.version = name, "v1"
    await world.stub.CreateLaunchPlan(request)
    await world.set_state(name, "v1", active=True)


async def test_round_trip_of_values_through_entry_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reconciler.values.decode import decode
    from reconciler.values.encode import encode
    from reconciler.values.known import Known

    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))
    known = Known(types=own_types.load(["money", "lake"], cwd=tmp_path))
    money: Any = {"simple": "STRUCT", "metadata": {"title": "Money"}}
    table: Any = {"structuredDatasetType": {}}
    for value, type_ in (
        ("9.5 EUR", money),
        (["1 EUR", "2 USD"], {"collectionType": money}),
        ({"lake": "shop.sales"}, table),
        ({"uri": "s3://b/t", "format": "csv"}, table),
    ):
        literal, problems = encode(value, type_, known=known)
        assert problems == []
        assert decode(literal, type_, known) == value
    literal, _ = encode({"lake": "shop.sales"}, table, known=known)
    assert literal == {
        "scalar": {
            "structuredDataset": {
                "uri": "iceberg://shop.sales",
                "metadata": {"structuredDatasetType": {"format": "iceberg"}},
            }
        }
    }


async def test_without_being_named_no_code_is_loaded(world: World, tmp_path: Path) -> None:
    site = install(tmp_path / "site")
    shell = Shell(world)
    world.declare(plan_document("daily", inputs=INPUTS))

    ended = await shell("--dry-run", environ={"PYTHONPATH": str(site)})

    assert ended.code == 1
    assert "loaded" not in ended.err
    assert 'spec.inputs.price: expected a map of the fields of Money, found the text "9.5' in (
        ended.err
    )


async def test_distribution_in_the_working_directory_does_not_count(world: World) -> None:
    install(world.root)
    world.declare(plan_document("daily"))

    named = {"RECONCILE_TYPES": "money", "PYTHONPATH": str(world.root)}
    ended = await run("validate", cwd=world.root, environ=named)

    assert ended.code == 1
    assert "loaded" not in ended.err
    assert "RECONCILE_TYPES: money: no distribution that is installed beside reconcile" in ended.err


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("monney", "no distribution that is installed beside reconcile offers it"),
        ("gone", "acme_types:nothing cannot be loaded (AttributeError"),
        ("half", "acme_types:half has no serves, encode, decode"),
    ],
)
def test_type_that_cannot_be_used_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))

    with pytest.raises(UsageError) as caught:
        own_types.load([name], cwd=tmp_path)

    assert f"RECONCILE_TYPES: {name}: " in str(caught.value)
    assert reason in str(caught.value)


def test_type_that_two_distributions_offer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(install(tmp_path / "one")))
    monkeypatch.syspath_prepend(str(install(tmp_path / "two", "other-types")))
    before = list(sys.path)

    with pytest.raises(UsageError, match="money: is offered twice"):
        own_types.load(["money"], cwd=tmp_path)

    assert sys.path == before


@pytest.mark.parametrize(
    ("price", "names", "message"),
    [
        ("9.5", "money", "spec.inputs.price: 9.5 has no currency"),
        ("9 BUG", "money", "spec.inputs.price: acme_types.Money failed: KeyError: 'oops'; repair"),
        (None, "broken", "spec.inputs.sales: what a type of one's own made is no literal of Flyte"),
    ],
)
async def test_fault_of_a_value_or_of_the_code_is_a_problem_at_its_place(
    world: World, tmp_path: Path, price: Any, names: str, message: str
) -> None:
    site = install(tmp_path / "site")
    inputs = {"price": price} if price else {"sales": {"lake": "x"}}
    document = plan_document("daily", inputs=inputs)
    del document["spec"]["schedule"]
    world.declare(document)

    ended = await Shell(world)("--dry-run", environ=environ(site, names))

    assert ended.code == 1
    assert message in ended.err


async def test_library_takes_objects(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))
    types = own_types.load(["money", "lake"], cwd=tmp_path)
    world.declare(plan_document("daily", inputs=INPUTS))
    target = Target(endpoint=world.endpoint, insecure=True)

    async with api.session(
        [str(world.root)], connection=target, read_only=True, types=types
    ) as session:
        planned = await session.plan(now=world.now)

    assert planned.plan.summary().add == 1
