"""Whatever people do to declarations and to the cluster: a pass converges, theirs stays.

Sequences are random and by their seed the same every time; the model beside them is a dictionary.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kube_kit import Cluster
from test_kube_secrets import create, declare, edit, kept, key_of, secret
from world import World, open_world

GROUPS = ("db", "api")
OURS = ("a", "b", "c")
THEIRS = ("x", "y")


@pytest.fixture
async def world(tmp_path: Path, cluster: Cluster, namespace: str) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        opened.secrets = {"kubeconfig": str(cluster.admin.kubeconfig), "namespace": namespace}
        yield opened


@dataclass
class People:
    """Those who declare, and those who edit the cluster; `theirs` is what only the latter made."""

    cluster: Cluster
    namespace: str
    rng: random.Random
    monkeypatch: pytest.MonkeyPatch
    declared: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    theirs: dict[tuple[str, str], str] = field(default_factory=dict)
    values: dict[tuple[str, str], str] = field(default_factory=dict)

    def declare(self) -> None:
        at = (self.rng.choice(GROUPS), self.rng.choice(OURS))
        policy = self.rng.choice(["Orphan", "Delete"])
        self.declared[at] = secret("/".join(at), _variable(at), adopt=True, deletionPolicy=policy)
        self.rotate(at)

    def rotate(self, at: tuple[str, str] | None = None) -> None:
        at = at or (self.rng.choice(sorted(self.declared)) if self.declared else None)
        if at is not None:
            self.values[at] = f"value {self.rng.random()}"
            self.monkeypatch.setenv(_variable(at), self.values[at])

    def withdraw(self) -> None:
        if self.declared:
            del self.declared[self.rng.choice(sorted(self.declared))]

    def edit(self) -> None:
        group = self.rng.choice(GROUPS)
        key = self.rng.choice([*THEIRS, *(k for g, k in self.declared if g == group)])
        value = f"theirs {self.rng.random()}"
        if kept(self.cluster, self.namespace, group):
            edit(self.cluster, self.namespace, group, **{key: value})
        else:
            create(self.cluster, self.namespace, group, **{key: value})
        if key in THEIRS:
            self.theirs[group, key] = value

    def destroy(self) -> None:
        group = self.rng.choice(GROUPS)
        self.cluster.kubectl(
            "delete", "secret", group, "-n", self.namespace, "--ignore-not-found", "--wait=true"
        )
        self.theirs = {at: value for at, value in self.theirs.items() if at[0] != group}


def _variable(at: tuple[str, str]) -> str:
    return f"LAW_{at[0]}_{at[1]}".upper()


@pytest.mark.parametrize("seed", range(4))
async def test_one_pass_converges_and_nothing_of_others_goes(
    world: World, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    people = People(cluster, namespace, random.Random(seed), monkeypatch)
    acts = (people.declare, people.declare, people.rotate, people.withdraw, people.edit)
    acts = (*acts, people.edit, people.destroy)
    told: list[str] = []
    for _ in range(12):
        for act in people.rng.choices(acts, k=people.rng.randint(1, 3)):
            told.append(act.__name__)
            await asyncio.to_thread(act)
        declare(world, *people.declared.values(), prune="Keep")

        applied = await world.reconcile()

        assert not applied.report.failures, told
        found = {group: kept(cluster, namespace, group) for group in GROUPS}
        for (group, key), value in people.theirs.items():
            assert found[group].get(key) == value, (told, group, key)
        held_back = {change.key for change in applied.plan.changes if change.block is not None}
        for group, key in people.declared:
            if key_of(f"{group}/{key}") not in held_back:
                assert found[group].get(key) == people.values[group, key], (told, group, key)
        left = [change for change in (await world.plan()).plan.changes if change.block is None]
        # A guard that looks at all that is there may let through next time what it held back.
        assert {change.key for change in left} <= held_back, told
