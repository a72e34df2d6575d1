"""The plans of the set as FlyteLaunchPlan documents."""

from __future__ import annotations

import json

from tests.bench.plans import Plan, inputs
from tests.bench.workflows import VERSION, WORKFLOW

_PLAN = """apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata:
  name: {plan.name}
spec:
  project: {plan.place.project}
  domain: {plan.place.domain}
  workflow:
    name: {workflow}
    version: {version}
  schedule:
    cron: "{plan.cron}"
    timezone: Europe/Berlin
    kickoffInput: day
  inputs:
{inputs}
  labels:
    team: {plan.team}
    tier: "{tier}"
  annotations:
    example.com/runbook: https://runbooks.example.com/orders
  serviceAccount: etl-{plan.team}
  notifications:
    - phases: [Failed, TimedOut]
      email: [{plan.team}-oncall@example.com]
  maxParallelism: {plan.parallelism}
"""


def document(plan: Plan) -> str:
    """Write one plan as YAML."""
    values = "\n".join(f"    {name}: {json.dumps(value)}" for name, value in inputs(plan).items())
    return _PLAN.format(
        plan=plan, workflow=WORKFLOW, version=VERSION, inputs=values, tier=plan.number % 4
    )
