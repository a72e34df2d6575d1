"""Print the questions of `tests/corpus/cron.jsonl`, one JSON object a line, without answers.

The same on every run. Answers come from the Go program beside this file, with the zone files of
the `tzdata` package, from this directory:

    python questions.py | ZONEINFO=<tzdata package>/zoneinfo go run . > ../../corpus/cron.jsonl
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from reconciler.schedule import zone as zones

ZONES = tuple(
    """
    UTC Etc/GMT+12 Pacific/Kiritimati Asia/Kolkata Asia/Kathmandu Europe/Berlin Europe/London
    Europe/Dublin Europe/Moscow Atlantic/Azores America/Scoresbysund America/New_York
    America/Los_Angeles America/St_Johns America/Phoenix America/Sao_Paulo America/Asuncion
    America/Havana America/Santiago America/Caracas Asia/Beirut Asia/Amman Asia/Gaza Asia/Tehran
    Asia/Pyongyang Africa/Cairo Africa/Casablanca Australia/Sydney Australia/Lord_Howe
    Australia/Adelaide Pacific/Chatham Pacific/Auckland Antarctica/Troll Asia/Ulaanbaatar
    """.split()  # noqa: SIM905 - a list of 34 literals is longer and reads worse
)
# Long ago, with offsets that are not whole minutes.
OLD_ZONES = ("Africa/Monrovia", "Europe/Amsterdam", "Asia/Kolkata")

ACCEPTED = """
* * * * *|? ? ? ? ?|0 0 * * *|0 6 * * 1-5|*/15 * * * *|*/7 3 * * *|5/20 * * * *|0 0 29 2 *
0 0 29 2 1|0 0 31 * *|0 0 30 2 *|0 0 31 2 *|0 0 31 4,6,9,11 *|0 0 31 2 1|0 0 13 * 5|0 0 13 * FRI
0 0 */2 * 1|0 0 */1 * 1|0 0 * * */2|0 0 1,15 * */3|0 0 */5,* * 3|0 0 ? * MON-FRI|0 12 1 JAN ?
0 0 1 jan-mar,DEC sun|0 0 1 Jan,feb Tue|0 0 1 */3 *|0 0 1 1/4 *|0 0 * * 1/2|0 0 * * MON/2
0 0 * * 0|0 0 * * 6|0 23 31 12 *|59 23 31 12 *|0,30 8-18/2 * * 1-5|0-59/1 0-23/1 1-31/1 * *
*/90 * * * *|*/59 * * * *|0 */24 * * *|0 */23 * * *|0 0 */31 * *|0 0 */100 * *|1-1 2-2 3-3 4-4 5-5
*-5 * * * *|*-x * * * *|?-1-2-3 * * * *|*-5/20 * * * *|+5 +3 * * *|05 003 * * *|*/+7 * * * *
, * * * *|0 , * * *|0 0 , * *|0 0 , * MON|0 0 * , *|0 0 * * ,|0 0 1 * ,|0,,30 * * * *|,0, * * * *
0 0 1 * MON,|0  0\t*  *   *| 0 0 * * *|0 0 * * * |@yearly|@annually|@monthly|@weekly|@daily
@midnight|@hourly|@every 1h|@every 1h30m|@every 90s|@every 1s|@every 1.5s|@every 0.5s|@every 0
@every -5m|@every +5m|@every 100ms|@every 1h1h|@every 1.1m|@every .5h|@every 1.h|@every 0.29h
@every 1m1.9s|@every 86400s|@every 720h|@every 1us2ns3h|@every 3\N{MICRO SIGN}s
@every 3\N{GREEK SMALL LETTER MU}s|@every 0.999999999999999999999999h|@every 2562047h
TZ=UTC 0 0 * * *|CRON_TZ=Europe/Berlin 30 2 * * *|TZ=Europe/Berlin  0 6 * * *|TZ= 0 6 * * *
TZ=Local 0 6 * * *|CRON_TZ=Asia/Kolkata @daily|CRON_TZ=Asia/Tokyo @every 5m|TZ=UTC  @hourly\x20
CRON_TZ=America/New_York 0 9 * * MON-FRI|CRON_TZ=US/Pacific 0 9 * * *|CRON_TZ=EST5EDT 0 2 * * *
0\N{NO-BREAK SPACE}0 * * *|0\N{EM SPACE}6 * * *|0\x0b0 * * *|0\x850 * * *
"""

REFUSED = """
|*|* *|* * *|* * * *|* * * * * *|0 0 0 * * *|0 12 * * ? *|0 12 ? * MON-FRI 2026|0 0 1 1 * 2026 *
60 * * * *|0 24 * * *|0 0 0 * *|0 0 32 * *|0 0 * 0 *|0 0 * 13 *|0 0 * * 7|0 0 * * 1-7|0 0 * * 5-7
0 0 * * SUN-7|0 0 * * 7/2|0 0 * * 8|-1 * * * *|5- * * * *|1-2-3 * * * *|1-5-7 * * * *|5-1 * * * *
0 22-2 * * *|0 0 * * FRI-MON|0 0 * NOV-FEB *|*/0 * * * *|*/ * * * *|*/-2 * * * *|*/2/3 * * * *
*/x * * * *|/5 * * * *|a * * * *|MON * * * *|0 0 MON * *|0 0 * MON *|0 0 * * JAN|0 0 * * MONDAY
0 0 * JANUARY *|0 0 L * *|0 0 L-3 * *|0 0 15W * *|0 0 LW * *|0 0 * * 5L|0 0 * * FRIL|0 0 * * 5#2
0 0 * * FRI#2|H * * * *|** * * * *|*5 * * * *|1.5 * * * *|1_0 * * * *|0x5 * * * *|1;2 * * * *
99999999999999999999 * * * *|*/99999999999999999999 * * * *|0 99999999999999999999-3 * * *
@reboot|@Daily|@DAILY|@daily |@ daily|@|@every|@every |@every 5|@every 5 m|@every  5m|@every 5m\x20
@every 1d|@every 1w|@every m|@every .h|@every 1h30|@every x|@every 1,5h|@every 9999999h|@every --5m
@every 9223372036854775808ns|@every -9223372036854775809ns|@every 1h-5m|@hourly * * * *|@hourly 5
@secondly|@every5m|@weekdays| @daily|hourly|daily|weekly|monthly|annually|yearly|hours|days|weeks
months|years|cron(0 12 * * ? *)|rate(1 day)|TZ=|TZ=UTC|CRON_TZ=Europe/Berlin
CRON_TZ=Europe/Berlin\t0|TZ=Nowhere/City 0 0 * * *|TZ=europe/berlinx 0 0 * * *|TZ=../etc 0 0 * * *
TZ=/etc 0 0 * * *|TZ=Europe/Berlin|TZ=UTC |TZ=UTC   |TZ=UTC 0 0 * *
TZ=UTC TZ=UTC 0 0 * * *|tz=UTC 0 0 * * *| TZ=UTC 0 0 * * *|0 0 * * * TZ=UTC|TZ=UTC @reboot
TZ=UTC @every x|CRON_TZ=UTC 0 0 * * 7
TZ=Europe/Berlin\t0 0 * * *|CRON_TZ =UTC 0 0 * * *|CRON-TZ=UTC 0 0 * * *|TZ=UTC+1 0 0 * * *
0\x1c0 * * *|\N{ARABIC-INDIC DIGIT FIVE} * * * *|0 0 * * * # nightly
"""

FIXED_HOURS = ("0 0 * * *", "30 0 * * *", "30 1 * * *", "0 2 * * *", "30 2 * * *", "15 3 * * *")
NEAR_SHIFTS = (*FIXED_HOURS, "*/20 * * * *", "0 * * * *", "0 */2 * * *", "10,50 1-3 * * *")
DAY_SHIFTS = ("0 0 * * 0", "0 12 * * 0", "0 12 * * SAT", "0 1 1-7 * *", "0 5 9 * *", "@daily")


def question(expression: str, after: str, zone: str = "UTC", count: int = 4) -> dict[str, object]:
    return {"expression": expression, "after": after, "zone": zone, "count": count}


def written(block: str) -> list[str]:
    return block.strip("\n").replace("\n", "|").split("|")


def by_hand() -> Iterator[dict[str, object]]:
    for expression in written(REFUSED):
        yield question(expression, "2026-01-01T00:00:00Z", count=1)
    for expression in written(ACCEPTED):
        yield question(expression, "2026-01-01T00:00:00Z")
        yield question(expression, "2027-12-31T23:59:59.5Z", "Europe/Berlin")
    for after in ("1896-01-01T00:00:00Z", "1996-03-01T00:00:00Z", "2024-02-29T00:00:00Z"):
        yield question("0 0 29 2 *", after)
        yield question("0 0 29 2 0", after)


def field(random: Random, low: int, high: int, names: tuple[str, ...] = ()) -> str:
    def value(least: int = low) -> str:
        number = random.randint(least, high)
        return names[number - low] if names and random.random() < 0.3 else str(number)

    match random.randrange(9):
        case 0 | 1 | 2:
            return "*"
        case 3 | 4:
            return value()
        case 5:
            return f"*/{random.randint(1, high)}"
        case 6:
            start = random.randint(low, high)
            return f"{start}-{value(start)}" + random.choice(("", f"/{random.randint(1, 9)}"))
        case 7:
            return ",".join(value() for _ in range(random.randint(2, 4)))
        case _:
            return f"{value()}/{random.randint(1, 12)}"


def expression(random: Random) -> str:
    months = ("JAN", "feb", "Mar", "APR", "may", "Jun", "JUL", "aug", "Sep", "OCT", "nov", "Dec")
    days = ("SUN", "mon", "Tue", "WED", "thu", "Fri", "SAT")
    parts = (
        field(random, 0, 59),
        field(random, 0, 23),
        field(random, 1, 31),
        field(random, 1, 12, months),
        field(random, 0, 6, days),
    )
    return " ".join(parts)


def moment(random: Random, first_year: int = 2010, last_year: int = 2026) -> datetime:
    start = datetime(first_year, 1, 1, tzinfo=UTC)
    span = datetime(last_year, 6, 1, tzinfo=UTC) - start
    return start + timedelta(seconds=random.randrange(int(span.total_seconds())))


def broken(random: Random) -> str:
    text = list(expression(random))
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(text))
        text[place : place + random.randint(0, 1)] = random.choice("0179*/-,?LW# xA@")
    return "".join(text)


def at_random(random: Random) -> Iterator[dict[str, object]]:
    for _ in range(420):
        zone = random.choice(ZONES)
        prefix = random.choice(("", f"CRON_TZ={random.choice(ZONES)} "))
        after = moment(random) + timedelta(milliseconds=random.choice((0, 0, 1, 999)))
        yield question(prefix + expression(random), after.isoformat(), zone)
    for _ in range(220):
        yield question(broken(random), moment(random).isoformat(), random.choice(ZONES), 2)
    for _ in range(40):
        after = moment(random, 1935, 1971)
        yield question(expression(random), after.isoformat(), random.choice(OLD_ZONES))


def near_shifts(random: Random) -> Iterator[dict[str, object]]:
    for zone in ZONES:
        year = random.choice((2016, 2018, 2021, 2023, 2024, 2025))
        for shift in zones.shifts(zones.load(zone), datetime(year, 1, 1, tzinfo=UTC), 365):
            for expression in (*NEAR_SHIFTS, *DAY_SHIFTS):
                back = timedelta(seconds=random.randrange(5 * 3600))
                if expression in DAY_SHIFTS:
                    back += timedelta(days=random.randrange(5))
                after = (shift.at - back).isoformat()
                if random.random() < 0.5:
                    yield question(expression, after, zone, 6)
                else:
                    yield question(f"CRON_TZ={zone} {expression}", after, "UTC", 6)


def many(seed: int, count: int) -> Iterator[dict[str, object]]:
    """Any number of questions that nobody answered before, the same for the same seed.

    A third ask about the days around a change of clocks, where the zones differ most.
    """
    random = Random(seed)
    shifts: dict[tuple[str, int], tuple[zones.Shift, ...]] = {}
    for _ in range(count):
        zone = random.choice(ZONES)
        prefix = random.choice(("", "", f"CRON_TZ={zone} "))
        after = moment(random, 1990, 2036)
        text = expression(random)
        if random.random() < 0.35:
            year = random.randint(2012, 2027)
            if (zone, year) not in shifts:
                start = datetime(year, 1, 1, tzinfo=UTC)
                shifts[zone, year] = zones.shifts(zones.load(zone), start, 365)
            for shift in shifts[zone, year][:4]:
                after = shift.at - timedelta(seconds=random.randrange(-3600, 4 * 86400))
            text = random.choice((text, *NEAR_SHIFTS, *DAY_SHIFTS))
        elif random.random() < 0.1:
            text = broken(random)
        asked = after + timedelta(milliseconds=random.choice((0, 0, 1, 999)))
        zone = "UTC" if prefix and random.random() < 0.5 else zone
        yield question(prefix + text, asked.isoformat(), zone, random.randint(1, 8))


def main() -> None:
    random = Random(20261121)
    for source in (by_hand(), at_random(random), near_shifts(random)):
        for line in source:
            print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
