from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as Server
from aiosmtpd.smtp import AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from wharf import alerts
from wharf.alerts import Message, Notice
from wharf.contracts.alerts import Channel
from wharf.errors import ChannelError, ChannelRefused
from wharf.settings import Connection

AT = datetime(2026, 11, 20, 5, 50, tzinfo=UTC)
MAIL = Channel(name="mail", kind="smtp", connection="mail", to=("desk@wharf.example",))
THREAD = "wharf:prod:late:acme.positions:2026-11-20"


def notice(number: int = 1, what: str = "acme.positions 2026-11-20 is late", **more: Any) -> Notice:
    values = {**vars(alerts.test_notice("prod", AT)), "action": "open", "kind": "late"}
    return Notice(**{**values, "key": THREAD, "number": number, "what": what, **more})


def message(number: int = 1, **more: Any) -> Message:
    return alerts.render(notice(number, **more))


@dataclass
class Mailbox:
    """A real mail server that answers as told and keeps what it took."""

    answers: dict[str, str] = field(default_factory=dict)
    got: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(
        self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address, self.answers.get("RCPT", "250 OK"))
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        parsed = message_from_bytes(envelope.content, policy=default)
        assert isinstance(parsed, EmailMessage)
        if self.answers.get("DATA", "2").startswith("2"):
            self.got.append(parsed)
            self.recipients += envelope.rcpt_tos
        return self.answers.get("DATA", "250 taken")

    async def handle_QUIT(self, server: Server, session: Session, envelope: Envelope) -> str:
        return self.answers.get("QUIT", "221 Bye")

    def authenticate(
        self, server: Server, session: Session, envelope: Envelope, mechanism: str, auth: Any
    ) -> AuthResult:
        self.logins.append(auth.password)
        return AuthResult(success=auth.password == b"opensesame", handled=False)

    @property
    def connection(self) -> Connection:
        return Connection(
            id="mail",
            kind="smtp",
            host="127.0.0.1",
            port=self.port,
            extra={"from": "Wharf <wharf@wharf.example>", "timeout": 5},
        )


class AnyPort(Controller):
    """A mail server on a port that the system chooses."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def serving(mailbox: Mailbox, **options: Any) -> Iterator[Mailbox]:
    controller = AnyPort(
        mailbox,
        hostname="127.0.0.1",
        port=0,
        authenticator=mailbox.authenticate,
        auth_require_tls=False,
        **options,
    )
    controller.start()
    try:
        mailbox.port = controller.port
        yield mailbox
    finally:
        controller.stop()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with serving(Mailbox()) as open_box:
        yield open_box


def send(box: Mailbox, sent: Message, key: str = "k1", channel: Channel = MAIL) -> alerts.Sent:
    return alerts.send(channel, sent, box.connection, key)


def test_mail_has_plain_text_and_html_and_asks_for_no_reply(mailbox: Mailbox) -> None:
    told = message()
    sent = send(mailbox, told)
    (mail,) = mailbox.got
    assert mailbox.recipients == ["desk@wharf.example"]
    assert mail["Subject"] == told.subject
    assert mail["From"] == "Wharf <wharf@wharf.example>"
    assert mail["To"] == "desk@wharf.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == AT
    assert mail["Message-ID"] == sent.response_id
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == told.text
    assert html.get_content().replace("\r\n", "\n") == told.html


def test_messages_of_one_incident_are_one_thread(mailbox: Mailbox) -> None:
    send(mailbox, message(1), "k1")
    send(mailbox, message(2, what="arrived"), "k2")
    send(mailbox, message(3, what="published", action="resolve"), "k3")
    first, second, third = mailbox.got
    assert first["In-Reply-To"] is None
    for later in (second, third):
        assert later["In-Reply-To"] == later["References"] == first["Message-ID"]
    assert len({mail["Message-ID"] for mail in mailbox.got}) == 3


def test_same_message_sent_twice_has_the_same_id(mailbox: Mailbox) -> None:
    for number in (1, 2):
        ids = {send(mailbox, message(number), f"k{number}").response_id for _ in range(2)}
        assert len(ids) == 1


def test_incidents_are_threads_of_their_own(mailbox: Mailbox) -> None:
    send(mailbox, message(1))
    send(mailbox, message(1, key=THREAD.replace("late", "quality")))
    send(mailbox, message(1, thread="opened again"))
    assert len({mail["Message-ID"] for mail in mailbox.got}) == 3


def test_hostile_words_stay_in_their_header_and_body(mailbox: Mailbox) -> None:
    hostile = "late\r\nBcc: all@corp.example\r\n\r\n<script>alert(1)</script>\ud800 Ünïcode"
    send(mailbox, message(what=hostile, feed=hostile, supplier=hostile))
    (mail,) = mailbox.got
    assert mailbox.recipients == ["desk@wharf.example"]
    assert mail["Bcc"] is None
    assert "Bcc: all@corp.example" in mail["Subject"]
    assert "Ünïcode" in mail["Subject"]
    html = mail.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()


def test_line_that_is_a_single_dot_arrives_whole(mailbox: Mailbox) -> None:
    told = replace(message(), text="before\n.\nafter\n")
    send(mailbox, told)
    plain = mailbox.got[0].get_body(("plain",))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n") == "before\n.\nafter\n"


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        pytest.param({"RCPT": "450 try later"}, ChannelError, id="greylisted"),
        pytest.param({"RCPT": "550 no such user"}, ChannelRefused, id="unknown recipient"),
        pytest.param({"DATA": "451 busy"}, ChannelError, id="busy"),
        pytest.param({"DATA": "554 spam"}, ChannelRefused, id="spam"),
    ],
)
def test_refusal_is_retried_only_where_the_server_says_later(
    mailbox: Mailbox, answers: dict[str, str], error: type[Exception]
) -> None:
    mailbox.answers = answers
    with pytest.raises(error, match=r"channel 'mail' at 127\.0\.0\.1"):
        send(mailbox, message())
    assert mailbox.got == []


def test_one_refused_recipient_of_two_is_noted_and_the_other_gets_it_once(mailbox: Mailbox) -> None:
    mailbox.answers = {"gone@wharf.example": "550 no such user"}
    two = MAIL.model_copy(update={"to": ("desk@wharf.example", "gone@wharf.example")})
    sent = send(mailbox, message(), channel=two)
    assert mailbox.recipients == ["desk@wharf.example"]
    assert sent.note == "refused: gone@wharf.example"


def test_mail_that_was_taken_stays_taken_when_the_parting_fails(mailbox: Mailbox) -> None:
    mailbox.answers = {"QUIT": "421 shutting down"}
    send(mailbox, message())
    assert len(mailbox.got) == 1


def test_server_that_is_down_is_worth_a_retry() -> None:
    with serving(Mailbox()) as gone:
        pass
    with pytest.raises(ChannelError, match="cannot be reached"):
        send(gone, message())


def test_login_is_used_on_this_machine(mailbox: Mailbox) -> None:
    connection = replace(mailbox.connection, login="wharf", password="opensesame")
    alerts.send(MAIL, message(), connection, "k1")
    assert mailbox.logins == [b"opensesame"]
    wrong = replace(connection, password="guess")
    with pytest.raises(ChannelRefused, match="answered 535"):
        alerts.send(MAIL, message(), wrong, "k1")


def test_password_never_travels_in_clear_to_another_machine() -> None:
    remote = Connection(
        "mail", "smtp", host="mail.wharf.example", login="w", password="p", extra={"tls": "none"}
    )
    with pytest.raises(ChannelRefused, match="a password would travel in clear"):
        alerts.send(MAIL, message(), remote, "k1")


def test_server_without_starttls_is_refused_when_it_is_demanded(mailbox: Mailbox) -> None:
    demanding = replace(mailbox.connection, extra={**mailbox.connection.extra, "tls": "starttls"})
    with pytest.raises(ChannelRefused, match="STARTTLS"):
        alerts.send(MAIL, message(), demanding, "k1")


def test_starttls_checks_the_servers_certificate(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(Mailbox(), tls_context=context, require_starttls=True) as secure:
        extra = {**secure.connection.extra, "tls": "starttls"}
        with pytest.raises(ChannelError, match="CERTIFICATE_VERIFY_FAILED"):
            alerts.send(MAIL, message(), replace(secure.connection, extra=extra), "k1")
        trusting = replace(
            secure.connection,
            extra={**extra, "ca_file": str(certificate)},
            login="wharf",
            password="opensesame",
        )
        alerts.send(MAIL, message(), trusting, "k1")
    assert len(secure.got) == 1
    assert secure.logins == [b"opensesame"]


def test_smtps_speaks_tls_at_once(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(Mailbox(), ssl_context=context) as secure:
        extra = {**secure.connection.extra, "tls": "ssl", "ca_file": str(certificate)}
        alerts.send(MAIL, message(), replace(secure.connection, extra=extra), "k1")
    assert len(secure.got) == 1


@pytest.mark.parametrize(
    ("channel", "extra", "said"),
    [
        pytest.param({"to": ()}, {}, "has no recipient", id="nobody to write to"),
        pytest.param({"to": ("a@x\nBcc: b@y",)}, {}, "address is malformed", id="two lines"),
        pytest.param({}, {"from": "a@x\nBcc: b@y"}, "address is malformed", id="sender"),
        pytest.param({}, {"tls": "perhaps"}, "use none, starttls or ssl", id="tls"),
    ],
)
def test_channel_that_cannot_work_says_what_is_wrong(
    channel: dict[str, Any], extra: dict[str, str], said: str
) -> None:
    connection = Connection("mail", "smtp", host="127.0.0.1", port=9, extra=extra)
    with pytest.raises(ChannelRefused, match=said):
        alerts.send(MAIL.model_copy(update=channel), message(), connection, "k1")


def test_recipients_of_the_connection_stand_in_for_the_channels(mailbox: Mailbox) -> None:
    extra = {**mailbox.connection.extra, "to": "a@wharf.example, b@wharf.example"}
    nobody = MAIL.model_copy(update={"to": ()})
    alerts.send(nobody, message(), replace(mailbox.connection, extra=extra), "k1")
    assert mailbox.recipients == ["a@wharf.example", "b@wharf.example"]


def make_certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1 that is its own authority, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path
