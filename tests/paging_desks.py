"""Services where incidents live: PagerDuty, JSM Operations and Alertmanager."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import unquote

from channel_desk import HOST, Reply, WebDesk, check, utf16

from wharf.settings import Connection


@dataclass
class Paged:
    """One incident at a paging service."""

    key: str
    severity: str
    is_open: bool = True
    acknowledged: bool = False
    log: list[str] = field(default_factory=list)


class PagerDutyDesk(WebDesk):
    """PagerDuty's Events API v2: a trigger after a resolve opens a new incident."""

    kind = "pagerduty"
    secret = "0123456789abcdef0123456789abcdef"

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[str] = {self.secret}
        self.incidents: list[tuple[str, Paged]] = []

    def open_at(self, routing_key: str, key: str) -> Paged | None:
        found = (one for at, one in self.incidents if (at, one.key) == (routing_key, key))
        return next((each for each in found if each.is_open), None)

    def take(self, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        check(path == "/v2/enqueue", "not found")
        check(len(body) <= 512 * 1024, "Event object is too large")
        event = json.loads(body)
        routing_key, key = event["routing_key"], event["dedup_key"]
        check(len(routing_key) == 32 and routing_key in self.keys, "routing_key is incorrect")
        check(0 < len(key) <= 255, "dedup_key is too long")
        action = event["event_action"]
        check(action in {"trigger", "acknowledge", "resolve"}, "event_action is invalid")
        stands = self.open_at(routing_key, key)
        if action == "trigger":
            self._trigger(routing_key, key, event, stands)
        elif stands is not None:
            stands.is_open = action != "resolve"
            stands.acknowledged = True
            stands.log.append(action)
        told = {"status": "success", "message": "Event processed", "dedup_key": key}
        return 202, {}, json.dumps(told).encode()

    def _trigger(
        self, routing_key: str, key: str, event: dict[str, Any], stands: Paged | None
    ) -> None:
        payload = event["payload"]
        check(0 < utf16(payload["summary"]) <= 1024, "summary is too long")
        check(payload["severity"] in {"info", "warning", "error", "critical"}, "severity")
        check(bool(payload["source"]), "source is missing")
        datetime.fromisoformat(payload["timestamp"])
        for link in event.get("links", []):
            check(link["href"].startswith("http"), "links: href")
        self.texts.append(_ordered(payload["summary"], payload["custom_details"]))
        if stands is None:
            stands = Paged(key, payload["severity"])
            self.incidents.append((routing_key, stands))
        stands.severity = payload["severity"]
        stands.log.append(f"trigger {payload['severity']}")


class JsmDesk(WebDesk):
    """The integration interface of JSM Operations: alerts by alias, all answers 202."""

    kind = "jsm"
    options: ClassVar[dict[str, Any]] = {"responders": ("data desk",)}

    def __init__(self) -> None:
        super().__init__()
        self.alerts: list[Paged] = []

    @property
    def connection(self) -> Connection:
        host = f"http://{HOST}:{self.port}/jsm/ops/integration"
        return Connection("desk", "http", host=host, password=self.secret, extra={"timeout": "5"})

    @property
    def open_alerts(self) -> list[Paged]:
        return [each for each in self.alerts if each.is_open]

    def take(self, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        check(headers.get("authorization") == f"GenieKey {self.secret}", "Could not authenticate")
        content = json.loads(body)
        parts = path.removeprefix("/jsm/ops/integration/v2/alerts").strip("/").split("/")
        check(path.startswith("/jsm/ops/integration/v2/alerts"), "not found")
        if parts == [""]:
            self._create(content)
        else:
            check(query == "identifierType=alias" and len(parts) == 2, "identifierType")
            self._act(unquote(parts[0]), parts[1], content)
        told = {"result": "Request will be processed", "requestId": f"r{self.calls}"}
        return 202, {}, json.dumps(told).encode()

    def _create(self, content: dict[str, Any]) -> None:
        check(0 < utf16(content["message"]) <= 130, "message is longer than 130")
        check(len(content["alias"]) <= 512, "alias is longer than 512")
        check(utf16(content["description"]) <= 15_000, "description is longer than 15000")
        check(content["priority"] in {f"P{n}" for n in range(1, 6)}, "priority")
        check(len(content["tags"]) <= 20, "too many tags")
        check(all(0 < utf16(tag) <= 50 for tag in content["tags"]), "tag is longer than 50")
        check(len(content["source"]) <= 100 and utf16(content["entity"]) <= 512, "source, entity")
        check(all(isinstance(value, str) for value in content["details"].values()), "details")
        check(sum(map(len, content["details"].values())) <= 8_000, "details are too long")
        check(len(content.get("responders", [])) <= 50, "too many responders")
        check("<" not in content["description"], "would be HTML")
        self.texts.append(f"{content['message']}\n{content['description']}")
        for each in self.open_alerts:
            if each.key == content["alias"]:
                each.log.append("counted")
                return
        self.alerts.append(Paged(content["alias"], content["priority"], log=["created"]))

    def _act(self, alias: str, verb: str, content: dict[str, Any]) -> None:
        check(verb in {"close", "acknowledge", "notes"}, "unknown action")
        check(0 < utf16(content["note"]) <= 25_000, "note is too long")
        check(len(content["user"]) <= 100 and len(content["source"]) <= 100, "user, source")
        for each in self.open_alerts:
            if each.key == alias:
                each.is_open = verb != "close"
                each.acknowledged = each.acknowledged or verb == "acknowledge"
                each.log.append(verb)


class AlertmanagerDesk(WebDesk):
    """Alertmanager's API v2: alerts are known by their labels and end at `endsAt`."""

    kind = "webhook"
    options: ClassVar[dict[str, Any]] = {"shape": "alertmanager"}
    secret = ""

    def __init__(self) -> None:
        super().__init__()
        self.alerts: dict[str, dict[str, Any]] = {}

    def firing(self, now: datetime) -> list[dict[str, Any]]:
        found = [each for each in self.alerts.values() if _instant(each["endsAt"]) > now]
        return [each for each in found if _instant(each["startsAt"]) <= now]

    def take(self, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        check(path == "/api/v2/alerts", "not found")
        check(headers["content-type"] == "application/json", "unsupported media type")
        for alert in json.loads(body):
            labels = alert["labels"]
            check(bool(labels.get("alertname")), "at least one label pair required")
            check(all(isinstance(v, str) and v for v in labels.values()), "empty label")
            check(
                _instant(alert["startsAt"]) <= _instant(alert["endsAt"]),
                "start time must be before end time",
            )
            link = alert.get("generatorURL", "http://none")
            check(bool(re.match(r"https?://\S+$", link)), "generatorURL")
            self.alerts[json.dumps(labels, sort_keys=True)] = alert
            self.texts.append(alert["annotations"]["description"])
        return 200, {}, b""


def _ordered(first: str, details: Mapping[str, str]) -> str:
    return "\n".join([first, *(f"{title}\n{text}" for title, text in details.items())])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
