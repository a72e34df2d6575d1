"""What real schedulers started, minute by minute, and what the embedded ones start then.

A recording of `tests/recordings/schedules` holds calls and when they took effect (microseconds
since 1970) or with which code they were refused, when the scheduler's process started and stopped,
and what there was at the end.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import firing_kit
from google.protobuf import json_format

from reconciler.server.status import StatusError

if TYPE_CHECKING:
    from firing_kit import Firing

RECORDINGS = Path(__file__).parents[2] / "recordings" / "schedules"


def replay(firing: Firing, recorded: dict[str, Any]) -> None:
    """Make the same calls, and start and stop, at the same moments."""
    todo = list(recorded["steps"])
    for span in recorded["scheduler"]:
        todo += [{"at": moment, "method": action} for action, moment in span.items()]
    for step in sorted(todo, key=lambda one: one["at"]):
        firing.until(step["at"])
        match step["method"]:
            case "start":
                firing.start()
            case "stop":
                firing.stop()
            case method:
                call(firing, method, step)


def call(firing: Firing, method: str, step: dict[str, Any]) -> None:
    code = ""
    try:
        firing.call(method, step["request"])
    except StatusError as error:
        code = error.code.name
    assert code == step.get("refused", "")


def read(name: str) -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads((RECORDINGS / name).read_text())
    return recorded


def executions(firing: Firing, project: str) -> list[dict[str, Any]]:
    place = {"project": project, "domain": "development"}
    found = firing.call("ListExecutions", {"id": place, "limit": 1000}).executions
    seen = []
    for one in found:
        data = firing.call("GetExecutionData", {"id": json_format.MessageToDict(one.id)})
        plan = one.spec.launch_plan
        seen.append(
            {
                "name": one.id.name,
                "plan": plan.name,
                "version": plan.version,
                "scheduledAt": one.spec.metadata.scheduled_at.ToJsonString(),
                "inputs": json_format.MessageToDict(data.full_inputs),
            }
        )
    return sorted(seen, key=lambda one: (one["scheduledAt"], one["name"]))


def test_flyte1_starts_what_flytescheduler_started(tmp_path: Path) -> None:
    """Crons and rates, a switch of versions, a policy that skips, a restart that catches up."""
    recorded = read("flyte1.json")
    with firing_kit.opened(tmp_path, recorded["steps"][0]["at"]) as firing:
        replay(firing, recorded)

        assert executions(firing, "firinga") == recorded["executions"]
        assert firing.told == []


def test_t2_dead_schedule_and_refused_ticks_are_as_flytescheduler_had_them(tmp_path: Path) -> None:
    """A failed activation, a rate of zero, a rate with a required time, and one that is well."""
    recorded = read("flyte1_dead.json")
    with firing_kit.opened(tmp_path, recorded["steps"][0]["at"]) as firing:
        replay(firing, recorded)

        assert executions(firing, "firingb") == recorded["executions"]
        assert {one["plan"] for one in recorded["executions"]} == {"control"}


def runs(firing: Firing, project: str) -> list[dict[str, Any]]:
    place = {"name": project, "domain": "development"}
    seen: list[dict[str, Any]] = []
    for one in firing.call("ListRuns", {"projectId": place, "request": {"limit": 200}}).runs:
        run, metadata = json_format.MessageToDict(one.action.id.run), one.action.metadata
        details = firing.call("GetRunDetails", {"runId": run}).details
        data = firing.call("GetActionData", {"actionId": {"run": run, "name": "a0"}})
        seen.append(
            {
                "name": one.action.id.run.name,
                "trigger": metadata.trigger_id.name.name,
                "revision": metadata.trigger_id.revision,
                "source": metadata.source,
                "start": details.run_spec.run_start_time.ToJsonString(),
                "inputs": json_format.MessageToDict(data.inputs),
            }
        )
    return sorted(seen, key=lambda one: (one["start"], one["name"]))


def test_flyte2_starts_what_the_manager_started(tmp_path: Path) -> None:
    """Crons and rates, with and without inputs, switches, edits, a restart that catches up."""
    recorded = read("flyte2.json")
    with firing_kit.opened(tmp_path, recorded["steps"][0]["at"]) as firing:
        replay(firing, recorded)

        seen = runs(firing, "fir2a")
        assert firing.told == []
    # The one that never fires runs again when the manager starts again, and then at the moment of
    # its last run, which nobody can foretell.
    assert [len(never(found)) for found in (seen, recorded["runs"])] == [2, 2]
    assert never(seen)[0] == never(recorded["runs"])[0]
    assert others(seen) == others(recorded["runs"])


def test_t27_flyte2_catches_up_a_hundred_runs_and_a_refused_one_counts(tmp_path: Path) -> None:
    """Seventy minutes of two triggers, and six of one whose task there is not."""
    recorded = read("flyte2_cap.json")
    with firing_kit.opened(tmp_path, recorded["steps"][0]["at"]) as firing:
        replay(firing, recorded)

        # Three more ticks of both came while the manager ran.
        assert len(recorded["runs"]) == 100 - 6 + 2 * 3
        assert runs(firing, "fir2c") == recorded["runs"]


def never(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in found if one["trigger"] == "never"]


def others(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in found if one["trigger"] != "never"]
