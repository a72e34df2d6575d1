"""What the metrics say of passes, objects and sets."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from reconciler.operator import units, words
from reconciler.operator.metrics import Metrics
from reconciler.operator.queue import Queue
from reconciler.operator.resources import Custom, Ref
from reconciler.operator.store import Store
from reconciler.operator.units import UnitId


class Measures:
    """Keeps the metrics of one operator; `clock` gives seconds that never go back."""

    def __init__(
        self,
        store: Store,
        queue: Queue[UnitId],
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._queue = queue
        self._metrics = metrics
        self._clock = clock
        self._ended_well: dict[UnitId, float] = {}

    def passed(self, unit: UnitId, took: float, *, is_failed: bool) -> None:
        """Note a pass that has ended, and how many seconds it took."""
        self._metrics.pass_seconds.labels(str(unit)).observe(took)
        self._metrics.pass_time.labels("flyte").observe(took)
        self._metrics.passes.labels("flyte", "error" if is_failed else "success").inc()
        if not is_failed:
            self._ended_well[unit] = self._clock()

    def refresh(self) -> None:
        """Measure what is not counted as it happens."""
        self._metrics.queue_depth.set(self._queue.depth)
        counts = Counter((item.ref.kind, _readiness(item)) for item in self._store.all())
        self._metrics.objects.clear()
        for (kind, ready), count in counts.items():
            self._metrics.objects.labels(kind, ready).set(count)
        self._measure_ages()

    def _measure_ages(self) -> None:
        """Tell how old each set's last good pass is; one that had none counts from its first sight.

        A set that is suspended or gone has no age: nobody should be called for it.
        """
        now = self._clock()
        known = {units.unit_of(item, self._store) for item in self._store.all()}
        due = {unit for unit in known if not unit.connection and not self._rests(unit)}
        self._metrics.sync_age.clear()
        for unit in due:
            age = now - self._ended_well.setdefault(unit, now)
            self._metrics.sync_age.labels(str(unit)).set(age)
        for unit in self._ended_well.keys() - due:
            del self._ended_well[unit]
            with contextlib.suppress(KeyError):
                self._metrics.plan_changes.remove(str(unit))

    def _rests(self, unit: UnitId) -> bool:
        sync = self._store.get(Ref(words.SYNC, unit.namespace, unit.set_name))
        return sync is not None and (bool(sync.spec.get("suspend")) or sync.is_disabled)


def _readiness(custom: Custom) -> str:
    conditions: Any = custom.status.get("conditions") or []
    return next((item["status"] for item in conditions if item["type"] == "Ready"), "Unknown")
