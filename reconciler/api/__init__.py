"""What the command line does, as a Python library: async, typed, with a thin sync facade.

from reconciler import api

async with api.session(["deploy/"], connection="embedded", read_only=True) as session:
    planned = await session.plan()
    print(planned.plan.summary())

api.run(api.reconcile(["deploy/"], connection="embedded"))
"""

from reconciler.api.session import Session, reconcile, run, session
from reconciler.backends.auth.passthrough import auth_metadata

__all__ = ["Session", "auth_metadata", "reconcile", "run", "session"]
