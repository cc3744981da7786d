"""Webhook: one signed POST of the message's JSON."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from urllib.parse import quote

import httpx

from wharf.alerts.channels import Sent, timeout_of
from wharf.alerts.message import Message
from wharf.alerts.safe_text import one_line
from wharf.contracts.alerts import Channel
from wharf.errors import ChannelError, ChannelRefused
from wharf.settings import Connection

SIGNATURE = "X-Wharf-Signature"
_WORTH_A_RETRY = {408, 425, 429}
_LONGEST_ID = 200


def send_webhook(channel: Channel, message: Message, connection: Connection, key: str) -> Sent:
    """POST a message to the connection's address, signed with the connection's password.

    Redirects are not followed, and proxies are only those of the connection (extra `proxy`).

    Args:
        channel: Where it goes.
        message: Its `data` is the body.
        connection: Host (and extra `path`) are the address; extra `timeout` is in seconds.
        key: Sent as `Idempotency-Key`; a receiver that saw it before may ignore the rest.

    Raises:
        ChannelError: No connection, no answer in time, 408, 425, 429 or 5xx.
        ChannelRefused: Any other answer but 2xx, a wrong address, or no password.
    """
    if not connection.password:
        raise ChannelRefused(
            f"channel {channel.name!r}: connection {connection.id!r} has no password; "
            "set one: messages are signed with it"
        )
    body = json.dumps(message.data, ensure_ascii=False, sort_keys=True).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "wharf",
        "Idempotency-Key": quote(key, safe=":._-", errors="replace"),
        SIGNATURE: sign(connection.password, body),
    }
    address = _address(channel, connection)
    where = f"channel {channel.name!r} at {address.scheme}://{address.host}"
    try:
        with (
            _client(channel, connection) as client,
            client.stream("POST", address, content=body, headers=headers) as response,
        ):
            _check(response, where)
            return Sent(_response_id(response, key))
    except httpx.UnsupportedProtocol as error:
        raise ChannelRefused(f"{where}: use http or https") from error
    except httpx.TimeoutException as error:
        raise ChannelError(f"{where} did not answer in time") from error
    except httpx.TransportError as error:
        raise ChannelError(f"{where} cannot be reached: {type(error).__name__}") from error


def sign(secret: str, body: bytes) -> str:
    """The signature of a body: `sha256=` and its HMAC in hex."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed(secret: str, body: bytes, signature: str) -> bool:
    """Whether a signature is the one of this body; takes as long for a wrong one."""
    return hmac.compare_digest(sign(secret, body).encode(), signature.encode())


def _address(channel: Channel, connection: Connection) -> httpx.URL:
    host, schema = connection.host, connection.schema
    path = str(connection.extra.get("path") or "")
    try:
        if "://" in host:
            address = httpx.URL(host)
            if path:
                address = address.join(path)
        else:
            # Airflow's form keeps the scheme in `schema`, an address's form its path.
            web = {"http", "https"}
            scheme = next((each for each in (schema, connection.kind) if each in web), "https")
            path = path or ("" if schema in web else schema)
            address = httpx.URL(scheme=scheme, host=host, path="/" + path.lstrip("/"))
        if connection.port:
            address = address.copy_with(port=connection.port)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise ChannelRefused(
            f"channel {channel.name!r}: connection {connection.id!r} is no web address"
        ) from error
    if not address.host:
        raise ChannelRefused(f"channel {channel.name!r}: connection {connection.id!r} has no host")
    return address


def _client(channel: Channel, connection: Connection) -> httpx.Client:
    extra = connection.extra
    timeout = timeout_of(connection)
    try:
        return httpx.Client(
            timeout=timeout,
            verify=ssl.create_default_context(
                cafile=str(extra["ca_file"]) if extra.get("ca_file") else None
            ),
            proxy=str(extra["proxy"]) if extra.get("proxy") else None,
            trust_env=False,
            follow_redirects=False,
        )
    except (OSError, ValueError, httpx.InvalidURL) as error:
        raise ChannelRefused(
            f"channel {channel.name!r}: ca_file or proxy of connection {connection.id!r} is wrong"
        ) from error


def _check(response: httpx.Response, where: str) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in _WORTH_A_RETRY or status >= 500:
        asked = response.headers.get("Retry-After", "")
        seconds = float(asked) if asked.isascii() and asked.isdigit() else None
        raise ChannelError(f"{where} answered {status}", retry_after=seconds)
    raise ChannelRefused(f"{where} answered {status}; the message will not be tried again")


def _response_id(response: httpx.Response, key: str) -> str:
    given = response.headers.get("X-Request-Id") or response.headers.get("X-Message-Id") or key
    return one_line(given, _LONGEST_ID)
