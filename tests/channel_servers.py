"""Servers that take messages as the real services do: documented limits, and incidents that live.

Each refuses what its service refuses, so that a test sees a wrong message as the service would.
"""

from __future__ import annotations

from channel_desk import Ailing, WebDesk
from chat_desks import SlackDesk, SlackWebhookDesk, TeamsDesk
from message_desks import ARN, MailDesk, SnsDesk, WebhookDesk
from paging_desks import AlertmanagerDesk, JsmDesk, PagerDutyDesk

Desk = WebDesk | MailDesk
DESKS: dict[str, type[WebDesk] | type[MailDesk]] = {
    "slack": SlackDesk,
    "slack webhook": SlackWebhookDesk,
    "pagerduty": PagerDutyDesk,
    "jsm": JsmDesk,
    "sns": SnsDesk,
    "teams": TeamsDesk,
    "webhook": WebhookDesk,
    "alertmanager": AlertmanagerDesk,
    "smtp": MailDesk,
}

__all__ = [
    "ARN",
    "DESKS",
    "Ailing",
    "AlertmanagerDesk",
    "Desk",
    "JsmDesk",
    "MailDesk",
    "PagerDutyDesk",
    "SlackDesk",
    "SnsDesk",
    "WebhookDesk",
]
