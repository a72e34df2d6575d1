from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_builders import change, mixed, plan, subject

from reconciler.model.origin import Origin, Problem
from reconciler.plan.plan import Block, Effect, FieldChange
from reconciler.report.markdown import LIMIT, markdown
from reconciler.report.quoting import code, units
from reconciler.report.subject import Firings, Subject

EVIL = (
    "`x` | **b** <img src=x onerror=1> </details> @octocat #1 !2 [a](https://evil.example) --> "
    "\n/close\n\u202egnp"
)


def test_one_change_is_read_without_a_click() -> None:
    text = markdown(subject(change("daily", notes=("ticks missed are not caught up",))))
    assert text == (
        "<!-- reconcile:plan:ranking-prod -->\n"
        "<!-- reconcile:state:changes Plan: 0 to add, 1 to change, 0 to remove. -->\n"
        "### Flyte plan of `ranking-prod`\n"
        "\n"
        "**Plan: 0 to add, 1 to change, 0 to remove.**\n"
        "\n"
        "On `Flyte1 v1.16.8` at `flyte.example.com:443`.\n"
        "\n"
        "<details open><summary>Changed (1)</summary>\n"
        "\n"
        "- `~` `FlyteLaunchPlan/ranking/production/daily` update — `specs/daily.yaml:2:1`\n"
        '  - `schedule.cron`: `"0 6 * * *"` → `"0 7 * * *"`\n'
        "  - `ticks missed are not caught up`\n"
        "\n"
        "</details>\n"
        "\n"
        "Plan id: `apwnwl3u2tbk2aaa`\n"
    )


def test_empty_plan_says_so_and_is_marked() -> None:
    text = markdown(Subject(target="t", plan=plan(unchanged=4)))
    assert "**No changes. 4 objects are as declared.**" in text
    assert "<!-- reconcile:state:empty " in text


@pytest.mark.parametrize("count", [1, 100, 5000, 20000])
def test_every_size_fits_and_every_change_is_shown_or_counted(count: int) -> None:
    text = markdown(subject(*mixed(count)))
    assert units(text) <= LIMIT
    listed = len(re.findall(r"^- `", text, re.MULTILINE))
    folded = sum(int(number.replace(",", "")) for number in re.findall(r"\*\*([\d,]+) more", text))
    assert listed + folded == count
    if count > 1:
        assert text.index("ranking/production/gone") < text.index("#### Held back")
        assert text.index("#### Held back") < text.index("<summary>Added")
    assert (folded > 0) == (count >= 5000)


def test_what_stops_something_is_whole_before_anything_quiet_is_shown() -> None:
    wide = (FieldChange("inputs", "x" * 90, "y" * 90),)
    loud = [change(f"gone-{index}", Effect.REMOVE, fields=wide) for index in range(100)]
    quiet = [change(f"new-{index}", Effect.CREATE, fields=wide) for index in range(2000)]
    text = markdown(subject(*quiet, *loud))
    assert text.count("ranking/production/gone-") == 100
    assert text.count("x" * 90) >= 100
    assert 0 < text.count("ranking/production/new-") < 2000


def test_where_not_even_what_stops_something_fits_nothing_quiet_is_shown() -> None:
    loud = [change(f"gone-{index}", Effect.REMOVE) for index in range(5000)]
    quiet = [change(f"new-{index}", Effect.CREATE) for index in range(10)]
    text = markdown(subject(*quiet, *loud))
    assert "ranking/production/new-" not in text
    assert "<summary>Added (10)</summary>" in text
    assert "**10 more** (10 `FlyteLaunchPlan in ranking/production`)" in text


def test_a_reason_that_many_share_is_written_once() -> None:
    why = "removes 40 of 50 active objects"
    held = [
        change(f"h{index}", Effect.REMOVE, block=Block.GUARD, block_detail=why)
        for index in range(40)
    ]
    text = markdown(subject(*held))
    assert text.count(why) == 1
    assert "- 40 for this reason: `removes 40 of 50 active objects`" in text
    assert text.count("- `!` ") == 40


def test_a_note_that_many_share_is_written_once() -> None:
    many = [change(f"h{index}", notes=("no catch-up", f"own {index}")) for index in range(40)]
    text = markdown(subject(*many, change("x", notes=("of two",)), change("y", notes=("of two",))))
    assert text.count("no catch-up") == 1
    assert "- 40 changes: `no catch-up`\n" in text
    assert text.count("  - `own ") == 40
    assert text.count("  - `of two`\n") == 2


def test_what_stops_shows_when_it_would_have_fired() -> None:
    fires = Firings(("Fri 2026-05-01 06:00 UTC",), ())
    for effect in (Effect.DEACTIVATE, Effect.REMOVE):
        text = markdown(subject(change("daily", effect), firings=lambda _: fires))
        assert "  - fires until now: `Fri 2026-05-01 06:00 UTC`\n" in text


def test_schedules_show_when_they_fire_before_and_after() -> None:
    fires = Firings(("Fri 2026-05-01 06:00 UTC",), ("Fri 2026-05-01 07:00 UTC",))
    text = markdown(subject(change("daily"), firings=lambda _: fires))
    assert "  - fires until now: `Fri 2026-05-01 06:00 UTC`\n" in text
    assert "  - fires then: `Fri 2026-05-01 07:00 UTC`\n" in text


def outside_of_code(text: str) -> str:
    """Leave out comments and code spans, as CommonMark finds them."""
    text = re.sub(r"<!-- .*? -->", "", text)
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)


def evil_subject(evil: str) -> Subject:
    made = change(
        "x",
        origin=Origin(evil, 1, 1),
        fields=(FieldChange(evil, evil, {evil: [evil]}),),
        notes=(evil,),
    )
    held = change("y", Effect.REMOVE, block=Block.GUARD, block_detail=evil)
    return Subject(
        target=evil,
        plan=plan(made, held, warnings=(evil,), set_name=evil),
        firings=lambda _: Firings((evil,)),
    )


def test_nothing_that_a_user_writes_acts() -> None:
    text = markdown(evil_subject(EVIL))
    bare = outside_of_code(text)
    for word in ("octocat", "evil.example", "onerror", "**b**", "#1", "!2", "\u202e", "/close"):
        assert word not in bare, word
    assert "\u202e" not in text
    assert not re.search(r"^\s*/close", text, re.MULTILINE)
    assert bare.count("-->") == 0
    assert bare.count("<details") == bare.count("</details>")


@given(st.text(min_size=1, max_size=60))
@settings(max_examples=100)
def test_a_code_span_holds_any_text_on_one_line(text: str) -> None:
    span = code(text)
    assert "\n" not in span
    assert outside_of_code(f"a {span} b") == "a  b"


@given(st.text(max_size=40), st.integers(1, 200))
@settings(max_examples=20)
def test_no_text_makes_a_report_longer_than_allowed(evil: str, times: int) -> None:
    assert units(markdown(evil_subject(evil * times or "x"))) <= LIMIT


def test_problems_take_the_place_of_a_plan() -> None:
    wrong = Problem(Origin("a.yaml", 3, 5), "is no cron", "spec.schedule.cron", "write five fields")
    text = markdown(Subject(target="t", problems=(wrong,)))
    assert "**No plan: 1 problem in the documents.**" in text
    assert "- `a.yaml:3:5: spec.schedule.cron: is no cron; write five fields`" in text
    assert "<!-- reconcile:state:failure " in text


def test_a_check_says_what_it_is() -> None:
    text = markdown(Subject(target="t", is_check=True))
    assert text.startswith("<!-- reconcile:check:t -->\n<!-- reconcile:state:empty ")
    assert "**No problems in the documents.**" in text


def test_failure_is_told() -> None:
    text = markdown(Subject(target="t", failure="flyte.example.com:443: nobody answers"))
    assert "**No plan could be made.**" in text
    assert "- `flyte.example.com:443: nobody answers`" in text
