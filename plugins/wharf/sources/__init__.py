"""Sources: looking at a supplier's side and fetching files from it.

A source answers two questions, what lies there now and what are its bytes; it keeps nothing and
judges nothing. Names are hostile until checked: nothing outside the connection's root is listed
or read. Landing, verdicts and lateness do not belong here.
"""

from wharf.sources.base import Fetched, Refused, Seen, Source
from wharf.sources.kinds import SOURCES, open_source

__all__ = ["SOURCES", "Fetched", "Refused", "Seen", "Source", "open_source"]
