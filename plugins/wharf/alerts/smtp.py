"""Mail: one thread for each incident, as plain text and HTML."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Any

from wharf.alerts.message import Message
from wharf.alerts.sending import Sent, check_reach, is_this_machine, timeout_of
from wharf.contracts.alerts import Channel
from wharf.errors import ChannelError, ChannelRefused
from wharf.settings import Connection

_SMTPS_PORT = 465
_LONGEST_THREAD = 10


def send_mail(
    channel: Channel,
    message: Message,
    connection: Connection,
    key: str,
    handle: Mapping[str, Any],
) -> Sent:
    """Mail a message to the channel's recipients.

    The connection's extra may set `from`, `to`, `tls` (none, starttls or ssl), `ca_file` and
    `timeout` in seconds. Without `tls`, port 465 speaks TLS at once and a login demands STARTTLS.

    Args:
        channel: Its `to`, or else the connection's, are the recipients.
        message: What is said; its own recipients stand in for the channel's.
        connection: The mail server.
        key: Makes the Message-ID: the same message sent twice has the same one.
        handle: Subject and Message-IDs of the mails of this incident so far.

    Raises:
        ChannelError: The server cannot be reached or says to come again later.
        ChannelRefused: The server refuses the login, the sender or every recipient for good.
    """
    check_reach(channel, message, connection.host)
    mail = compose(channel, message, connection, key, handle)
    recipients = _recipients(channel, message, connection)
    where = f"channel {channel.name!r} at {connection.host}"
    try:
        with _server(channel, connection, mail) as server:
            refused = server.send_message(mail, to_addrs=recipients)
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({code for code, _ in error.recipients.values()})
        told = f"{where} refused every recipient ({', '.join(map(str, codes))})"
        raise (ChannelRefused if min(codes) >= 500 else ChannelError)(told) from error
    except smtplib.SMTPResponseException as error:
        told = f"{where} answered {error.smtp_code}"
        raise (ChannelRefused if error.smtp_code >= 500 else ChannelError)(told) from error
    except smtplib.SMTPNotSupportedError as error:
        raise ChannelRefused(f"{where}: {error}") from error
    except ssl.SSLError as error:
        raise ChannelError(f"{where}: no secure connection: {error.reason}") from error
    except ValueError as error:
        raise ChannelRefused(f"{where}: host or address is malformed") from error
    except (smtplib.SMTPException, OSError) as error:
        raise ChannelError(f"{where} cannot be reached: {type(error).__name__}") from error
    note = f"refused: {', '.join(sorted(refused))}" if refused else ""
    told_so_far = [*_told_before(handle), str(mail["Message-ID"])]
    subject = str(handle.get("subject") or message.subject)
    return Sent(str(mail["Message-ID"]), note, {"subject": subject, "ids": _kept(told_so_far)})


def compose(
    channel: Channel,
    message: Message,
    connection: Connection,
    key: str,
    handle: Mapping[str, Any],
) -> EmailMessage:
    """The mail of a message.

    Raises:
        ChannelRefused: There is no recipient, or an address is malformed.
    """
    recipients = _recipients(channel, message, connection)
    sender = str(connection.extra.get("from") or connection.extra.get("from_email") or "")
    sender = sender or (connection.login if "@" in connection.login else "wharf@localhost")
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    before = _told_before(handle)
    mail = EmailMessage(policy=SMTP)
    try:
        mail["From"] = sender
        mail["To"] = ", ".join(recipients)
        # Mail programs keep a thread together by its subject, too; what is new opens the text.
        mail["Subject"] = (
            f"Re: {handle['subject']}" if before and handle.get("subject") else message.subject
        )
    except (MessageError, ValueError, IndexError) as error:
        raise ChannelRefused(f"channel {channel.name!r}: an address is malformed") from error
    mail["Date"] = format_datetime(message.at)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    first = _message_id(f"{channel.name} {message.thread}", domain)
    if message.number == 1 and not before:
        mail["Message-ID"] = first
    else:
        before = before or [first]
        mail["Message-ID"] = _message_id(key, domain)
        mail["In-Reply-To"] = before[-1]
        mail["References"] = " ".join(before)
    opening = f"{message.head}: {message.what}\n\n" if handle.get("subject") else ""
    mail.set_content(opening + message.text)
    mail.add_alternative(message.html, subtype="html")
    for each in message.attachments:
        mail.add_attachment(each.text, subtype="csv", filename=each.name)
    return mail


@contextmanager
def _server(channel: Channel, connection: Connection, mail: EmailMessage) -> Iterator[smtplib.SMTP]:
    port = connection.port or 25
    tls = _tls(connection, port)
    if connection.login and tls == "none" and not is_this_machine(connection.host):
        raise ChannelRefused(
            f"channel {channel.name!r}: a password would travel in clear; "
            f'set "tls": "starttls" in connection {connection.id!r}'
        )
    timeout = timeout_of(connection)
    name = str(mail["Message-ID"]).strip("<>").rpartition("@")[2]
    ca_file = connection.extra.get("ca_file")
    trust = None
    if tls != "none":
        trust = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    if tls == "ssl":
        opened: smtplib.SMTP = smtplib.SMTP_SSL(
            connection.host, port, local_hostname=name, timeout=timeout, context=trust
        )
    else:
        opened = smtplib.SMTP(connection.host, port, local_hostname=name, timeout=timeout)
    try:
        if tls == "starttls":
            opened.starttls(context=trust)
        if connection.login and connection.password:
            opened.login(connection.login, connection.password)
        yield opened
    finally:
        # A mail that was taken stays taken, however the parting goes.
        with suppress(smtplib.SMTPException, OSError):
            opened.quit()
        opened.close()


def _tls(connection: Connection, port: int) -> str:
    given = str(connection.extra.get("tls") or "")
    if given not in {"", "none", "starttls", "ssl"}:
        raise ChannelRefused(
            f"connection {connection.id!r}: tls is {given!r}; use none, starttls or ssl"
        )
    if given:
        return given
    if port == _SMTPS_PORT:
        return "ssl"
    needs_tls = connection.login and not is_this_machine(connection.host)
    return "starttls" if needs_tls else "none"


def _told_before(handle: Mapping[str, Any]) -> list[str]:
    return [str(each) for each in handle.get("ids") or ()]


def _kept(ids: list[str]) -> list[str]:
    """The thread's first mail and the latest: a header line has its limits."""
    return ids if len(ids) <= _LONGEST_THREAD else [ids[0], *ids[1 - _LONGEST_THREAD :]]


def _recipients(channel: Channel, message: Message, connection: Connection) -> list[str]:
    given = message.to or channel.to or tuple(str(connection.extra.get("to") or "").split(","))
    recipients = [address.strip() for address in given if address.strip()]
    if not recipients:
        raise ChannelRefused(
            f"channel {channel.name!r} has no recipient; set `to` in dags/alerts.yaml"
        )
    return recipients


def _message_id(name: str, domain: str) -> str:
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:32]
    return f"<{digest}@{domain}>"
