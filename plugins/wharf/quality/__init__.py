"""Quality: running a feed's or product's expectation suite on a staged batch.

The only room that knows Great Expectations. Suites are its native JSON, edited by hand; which
severity blocks is decided here, and so is what a reader of the results may see. Counting rows,
checking structure and moving batches do not belong here.
"""

from wharf.quality.audit import Audit, Noted, Watched, audit
from wharf.quality.checks import Check, Example
from wharf.quality.failing import read_failing, write_csv
from wharf.quality.profiles import ColumnProfile, Profile
from wharf.quality.results import result_paths
from wharf.quality.starter import starter_suite
from wharf.quality.suites import Suite, check_custom, check_suite, read_suite, suite_path
from wharf.quality.trend import Outcomes, Point, failing_since
from wharf.quality.usual import Odd, Past, odd_things

__all__ = [
    "Audit",
    "Check",
    "ColumnProfile",
    "Example",
    "Noted",
    "Odd",
    "Outcomes",
    "Past",
    "Point",
    "Profile",
    "Suite",
    "Watched",
    "audit",
    "check_custom",
    "check_suite",
    "failing_since",
    "odd_things",
    "read_failing",
    "read_suite",
    "result_paths",
    "starter_suite",
    "suite_path",
    "write_csv",
]
