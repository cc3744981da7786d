"""Quality: running a feed's or product's expectation suite on a staged batch.

The only room that knows Great Expectations. Suites are its native JSON, edited by hand; which
severity blocks is decided here, and so is what a reader of the results may see. Counting rows,
checking structure and moving batches do not belong here.
"""

from wharf.quality.audit import Audit, audit
from wharf.quality.checks import Check, Example
from wharf.quality.starter import starter_suite
from wharf.quality.suites import Suite, check_suite, read_suite, suite_path

__all__ = [
    "Audit",
    "Check",
    "Example",
    "Suite",
    "audit",
    "check_suite",
    "read_suite",
    "starter_suite",
    "suite_path",
]
