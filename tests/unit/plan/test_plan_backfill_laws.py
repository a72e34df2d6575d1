"""Whatever happens between and within passes, each missing tick runs once and no other does."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from backfill_world import World, daily, naming, run_of, scheduler_name
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.backfill import OnFailure, Order
from reconciler.model.run import Phase
from reconciler.plan.backfill.wish import Wish

wishes = st.builds(
    Wish,
    parallelism=st.integers(1, 4),
    order=st.sampled_from(Order),
    on_failure=st.sampled_from(OnFailure),
    retries=st.integers(0, 2),
)


def build(data: st.DataObject, wish: Wish) -> World:
    ticks = daily(data.draw(st.integers(1, 8)))
    world = World(ticks, wish, naming(with_scheduler=data.draw(st.booleans())))
    for tick in ticks:
        match data.draw(st.sampled_from(["missing", "done", "other version", "failed", "child"])):
            case "done":
                world.add(run_of(tick))
            case "other version":
                world.add(run_of(tick, version="v0"))
            case "failed":
                world.add(run_of(tick, Phase.FAILED))
            case _:
                pass
    world.first_seen()
    return world


def step(data: st.DataObject, world: World, *, with_failures: bool) -> None:
    """One thing happens: a pass that is killed, somebody else's run, an end, some time."""
    match data.draw(st.sampled_from(["pass", "pass", "scheduler", "end", "end", "time"])):
        case "pass":
            seen = world.look()
            if data.draw(st.booleans()):
                # The scheduler's catch-up comes between what was read and what is started.
                tick = data.draw(st.sampled_from(world.ticks))
                world.add(run_of(tick, Phase.RUNNING, created_at=world.now))
            killed_after = data.draw(st.integers(0, len(seen.launches)))
            for launch in seen.launches[:killed_after]:
                world.start(launch)
        case "scheduler":
            tick = data.draw(st.sampled_from(world.ticks))
            world.add(run_of(tick, Phase.RUNNING, created_at=world.now))
        case "end" if world.alive:
            phases = [Phase.SUCCEEDED, Phase.FAILED] if with_failures else [Phase.SUCCEEDED]
            name = data.draw(st.sampled_from(world.alive))
            world.end(name, data.draw(st.sampled_from(phases)))
        case _:
            world.now += timedelta(minutes=5)


@given(data=st.data(), wish=wishes)
def test_each_missing_tick_runs_once_and_no_other(data: st.DataObject, wish: Wish) -> None:
    world = build(data, wish)
    covered = {run.scheduled_at for run in world.runs.values() if run.phase is Phase.SUCCEEDED}
    with_scheduler = world.naming.scheduler is not None
    for _ in range(data.draw(st.integers(0, 25))):
        step(data, world, with_failures=False)
    while world.look().launches or world.alive:
        world.one_pass()
    ours = Counter(launch.scheduled_at for launch in world.started)
    assert not covered & set(ours)
    assert all(count == 1 for count in ours.values())
    assert world.look().is_done
    if with_scheduler:
        # Its own catch-up and the backfill do not run one tick twice, unless an earlier run of it
        # had failed: that name is taken.
        succeeded = Counter(
            run.scheduled_at
            for run in world.runs.values()
            if run.phase is Phase.SUCCEEDED and run.scheduled_at not in covered
        )
        assert all(count == 1 for count in succeeded.values())


@given(data=st.data(), wish=wishes)
def test_no_more_run_at_once_than_may(data: st.DataObject, wish: Wish) -> None:
    world = build(data, wish)
    for _ in range(data.draw(st.integers(0, 25))):
        before = len(world.alive)
        seen = world.look()
        assert before + len(seen.launches) <= max(before, wish.parallelism)
        assert len({launch.id for launch in seen.launches}) == len(seen.launches)
        assert all(launch.id.name not in world.runs for launch in seen.launches)
        step(data, world, with_failures=True)


@given(data=st.data(), wish=wishes)
def test_attempts_are_bounded(data: st.DataObject, wish: Wish) -> None:
    world = build(data, wish)
    for _ in range(data.draw(st.integers(0, 40))):
        step(data, world, with_failures=True)
    ours = Counter(launch.scheduled_at for launch in world.started)
    assert all(count <= wish.retries + 1 for count in ours.values())


@given(data=st.data(), wish=wishes)
def test_looking_twice_says_the_same(data: st.DataObject, wish: Wish) -> None:
    world = build(data, wish)
    for _ in range(data.draw(st.integers(0, 10))):
        step(data, world, with_failures=True)
    first = world.look()
    world.runs = dict(reversed(world.runs.items()))
    assert world.look() == first


@given(count=st.integers(1, 20), holes=st.sets(st.integers(0, 19)), parallelism=st.integers(1, 5))
def test_drive_ends_in_as_many_passes_as_it_must(
    count: int, holes: set[int], parallelism: int
) -> None:
    world = World(daily(count), Wish(parallelism=parallelism))
    missing = [tick for index, tick in enumerate(world.ticks) if index in holes]
    for tick in world.ticks:
        if tick not in missing:
            world.add(run_of(tick))
    passes = 0
    while world.look().launches:
        world.one_pass()
        passes += 1
    assert passes == -(-len(missing) // parallelism)
    assert [launch.id.name for launch in world.started] == [
        scheduler_name(tick) for tick in missing
    ]
    assert world.look().is_done
