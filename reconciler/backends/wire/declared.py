"""Reading for declared runs and answers to gates, over the port that both Flytes have."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.backends.running import Running
from reconciler.model.document import Json
from reconciler.model.key import Key
from reconciler.model.live import Runs
from reconciler.model.pursuit import Asking
from reconciler.model.run import RunId
from reconciler.plan.run.names import run_name


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads by whole names, which are at most `longest`."""

    longest: int

    async def run(self, running: Running, key: Key, asking: Asking) -> Runs:
        """Read the run of a declaration, and its outputs once it has ended well."""
        found = await running.run(RunId(key.place, self._name(key, asking)))
        if found is None:
            return Runs()
        if not found.phase.is_success:
            return Runs(found=(found,))
        data = await running.data(found.id)
        outputs = {found.id.name: data.outputs} if data.outputs is not None else {}
        return Runs(found=(found,), outputs=outputs)

    async def signal(self, running: Running, key: Key, asking: Asking) -> Runs:
        """Read the run that waits, and its gates."""
        assert asking.resource is not None
        name = str(asking.resource.body.get("run", ""))
        for other, declared in asking.others.items():
            name = self._name(other, declared)
        facts: dict[str, Json] = {"run": name}
        found = await running.run(RunId(key.place, name))
        if found is None:
            return Runs(facts=facts)
        return Runs(found=(found,), gates=await running.gates(found.id), facts=facts)

    def _name(self, key: Key, asking: Asking) -> str:
        assert asking.resource is not None
        return run_name(key, asking.resource.body, asking.content, longest=self.longest)
