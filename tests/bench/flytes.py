"""What the set, its preparation and its results are on each Flyte."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import grpc
from flyteidl.admin import version_pb2
from flyteidl.service import admin_pb2_grpc

from reconciler.model.key import Place
from tests.bench import launch_plans, triggers, workflows
from tests.bench.plans import Document, Plan


@dataclass(frozen=True, slots=True)
class Flyte:
    """One of the Flytes.

    `real` and `embedded` are the columns of its results. `prepare` makes what is there before the
    set is; `write_code` writes, for so many plans, what the set registers for them into the
    directory `code`. `version` asks a server for its own. `filled` says to `backfill` which plan.
    """

    name: str
    plans: str
    variable: str
    real: str
    embedded: str
    document: Document
    prepare: Callable[[str, Collection[Place]], None]
    version: Callable[[str], str]
    filled: Callable[[Plan], tuple[str, str]]
    code: str = ""
    write_code: Callable[[Path, int], None] = lambda _root, _count: None
    is_spread: bool = False

    @property
    def endpoint(self) -> str:
        """A real one to measure, empty when the environment names none."""
        return os.environ.get(self.variable, "")


def _version_of_flyte1(endpoint: str) -> str:
    with grpc.insecure_channel(endpoint) as channel:
        stub = admin_pb2_grpc.AdminServiceStub(channel)
        answer = stub.GetVersion(version_pb2.GetVersionRequest(), timeout=20)
    return answer.control_plane_version.Version


FLYTE1 = Flyte(
    name="Flyte1",
    plans="plans",
    variable="RECONCILER_FLYTE1_ENDPOINT",
    real="real",
    embedded="embedded",
    document=launch_plans.document,
    prepare=workflows.prepare,
    version=_version_of_flyte1,
    filled=lambda plan: ("launchplan", plan.name),
    is_spread=True,
)

FLYTE2 = Flyte(
    name="Flyte2",
    plans="triggers",
    variable="RECONCILER_FLYTE2_ENDPOINT",
    real="flyte2-real",
    embedded="flyte2-embedded",
    document=triggers.document,
    prepare=triggers.prepare,
    version=lambda _endpoint: "",
    filled=lambda plan: ("trigger", f"{triggers.task(plan)}/{plan.name}"),
    code=triggers.CODE,
    write_code=triggers.write_code,
)

FLYTES = (FLYTE1, FLYTE2)
