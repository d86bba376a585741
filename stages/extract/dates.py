"""Dates as pages write them, to ISO 8601.

Read are ISO 8601 and its neighbours (a blank for the T, slashes, no hyphens), RFC 2822, and English
month names. A date that could be two days (04/05/2019) is refused, as is an impossible one, one
before 1900, and the zero of a computer's clock, which templates print for "no date". Nothing asks
what day it is: the same page gives the same date for ever.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_MONTH = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_CLOCK = (
    r"(?:[T ,]{1,3}(?:at )?(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d{1,9})?)?"
    r" ?(?P<half>[ap]\.?m\.?)?"
    r" ?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d|[+-]\d\d(?!\d))?)?"
)
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,? )?"
_FORMS = tuple(
    re.compile(form + r"(?![\w:])", re.IGNORECASE)
    for form in (
        r"(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)" + _CLOCK,
        r"(?P<year>\d{4})(?P<mark>[/.])(?P<month>\d\d?)(?P=mark)(?P<day>\d\d?)" + _CLOCK,
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?!\d)" + _CLOCK,
        _WEEKDAY
        + r"(?P<day>\d\d?)(?:st|nd|rd|th)?[ \-]"
        + _MONTH
        + r",?[ \-](?P<year>\d{4})"
        + _CLOCK,
        _WEEKDAY + _MONTH + r" (?P<day>\d\d?)(?:st|nd|rd|th)?,? (?P<year>\d{4})" + _CLOCK,
        r"(?P<first>\d\d?)(?P<mark>[/.\-])(?P<second_number>\d\d?)(?P=mark)(?P<year>\d{4})"
        + _CLOCK,
        # `date` of Unix, Java's Date.toString()
        _WEEKDAY
        + _MONTH
        + r" (?P<day>\d\d?) (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
        + r" (?P<half>)(?P<zone>UTC|GMT|Z) (?P<year>\d{4})",
    )
)
_NEVER = frozenset((date(1970, 1, 1), date(1969, 12, 31), date(1900, 1, 1)))
FIRST_YEAR, LAST_YEAR = 1900, 2100


def parse_date(value: str) -> str | None:
    """`YYYY-MM-DD`, or `YYYY-MM-DDTHH:MM:SS` with the offset where one is given; None for anything
    that is not one day.

    Text after the date is ignored; text before it is not.
    """
    value = " ".join(value[:80].split())
    for form in _FORMS:
        found = form.match(value)
        if found is not None:
            return _written(found.groupdict())
    return None


def moment(iso: str) -> datetime | None:
    """A date of ISO 8601 as a moment (UTC where it names no zone), None where it is none."""
    try:
        parsed = datetime.fromisoformat(iso)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _written(parts: dict[str, str | None]) -> str | None:
    day = _day(parts)
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR or day in _NEVER:
        return None
    if parts["hour"] is None:
        return day.isoformat()
    hour, half = int(parts["hour"]), (parts["half"] or "").lower()
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    try:
        zone = _zone(parts["zone"])
        made = datetime(
            day.year,
            day.month,
            day.day,
            hour,
            int(parts["minute"] or 0),
            min(int(parts["second"] or 0), 59),
            tzinfo=zone,
        )
    except ValueError:
        return None
    written = made.isoformat()
    return written.replace("+00:00", "Z") if zone is UTC else written


def _day(parts: dict[str, str | None]) -> date | None:
    if parts.get("name"):
        month, day = _MONTHS[str(parts["name"])[:3].lower()], int(parts["day"] or 0)
    elif parts.get("first"):
        one, other = int(parts["first"] or 0), int(parts["second_number"] or 0)
        if parts["mark"] != "." and one != other and max(one, other) <= 12:
            return None
        # Dots are written where the day goes first.
        day, month = (one, other) if one > 12 or parts["mark"] == "." else (other, one)
    else:
        month, day = int(parts["month"] or 0), int(parts["day"] or 0)
    try:
        return date(int(parts["year"] or 0), month, day)
    except ValueError:
        return None


def _zone(name: str | None) -> timezone | None:
    """The offset; a zone without a number is UTC. Raises ValueError for 24 hours and more."""
    if name is None:
        return None
    if not name.startswith(("+", "-")):
        return UTC
    digits = name[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if name.startswith("-") else offset) if offset else UTC
