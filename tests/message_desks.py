"""Services that take single messages: an SNS topic, a signed webhook, a mail server."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from importlib.resources import files
from typing import Any, ClassVar
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from aiosmtpd.controller import Controller
from channel_desk import HOST, Ailing, Reply, WebDesk, check
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from wharf.alerts.webhook import SIGNATURE, is_signed
from wharf.contracts.alerts import Channel
from wharf.settings import Connection

ARN = "arn:aws:sns:eu-west-1:123456789012:suppliers.fifo"
_SCHEMA = Draft202012Validator(
    json.loads((files("wharf.alerts") / "message_v1.schema.json").read_text())
)


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


class WebhookDesk(WebDesk):
    """A receiver of our own shape: it checks schema and signature and knows what it had."""

    kind = "webhook"

    def __init__(self) -> None:
        super().__init__()
        self.taken: dict[str, dict[str, Any]] = {}

    def take(self, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        data = json.loads(body)
        given = headers[SIGNATURE.lower()]
        # The world's clock is moved by hand: a signature is as old as it says.
        at = datetime.fromtimestamp(int(given.partition(",")[0].removeprefix("t=")), tz=UTC)
        check(is_signed(self.secret, body, given, at), "wrong signature")
        problems = [error.message for error in _SCHEMA.iter_errors(data)]
        check(not problems, "; ".join(problems)[:500])
        key = headers["idempotency-key"]
        if key not in self.taken:
            self.taken[key] = data
            self.texts.append(data["text"])
        return 200, {}, b"{}"


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


def _smtp_code(status: int) -> int:
    return 451 if status in {408, 425, 429} or status >= 500 else 554
