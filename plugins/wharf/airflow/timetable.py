"""Periods as Airflow schedules them: the partition key is the period key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.exceptions import InvalidPartitionKeyError
from airflow.timetables.trigger import CronPartitionTimetable

from wharf.contracts import Period
from wharf.errors import PeriodError

if TYPE_CHECKING:
    import datetime

    from pendulum import DateTime
    from pendulum.tz.timezone import FixedTimezone, Timezone

CRON = {
    "hour": "0 * * * *",
    "day": "0 0 * * *",
    "week": "0 0 * * 1",
    "month": "0 0 1 * *",
    "quarter": "0 0 1 1,4,7,10 *",
    "year": "0 0 1 1 *",
}


class PeriodTimetable(CronPartitionTimetable):
    """Creates one run for each period, at local midnight of its first day.

    The same key gives the same partition date in every way of starting: schedule, hand, backfill.

    Args:
        kind: A period kind; `business_day` runs each day, closed days end skipped.
        timezone: Zone of the promise; hours are always UTC, as their keys are.
    """

    def __init__(self, kind: str, *, timezone: str | Timezone | FixedTimezone) -> None:
        self.kind = "day" if kind == "business_day" else kind
        zone = "UTC" if self.kind == "hour" else timezone
        super().__init__(CRON[self.kind], timezone=zone)
        self.description = f"one run for each {self.kind}"

    def serialize(self) -> dict[str, Any]:
        """What the DAG's stored form keeps."""
        return {"kind": self.kind, "timezone": super().serialize()["timezone"]}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> PeriodTimetable:
        """The timetable that `serialize` was called on."""
        from airflow._shared.timezones.timezone import parse_timezone

        return cls(data["kind"], timezone=parse_timezone(data["timezone"]))

    @property
    def summary(self) -> str:
        """How the DAG list shows the schedule."""
        return f"each {self.kind}, {self._timezone}"

    def _format_key(self, partition_date: DateTime) -> str:
        local = partition_date.in_timezone(self._timezone)
        if self.kind == "hour":
            return f"{local:%Y-%m-%dT%H00Z}"
        return Period.containing(self.kind, local.date()).key

    def _decode_partition_date(self, partition_key: str) -> datetime.datetime:
        try:
            start = Period.parse(self.kind, partition_key).start
        except PeriodError as error:
            raise InvalidPartitionKeyError(str(error)) from error
        return self.localize_partition_datetime(start)
