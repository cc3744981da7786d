"""Servers that take messages as the real services do: documented limits, and incidents that live.

Each refuses what its service refuses, so that a test sees a wrong message as the service would.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from aiosmtpd.controller import Controller
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from wharf.alerts.webhook import SIGNATURE, is_signed
from wharf.contracts.alerts import Channel
from wharf.settings import Connection

HOST = "127.0.0.1"
ARN = "arn:aws:sns:eu-west-1:123456789012:suppliers.fifo"
_SCHEMA = Draft202012Validator(
    json.loads((files("wharf.alerts") / "message_v1.schema.json").read_text())
)
Reply = tuple[int, Mapping[str, str], bytes]


@dataclass
class Ailing:
    """What a server answers before anything else."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    pause_s: float = 0.0
    takes_first: bool = False
    """Whether it takes the message all the same: the answer alone is lost."""


class Refused(Exception):
    """The service would not take this."""

    def __init__(self, reason: str, status: int = 400) -> None:
        self.status = status
        super().__init__(reason)


def check(right: bool, reason: str) -> None:
    if not right:
        raise Refused(reason)


class WebDesk:
    """A web service in a thread; a kind says what it takes and what its messages show."""

    kind: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        self.ailing: list[Ailing] = []
        self.refusals: list[str] = []
        self.calls = 0
        self.texts: list[str] = []
        """What people read of each message that was taken, in order."""
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def channel(self) -> Channel:
        return Channel(name="desk", kind=self.kind, connection="desk", **self.options)  # type: ignore[arg-type]

    @property
    def connection(self) -> Connection:
        return Connection(
            "desk", "http", host=f"http://{HOST}:{self.port}", password=self.secret,
            extra={"timeout": "5"},
        )  # fmt: skip

    secret = "s3cret"

    def take(self, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        raise NotImplementedError

    def refuse(self, reason: str, status: int) -> Reply:
        return status, {}, json.dumps({"error": reason}).encode()

    @contextmanager
    def serving(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        desk = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, content = desk._answer(self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def _answer(self, target: str, headers: dict[str, str], body: bytes) -> Reply:
        self.calls += 1
        ill = self.ailing.pop(0) if self.ailing else Ailing()
        parts = urlsplit(target)
        lower = {name.lower(): value for name, value in headers.items()}
        ailing = ill.status, ill.headers, self.refuse("InternalTrouble: not now", ill.status)[2]
        if ill.status and not ill.takes_first:
            return ailing
        try:
            reply = self.take(parts.path, parts.query, lower, body)
        except Refused as error:
            self.refusals.append(str(error))
            return self.refuse(str(error), error.status)
        time.sleep(ill.pause_s)
        return ailing if ill.status else reply


class SlackDesk(WebDesk):
    """Slack's Web API: messages by channel and ts, threads, the limits of blocks."""

    kind = "slack"
    options: ClassVar[dict[str, Any]] = {"channel": "#desk"}
    secret = "xoxb-1-token"

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, dict[str, Any]] = {}
        """By ts: text, attachments, thread_ts and how often it was changed."""

    @property
    def parents(self) -> list[dict[str, Any]]:
        return [each for each in self.messages.values() if not each.get("thread_ts")]

    @property
    def replies(self) -> list[dict[str, Any]]:
        return [each for each in self.messages.values() if each.get("thread_ts")]

    def take(self, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        check(headers.get("authorization") == f"Bearer {self.secret}", "invalid_auth")
        check("application/json" in headers["content-type"], "invalid_post_type")
        content = json.loads(body)
        self._check(content)
        if path == "/api/chat.update":
            check(content["channel"] == "C0DESK", "channel_not_found")
            check(content["ts"] in self.messages, "message_not_found")
            stands = self.messages[content["ts"]]
            stands.update(content, changed=stands["changed"] + 1)
            ts = content["ts"]
        else:
            check(path == "/api/chat.postMessage", "unknown_method")
            check(content["channel"] in {"#desk", "C0DESK"}, "channel_not_found")
            parent = content.get("thread_ts")
            check(parent is None or parent in self.messages, "thread_not_found")
            ts = f"1732176000.{len(self.messages):06d}"
            self.messages[ts] = {**content, "changed": 0}
        self.texts.append(self._shown(content))
        told = {"ok": True, "channel": "C0DESK", "ts": ts}
        return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()

    def refuse(self, reason: str, status: int) -> Reply:
        return 200, {}, json.dumps({"ok": False, "error": reason}).encode()

    def _check(self, content: Mapping[str, Any]) -> None:
        check(0 < len(content["text"]) <= 4_000, "msg_too_long")
        blocks = [block for each in content["attachments"] for block in each["blocks"]]
        check(0 < len(blocks) <= 50, "invalid_blocks: how many")
        texts = list(self._texts(blocks))
        check(sum(_utf16(each["text"]) for each in texts) <= 9_600, "msg_blocks_too_long")
        for each in texts:
            check(0 < _utf16(each["text"]) <= 3_000, "invalid_blocks: must be less than 3001")
        for color in (each["color"] for each in content["attachments"]):
            check(bool(re.fullmatch(r"#[0-9a-f]{6}", color)), "invalid_attachments")
        for text in [content["text"], *self._marked(texts)]:
            bare = re.sub(r"<https?://[^<>|\s]+\|[^<>|]+>", "", text)
            check("<" not in bare and ">" not in bare, f"would be markup: {bare!r}")
            check(not re.search(r"&(?!amp;|lt;|gt;)", text), f"broken entity: {text!r}")

    def _texts(self, blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for block in blocks:
            check(block["type"] in {"section", "context"}, "invalid_blocks: type")
            yield from block.get("elements", [])
            yield from [block["text"]] if "text" in block else []

    def _marked(self, texts: list[dict[str, Any]]) -> list[str]:
        return [each["text"] for each in texts if each["type"] == "mrkdwn"]

    def _shown(self, content: Mapping[str, Any]) -> str:
        blocks = [block for each in content["attachments"] for block in each["blocks"]]
        return "\n".join([content["text"], *(each["text"] for each in self._texts(blocks))])


class SlackWebhookDesk(WebDesk):
    """Slack's incoming webhook: it answers `ok` and nothing can be changed later."""

    kind = "slack"

    @property
    def secret(self) -> str:  # type: ignore[override]
        return f"http://{HOST}:{self.port}/services/T0/B0/x"

    def take(self, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        check(path == "/services/T0/B0/x", "no_service")
        content = json.loads(body)
        check("channel" not in content, "invalid_payload")
        SlackDesk._check(SlackDesk.__new__(SlackDesk), content)
        self.texts.append(SlackDesk._shown(SlackDesk.__new__(SlackDesk), content))
        return 200, {"Content-Type": "text/html"}, b"ok"


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
        check(0 < _utf16(payload["summary"]) <= 1024, "summary is too long")
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
        check(0 < _utf16(content["message"]) <= 130, "message is longer than 130")
        check(len(content["alias"]) <= 512, "alias is longer than 512")
        check(_utf16(content["description"]) <= 15_000, "description is longer than 15000")
        check(content["priority"] in {f"P{n}" for n in range(1, 6)}, "priority")
        check(len(content["tags"]) <= 20, "too many tags")
        check(all(0 < _utf16(tag) <= 50 for tag in content["tags"]), "tag is longer than 50")
        check(len(content["source"]) <= 100 and _utf16(content["entity"]) <= 512, "source, entity")
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
        check(0 < _utf16(content["note"]) <= 25_000, "note is too long")
        check(len(content["user"]) <= 100 and len(content["source"]) <= 100, "user, source")
        for each in self.open_alerts:
            if each.key == alias:
                each.is_open = verb != "close"
                each.acknowledged = each.acknowledged or verb == "acknowledge"
                each.log.append(verb)


class SnsDesk(WebDesk):
    """SNS's query protocol with one FIFO topic, which drops repetitions."""

    kind = "sns"
    options: ClassVar[dict[str, Any]] = {"topic": ARN}

    def __init__(self) -> None:
        super().__init__()
        self.published: dict[str, dict[str, Any]] = {}
        """By deduplication id: the message, its group and its attributes."""

    @property
    def connection(self) -> Connection:
        return Connection(
            "desk", "aws", login="AKIDEXAMPLE", password=self.secret,
            extra={"endpoint_url": f"http://{HOST}:{self.port}", "timeout": "5"},
        )  # fmt: skip

    def take(self, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        check("/eu-west-1/sns/aws4_request" in headers["authorization"], "IncompleteSignature")
        sent = {name: value[0] for name, value in parse_qs(body.decode(), True).items()}
        check(sent["Action"] == "Publish" and sent["TopicArn"] == ARN, "InvalidParameter: topic")
        check(len(sent["Subject"]) < 100 and sent["Subject"].isprintable(), "InvalidParameter")
        attributes = self._attributes(sent)
        size = len(sent["Message"].encode()) + sum(len(f"{a}{b}") for a, b in attributes.items())
        check(size <= 262_144, "InvalidParameter: Message too long")
        forms = json.loads(sent["Message"])
        check(sent["MessageStructure"] == "json" and "default" in forms, "InvalidParameter: forms")
        group, once = sent["MessageGroupId"], sent["MessageDeduplicationId"]
        allowed = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
        check(bool(allowed.fullmatch(group)), "InvalidParameter: MessageGroupId")
        check(bool(allowed.fullmatch(once)), "InvalidParameter: MessageDeduplicationId")
        if once not in self.published:
            self.published[once] = {
                "group": group, "attributes": attributes, "data": json.loads(forms["default"]),
            }  # fmt: skip
            self.texts.append(forms["email"])
        told = (
            '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>'
            f"<MessageId>m{len(self.published)}</MessageId></PublishResult></PublishResponse>"
        )
        return 200, {"Content-Type": "text/xml"}, told.encode()

    def refuse(self, reason: str, status: int) -> Reply:
        code, _, told = reason.partition(": ")
        body = (
            '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error>'
            f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(told)}</Message>"
            "</Error></ErrorResponse>"
        )
        return status, {"Content-Type": "text/xml"}, body.encode()

    def _attributes(self, sent: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, value in sent.items():
            if name.startswith("MessageAttributes.entry.") and name.endswith(".Name"):
                start = name.removesuffix(".Name")
                told = sent.get(f"{start}.Value.StringValue", "")
                check(bool(told), "InvalidParameterValue: an attribute is empty")
                found[value] = told
        check({"env", "level", "kind", "state"} <= set(found), "an attribute is missing")
        return found


class TeamsDesk(WebDesk):
    """A Teams workflow: Adaptive Cards of at most 28 KB, answered by 202 and nothing else."""

    kind = "teams"

    @property
    def secret(self) -> str:  # type: ignore[override]
        return f"http://{HOST}:{self.port}/workflows/1/triggers/manual/paths/invoke?sig=abc"

    def take(self, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        check(query == "sig=abc", "unauthorized")
        check(len(body) <= 28 * 1024, "RequestEntityTooLarge")
        check(_utf16(body.decode()) * 2 <= 2 * 28 * 1024, "RequestEntityTooLarge")
        content = json.loads(body)
        check(content["type"] == "message", "type")
        (attachment,) = content["attachments"]
        check(attachment["contentType"] == "application/vnd.microsoft.card.adaptive", "contentType")
        card = attachment["content"]
        check(card["type"] == "AdaptiveCard" and card["version"] == "1.4", "card")
        shown = list(self._shown(card["body"]))
        for action in card.get("actions", []):
            check(action["type"] == "Action.OpenUrl", "action")
            check(action["url"].startswith(("http://", "https://")), "action is no web address")
        check(len(card.get("actions", [])) <= 6, "too many actions")
        check("entities" not in card["msteams"], "would mention somebody")
        self.texts.append("\n".join(shown))
        return 202, {}, b""

    def _shown(self, body: list[dict[str, Any]]) -> Iterator[str]:
        for each in body:
            if each["type"] == "Container":
                yield from self._shown(each["items"])
                continue
            # Only text runs are shown without reading Markdown.
            check(each["type"] == "RichTextBlock", f"{each['type']} reads Markdown")
            for run in each["inlines"]:
                check(run["type"] == "TextRun" and bool(run["text"]), "TextRun")
                yield run["text"]


class WebhookDesk(WebDesk):
    """A receiver of our own shape: it checks schema and signature and knows what it had."""

    kind = "webhook"

    def __init__(self) -> None:
        super().__init__()
        self.taken: dict[str, dict[str, Any]] = {}

    def take(self, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        data = json.loads(body)
        at = datetime.fromisoformat(data["at"])
        check(is_signed(self.secret, body, headers[SIGNATURE.lower()], at), "wrong signature")
        problems = [error.message for error in _SCHEMA.iter_errors(data)]
        check(not problems, "; ".join(problems)[:500])
        key = headers["idempotency-key"]
        if key not in self.taken:
            self.taken[key] = data
            self.texts.append(data["text"])
        return 200, {}, b"{}"


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


class MailDesk:
    """A mail server; what it takes is parsed and grouped into threads as a mail program does."""

    kind = "smtp"
    secret = "not used"

    def __init__(self) -> None:
        self.ailing: list[Ailing] = []
        self.refusals: list[str] = []
        self.calls = 0
        self.texts: list[str] = []
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.port = 0

    @property
    def channel(self) -> Channel:
        return Channel(name="desk", kind="smtp", connection="desk", to=("desk@wharf.example",))

    @property
    def connection(self) -> Connection:
        extra = {"from": "wharf@wharf.example", "timeout": "5"}
        return Connection("desk", "smtp", host=HOST, port=self.port, extra=extra)

    @property
    def threads(self) -> int:
        return len(
            {str(mail["References"] or mail["Message-ID"]).split()[0] for mail in self.mails}
        )

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.calls += 1
        ill = self.ailing.pop(0) if self.ailing else Ailing()
        if ill.pause_s:
            await asyncio.sleep(ill.pause_s)
        if ill.status and not ill.takes_first:
            return f"{_smtp_code(ill.status)} says the test"
        if any(len(line) > 998 for line in envelope.content.split(b"\r\n")):
            self.refusals.append("line too long")
            return "500 line too long"
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        assert mail["Auto-Submitted"] == "auto-generated"
        self.mails.append(mail)
        self.recipients.append(list(envelope.rcpt_tos))
        plain = mail.get_body(("plain",))
        assert plain is not None
        self.texts.append(str(plain.get_content()).replace("\r\n", "\n"))
        return f"{_smtp_code(ill.status)} says the test" if ill.status else "250 taken"

    @contextmanager
    def serving(self) -> Iterator[None]:
        controller = _AnyPort(self, hostname=HOST, port=0)
        controller.start()
        self.port = controller.port
        try:
            yield
        finally:
            controller.stop(no_assert=True)


class _AnyPort(Controller):
    """A mail server on a port that the system chooses."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


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


def _smtp_code(status: int) -> int:
    return 451 if status in {408, 425, 429} or status >= 500 else 554


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _ordered(first: str, details: Mapping[str, str]) -> str:
    return "\n".join([first, *(f"{title}\n{text}" for title, text in details.items())])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
