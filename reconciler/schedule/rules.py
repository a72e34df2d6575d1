"""The rules that a schedule is checked by: one table, for the linter, messages and docs.

Each rule comes from what a scheduler of Flyte does with the schedule: what its parser refuses, what
stops or freezes it for the whole installation, and what fires at other times than its author will
think. `scheduler` holds what differs between Flyte 1 and Flyte 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is: an error stops the plan, a warning is said, an info is on request."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `id` is stable and may be named in waivers."""

    id: str
    severity: Level
    title: str


FIELD_COUNT = Rule("S001", Level.ERROR, "a cron expression has exactly five fields")
FIELD = Rule("S002", Level.ERROR, "every cron field must be readable and within its range")
WEEKDAY_SEVEN = Rule("S003", Level.ERROR, "weekdays run from 0 (Sunday) to 6; 7 is refused")
ALIAS = Rule("S004", Level.ERROR, "an alias is one of the eight that the scheduler knows")
EVERY_UNREADABLE = Rule("S005", Level.ERROR, "@every needs a Go duration")
NEVER_FIRES = Rule("S006", Level.ERROR, "a schedule must fire within five years")
ZONE_UNKNOWN = Rule("S007", Level.ERROR, "a time zone is a name of the IANA database")
ZONE_ALONE = Rule("S008", Level.ERROR, "a zone prefix is followed by a space and the expression")
ZONE_TWICE = Rule("S009", Level.ERROR, "a time zone is written once")
KICKOFF_ON_RATE = Rule("S010", Level.ERROR, "a fixed rate never passes the kickoff input")
OFFSET = Rule("S011", Level.ERROR, "offset is stored and never used")
CRON_EXPRESSION = Rule("S012", Level.ERROR, "cron_expression cannot be activated")
RATE = Rule("S013", Level.ERROR, "a fixed rate is a number of whole minutes that Flyte can hold")
EVERY_SECOND = Rule("S014", Level.ERROR, "@every of less than a second fires every second")
EVERY_TIMER = Rule("S015", Level.WARNING, "@every is a timer that starts anew with each version")
EVERY_SHORT = Rule("S016", Level.WARNING, "@every of less than a minute floods the installation")
EVERY_MINUTE = Rule("S017", Level.WARNING, "a schedule that fires every minute is often a mistake")
SKIPPED = Rule("S018", Level.WARNING, "a firing is skipped when clocks go forward")
REPEATED = Rule("S019", Level.WARNING, "a firing is repeated when clocks go back")
NO_ZONE = Rule("S020", Level.INFO, "without a time zone the scheduler's own zone decides")
IGNORED_TEXT = Rule("S021", Level.WARNING, "text after * or ? in a range is ignored")
EITHER_DAY = Rule("S022", Level.WARNING, "day of month and weekday together mean either of them")
UNEVEN_STEP = Rule("S023", Level.WARNING, "a step that does not divide its range is uneven")
RATE_FOLLOWS_CODE = Rule("S024", Level.WARNING, "a fixed rate starts anew with each new version")
START_FAR = Rule("S025", Level.WARNING, "a start far in the past slows the scheduler")
START_TOO_FAR = Rule("S026", Level.ERROR, "a start too far in the past holds the scheduler up")
CATCH_UP = Rule("S027", Level.INFO, "after an outage few missed firings are caught up")

RULES: tuple[Rule, ...] = (
    FIELD_COUNT,
    FIELD,
    WEEKDAY_SEVEN,
    ALIAS,
    EVERY_UNREADABLE,
    NEVER_FIRES,
    ZONE_UNKNOWN,
    ZONE_ALONE,
    ZONE_TWICE,
    KICKOFF_ON_RATE,
    OFFSET,
    CRON_EXPRESSION,
    RATE,
    EVERY_SECOND,
    EVERY_TIMER,
    EVERY_SHORT,
    EVERY_MINUTE,
    SKIPPED,
    REPEATED,
    NO_ZONE,
    IGNORED_TEXT,
    EITHER_DAY,
    UNEVEN_STEP,
    RATE_FOLLOWS_CODE,
    START_FAR,
    START_TOO_FAR,
    CATCH_UP,
)


class ScheduleError(ValueError):
    """A schedule that Flyte's scheduler would refuse, or that must not reach it.

    `message` says what is wrong, `fix` what to do; `str()` joins them as `message; fix`.
    """

    def __init__(self, rule: Rule, message: str, fix: str) -> None:
        self.rule = rule
        self.message = message
        self.fix = fix
        super().__init__(f"{message}; {fix}")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say about a schedule; `field` is the field of the schedule it is about."""

    rule: Rule
    field: str
    message: str
    fix: str

    @classmethod
    def of(cls, error: ScheduleError, field: str) -> Finding:
        """The finding that an error makes in a field."""
        return cls(error.rule, field, error.message, error.fix)

    @property
    def id(self) -> str:
        """The rule's id, such as `S001`."""
        return self.rule.id

    @property
    def severity(self) -> Level:
        """The rule's severity."""
        return self.rule.severity
