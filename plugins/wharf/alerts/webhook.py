"""Webhook: one signed POST, in our own shape or as Alertmanager takes it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from wharf.alerts.message import Message
from wharf.alerts.sending import Sent
from wharf.alerts.web import address_of, needs_password, post
from wharf.contracts.alerts import Channel
from wharf.settings import Connection

SIGNATURE = "X-Wharf-Signature"


def send_webhook(
    channel: Channel,
    message: Message,
    connection: Connection,
    key: str,
    handle: Mapping[str, Any],
) -> Sent:
    """POST a message to the connection's address.

    Our own shape is signed with the connection's password. Alertmanager checks no signatures: there
    the password, where there is one, is that of basic authentication.

    Args:
        channel: Where it goes; its `shape` says how.
        message: Its `data` is the body.
        connection: Host (and extra `path`) are the address; extra `timeout` is in seconds.
        key: Sent as `Idempotency-Key`; a receiver that saw it before may ignore the rest.
        handle: What was told Alertmanager last.

    Raises:
        ChannelError: No connection, no answer in time, 408, 425, 429 or 5xx.
        ChannelRefused: Any other answer but 2xx, a wrong address, or no password.
    """
    headers = {"Idempotency-Key": quote(key, safe=":._-", errors="replace")}
    if channel.shape == "alertmanager":
        return _send_to_alertmanager(channel, message, connection, key, handle, headers)
    secret = needs_password(channel, connection, "one: messages are signed with it")
    body = json.dumps(message.data, ensure_ascii=False, sort_keys=True).encode()
    headers[SIGNATURE] = sign(secret, body, message.sent_at or message.at)
    answer = post(channel, message, connection, address_of(channel, connection), body, headers)
    return Sent(answer.id_or(key))


def sign(secret: str, body: bytes, at: datetime) -> str:
    """The signature of a body: `t=<Unix time>,v1=<HMAC-SHA256 of "t.body" in hex>`."""
    seconds = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256)
    return f"t={seconds},v1={digest.hexdigest()}"


def is_signed(
    secret: str, body: bytes, signature: str, now: datetime, tolerance_s: float = 300
) -> bool:
    """Whether a signature is the one of this body and not older than the tolerance.

    Takes as long for a wrong one. What a receiver does; here so that tests and receivers agree.
    """
    time = signature.partition(",")[0].removeprefix("t=")
    if not (time.isascii() and time.isdigit() and len(time) < 12):
        return False
    at = datetime.fromtimestamp(int(time), tz=now.tzinfo)
    right = hmac.compare_digest(sign(secret, body, at).encode(), signature.encode())
    return right and abs((now - at).total_seconds()) <= tolerance_s


def _send_to_alertmanager(
    channel: Channel,
    message: Message,
    connection: Connection,
    key: str,
    handle: Mapping[str, Any],
    headers: dict[str, str],
) -> Sent:
    from base64 import b64encode

    from wharf.alerts.alertmanager import PATH, alerts_of, next_handle
    from wharf.alerts.web import to_json

    if connection.password:
        given = f"{connection.login}:{connection.password}".encode()
        headers["Authorization"] = f"Basic {b64encode(given).decode()}"
    address = address_of(channel, connection)
    if not address.path.endswith(PATH):
        address = address_of(channel, connection, PATH)
    body = to_json(alerts_of(channel, message, handle))
    answer = post(channel, message, connection, address, body, headers)
    return Sent(answer.id_or(key), handle=next_handle(message, handle))
