"""Alerts: put a notice into words and hand it to a channel.

What to tell is decided in `timeliness`, the outbox belongs to `ledger`, and the tick joins them:
this room knows no ledger and no clock. Whatever suppliers named or wrote is made harmless here
before it stands in a header, a line or a page.
"""

from wharf.alerts.channels import (
    Abilities,
    Send,
    abilities,
    back_off,
    route,
    send,
    unknown_channel,
)
from wharf.alerts.heartbeat import send_heartbeat
from wharf.alerts.message import Message, render
from wharf.alerts.notice import (
    Attachment,
    Consumer,
    Link,
    Notice,
    test_notice,
)
from wharf.alerts.preview import preview
from wharf.alerts.sending import Sent

__all__ = [
    "Abilities",
    "Attachment",
    "Consumer",
    "Link",
    "Message",
    "Notice",
    "Send",
    "Sent",
    "abilities",
    "back_off",
    "preview",
    "render",
    "route",
    "send",
    "send_heartbeat",
    "test_notice",
    "unknown_channel",
]
