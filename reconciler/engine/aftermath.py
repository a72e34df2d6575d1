"""What a plan is once it was applied, without reading anything again."""

from __future__ import annotations

from dataclasses import replace

from reconciler.engine.applying import Applied
from reconciler.engine.planning import Planned, query
from reconciler.model.live import Object
from reconciler.plan import predict
from reconciler.plan.settle import is_done


def aftermath(planned: Planned, applied: Applied) -> Planned:
    """Take out the changes that were done; what is live is as they said, the ledger as written."""
    done = applied.report.done
    over = [change for change in planned.plan.doable if is_done(change, done)]
    keys = {change.key for change in over}
    left = tuple(change for change in planned.plan.changes if change.key not in keys)
    traits, asked = planned.context.traits, query(planned.desired, planned.context)
    live = predict.after(planned.live, planned.plan.part(over), traits, asked)
    held = applied.ledger.objects
    objects = {
        key: replace(item, revision=held[key].revision)
        if isinstance(item, Object) and key in keys and key in held
        else item
        for key, item in live.objects.items()
    }
    return replace(
        planned,
        plan=replace(planned.plan, changes=left),
        live=replace(live, objects=objects),
        ledger=applied.ledger,
    )
