from __future__ import annotations

from typing import Any

import pytest

from reconciler.backends.flyte1.adapters import TRAITS as FLYTE1
from reconciler.backends.flyte2.adapters import TRAITS as FLYTE2
from reconciler.model.document import Json
from reconciler.model.key import Key
from reconciler.model.origin import Origin
from reconciler.model.resource import Resource, State
from reconciler.plan.policies import Hours, Rule, judge

TRAITS = {**FLYTE2, **FLYTE1}
DAY = Hours(start=6 * 60, end=20 * 60, timezone="UTC")
NIGHT = Hours(start=22 * 60, end=6 * 60, timezone="UTC")


def resource(kind: str = "FlyteLaunchPlan", domain: str = "production", **given: Any) -> Resource:
    given.setdefault("state", State.ACTIVE)
    given.setdefault("body", {})
    return Resource(key=Key(kind, "ranking", domain, "a"), origin=Origin("a.yaml"), **given)


def scheduled(cron: str = "", *, zone: str = "", every: int = 0, **given: Any) -> Resource:
    schedule: dict[str, Json] = {"every": every} if every else {"cron": cron}
    if zone:
        schedule["timezone"] = zone
    return resource(body={"schedule": schedule}, **given)


def said(rule: Rule, one: Resource) -> list[str]:
    (verdict,) = judge([rule], [one], TRAITS)
    assert verdict.passed is (not verdict.violations)
    return [f"{item.path}: {item.message}" for item in verdict.violations]


@pytest.mark.parametrize(
    ("cron", "least", "apart"),
    [
        ("0 6 * * *", 24 * 60, ""),
        ("0 6 * * *", 24 * 60 + 1, "1d"),
        ("*/5 * * * *", 15, "5m"),
        ("*/15 * * * *", 15, ""),
        ("*/7 * * * *", 5, "4m"),  # from minute 56 to the next hour
        ("0 0,23 * * *", 2 * 60, "1h"),
        ("59 23,0 * * *", 2 * 60, "1h"),
        ("0 0 1 1 *", 360 * 24 * 60, ""),
        ("0 6 * * 1", 7 * 24 * 60, ""),
        ("0 6 1,2 * *", 2 * 24 * 60, "1d"),
        ("0 0,23 * * 1", 2 * 60, ""),
        ("0 6 29 2 *", 300 * 24 * 60, ""),
        ("@hourly", 61, "1h"),
        ("@every 90s", 5, "1m"),
    ],
)
def test_shortest_time_between_two_firings(cron: str, least: int, apart: str) -> None:
    found = said(Rule(name="r", least_interval=least), scheduled(cron))
    assert bool(found) is bool(apart)
    if apart:
        assert found[0].startswith(f"schedule.cron: fires {apart} apart, and ")


def test_fixed_rates_are_intervals() -> None:
    rule = Rule(name="r", least_interval=60)
    assert said(rule, scheduled(every=60)) == []
    assert said(rule, scheduled(every=59)) == [
        "schedule.every: fires 59m apart, and 1h is the least"
    ]


@pytest.mark.parametrize(
    ("cron", "zone", "hours", "at"),
    [
        ("0 6 * * *", "", DAY, ""),
        ("59 19 * * *", "", DAY, ""),
        ("0 20 * * *", "", DAY, "20:00 UTC"),
        ("59 5 * * *", "", DAY, "05:59 UTC"),
        ("0 */6 * * *", "", DAY, "00:00 UTC"),
        ("0 23 * * *", "", NIGHT, ""),
        ("0 5 * * *", "", NIGHT, ""),
        ("0 12 * * *", "", NIGHT, "12:00 UTC"),
        ("0 8 * * *", "Europe/Berlin", DAY, ""),
        ("0 7 * * *", "Europe/Berlin", DAY, "07:00 Europe/Berlin"),  # 05:00 UTC in summer
        ("0 12 * * *", "Asia/Kolkata", DAY, ""),
        ("0 9 * * *", "Asia/Kolkata", DAY, "09:00 Asia/Kolkata"),
    ],
)
def test_hours(cron: str, zone: str, hours: Hours, at: str) -> None:
    found = said(Rule(name="r", allowed_hours=hours), scheduled(cron, zone=zone))
    assert bool(found) is bool(at)
    assert not at or f"fires at {at}" in found[0]


def test_a_fixed_rate_is_in_no_hours() -> None:
    (found,) = said(Rule(name="r", allowed_hours=DAY), scheduled(every=60))
    assert "fires at any hour" in found


def test_what_does_not_run_is_against_no_schedule_policy() -> None:
    rule = Rule(name="r", least_interval=60)
    (verdict,) = judge([rule], [scheduled("* * * * *", state=State.INACTIVE)], TRAITS)
    assert (verdict.passed, verdict.checked) == (True, 0)


def test_images_of_packages_are_found_at_any_depth() -> None:
    body: dict[str, Json] = {
        "container": {"image": "registry.example.com/a:1"},
        "pod": [{"image": "docker.io/evil:2", "env": [{"value": "image"}]}],
        "nodes": {"containerImage": "registry.example.com/b@sha256:0"},
    }
    rule = Rule(name="r", allowed_images=("registry.example.com/*",))
    found = said(rule, resource("FlyteTask", body=body, group="g"))
    assert found == [
        "image: runs the image docker.io/evil:2, which is none of registry.example.com/*"
    ]
    assert said(rule, resource("FlyteTask", body=body)) == []


def test_labels_are_asked_of_plans_that_the_set_registers() -> None:
    rule = Rule(name="r", required_labels={"team": "*", "tier": "g*"})
    assert said(rule, resource(body={"labels": {"team": "x", "tier": "gold"}})) == []
    assert said(rule, resource(body={"labels": {"tier": "silver"}})) == [
        "labels: has no label team",
        'labels.tier: "silver" does not match g*',
    ]
    assert said(rule, resource("FlyteTrigger"))[0] == "run.labels: has no label team"
    (verdict,) = judge([rule], [resource(group="g")], TRAITS)
    assert verdict.violations[0].fix.startswith("add team to spec.options.labels of the Flyte")
    assert said(rule, resource(chosen=True)) == []
    assert said(rule, resource("FlyteTask")) == []


def test_a_policy_holds_in_its_projects_and_domains_alone() -> None:
    rule = Rule(name="r", required_labels={"team": "*"}, projects=("rank*",), domains=("prod*",))
    assert said(rule, resource())
    assert said(rule, resource(domain="development")) == []
    assert said(Rule(name="r", required_labels={"team": "*"}, projects=("x",)), resource()) == []
