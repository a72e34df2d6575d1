from __future__ import annotations

from report_builders import change, mixed, subject

from reconciler.model.origin import Origin, Problem
from reconciler.plan.plan import Block, Effect
from reconciler.report.github import MOST, github
from reconciler.report.subject import Subject


def test_a_change_is_told_at_its_line() -> None:
    (line,) = github(subject(change("daily")))
    assert line == (
        "::notice file=specs/daily.yaml,line=2,col=1,title=The content of an object changes"
        "::FlyteLaunchPlan/ranking/production/daily: update%0A"
        'schedule.cron: "0 6 * * *" -> "0 7 * * *"'
    )


def test_whatever_is_written_stays_in_its_place() -> None:
    wrong = Problem(Origin("a,b:c%.yaml", 1, 1), "50% of\r\n::error::x, y: z")
    (line,) = github(Subject(target="t", problems=(wrong,)))
    assert line == (
        "::error file=a%2Cb%3Ac%25.yaml,line=1,col=1,title=A document has an error"
        "::50%25 of%0A::error::x, y: z"
    )


def test_places_are_from_the_root_of_the_repository() -> None:
    (line,) = github(subject(change("daily"), folder="deploy/prod"))
    assert "file=deploy/prod/specs/daily.yaml," in line


def test_worst_first_and_no_more_than_are_shown_with_the_rest_counted() -> None:
    held = [change(f"h{n}", block=Block.CONFLICT, block_detail="x") for n in range(25)]
    lines = list(github(subject(*mixed(100), *held)))
    words = [line.split(" ")[0] for line in lines]
    assert words == ["::error"] * MOST + ["::warning"] * 2 + ["::notice"] * MOST
    assert lines[MOST - 1] == (
        "::error title=reconcile ranking-prod::17 more of this level are in the plan; "
        "`reconcile plan` shows all"
    )


def test_what_nothing_runs_yet_is_told_last() -> None:
    members = [change(f"m{n}", Effect.REGISTER) for n in range(40)]
    lines = list(github(subject(*members, change("new", Effect.CREATE), change("daily"))))
    assert "daily: update" in lines[0]
    assert "new: create" in lines[1]
    assert "33 more of this level" in lines[-1]


def test_exactly_as_many_as_are_shown_are_all_shown() -> None:
    lines = list(github(subject(*(change(f"h{n}", Effect.REMOVE) for n in range(MOST)))))
    assert len(lines) == MOST
    assert all("file=" in line for line in lines)
