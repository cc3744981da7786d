"""Web calls of channels: one POST, with errors that say whether trying again can help."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx

from wharf.alerts.message import Message
from wharf.alerts.safe_text import one_line
from wharf.alerts.sending import check_reach, timeout_of
from wharf.contracts.alerts import Channel
from wharf.errors import ChannelError, ChannelRefused
from wharf.settings import Connection

_WORTH_A_RETRY = {408, 425, 429}
_LONGEST_ANSWER = 64 * 1024
_LONGEST_ID = 200


@dataclass(frozen=True)
class Answer:
    """What a server said to a message that it took."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Mapping[str, Any]:
        """The body as a JSON object; empty where it is none."""
        try:
            content = json.loads(self.body)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}

    def id_or(self, key: str) -> str:
        """The id that the server gave the message, or the key where it gave none."""
        given = self.headers.get("x-request-id") or self.headers.get("x-message-id") or key
        return one_line(given, _LONGEST_ID)


def post(
    channel: Channel,
    message: Message,
    connection: Connection,
    address: httpx.URL,
    content: bytes,
    headers: Mapping[str, str],
) -> Answer:
    """POST JSON; redirects are not followed, proxies are only the connection's (extra `proxy`).

    Raises:
        ChannelError: No connection, no answer in time, 408, 425, 429 or 5xx.
        ChannelRefused: Any other answer but 2xx, or an address that may not be sent to.
    """
    where = f"channel {channel.name!r} at {address.scheme}://{address.host}"
    if address.scheme not in {"http", "https"}:
        raise ChannelRefused(f"{where}: use http or https")
    check_reach(channel, message, address.host)
    sent = {"Content-Type": "application/json", "User-Agent": "wharf", **headers}
    try:
        with (
            _client(channel, connection) as client,
            client.stream("POST", address, content=content, headers=sent) as response,
        ):
            body = _read(response)
            _check(response, where)
            told = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, told, body)
    except httpx.TimeoutException as error:
        raise ChannelError(f"{where} did not answer in time") from error
    except httpx.TransportError as error:
        raise ChannelError(f"{where} cannot be reached: {type(error).__name__}") from error
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise ChannelRefused(f"{where}: its credentials or address are malformed") from error


def to_json(content: object) -> bytes:
    """Content as JSON in UTF-8."""
    return json.dumps(content, ensure_ascii=False, sort_keys=False).encode()


def address_of(
    channel: Channel, connection: Connection, path: str = "", default: str = ""
) -> httpx.URL:
    """Where a channel's server is.

    Args:
        channel: Whose server.
        connection: Its host is an address or a name; extra `path` leads on from there.
        path: What comes after all that.
        default: The server where the connection names none.

    Raises:
        ChannelRefused: It is no web address.
    """
    if not connection.host and not default:
        raise ChannelRefused(f"channel {channel.name!r}: connection {connection.id!r} has no host")
    try:
        address = _base(connection, connection.host or default)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise no_address(channel, connection) from error
    if not address.host:
        raise ChannelRefused(f"channel {channel.name!r}: connection {connection.id!r} has no host")
    return address.copy_with(path=address.path.rstrip("/") + path) if path else address


def secret_address(channel: Channel, connection: Connection, default: str = "") -> httpx.URL:
    """The address of an incoming webhook, which is a secret itself.

    The connection's password is the whole of it, or what follows the host.

    Raises:
        ChannelRefused: It is no web address.
    """
    secret = connection.password
    if "://" not in secret:
        path = "/" + secret.lstrip("/") if secret else ""
        return address_of(channel, connection, path, default)
    try:
        address = httpx.URL(secret)
    except (httpx.InvalidURL, ValueError) as error:
        raise no_address(channel, connection) from error
    if not address.host:
        raise no_address(channel, connection)
    return address


def no_address(channel: Channel, connection: Connection) -> ChannelRefused:
    """The error for a connection that leads nowhere."""
    return ChannelRefused(
        f"channel {channel.name!r}: connection {connection.id!r} is no web address"
    )


def needs_password(channel: Channel, connection: Connection, what: str) -> str:
    """The connection's password.

    Raises:
        ChannelRefused: There is none; the message says what it should be.
    """
    if not connection.password:
        raise ChannelRefused(
            f"channel {channel.name!r}: connection {connection.id!r} has no password; set {what}"
        )
    return connection.password


def _base(connection: Connection, host: str) -> httpx.URL:
    schema, path = connection.schema, str(connection.extra.get("path") or "")
    if "://" in host:
        address = httpx.URL(host)
        address = address.join(path) if path else address
    else:
        # Airflow's form keeps the scheme in `schema`, an address's form its path.
        web = {"http", "https"}
        scheme = next((each for each in (schema, connection.kind) if each in web), "https")
        path = path or ("" if schema in web else schema)
        address = httpx.URL(scheme=scheme, host=host, path="/" + path.lstrip("/"))
    return address.copy_with(port=connection.port) if connection.port else address


def _client(channel: Channel, connection: Connection) -> httpx.Client:
    extra = connection.extra
    try:
        return httpx.Client(
            timeout=timeout_of(connection),
            verify=_trust(str(extra.get("ca_file") or "")),
            proxy=str(extra["proxy"]) if extra.get("proxy") else None,
            trust_env=False,
            follow_redirects=False,
        )
    except (OSError, ValueError, httpx.InvalidURL) as error:
        raise ChannelRefused(
            f"channel {channel.name!r}: ca_file or proxy of connection {connection.id!r} is wrong"
        ) from error


@lru_cache(maxsize=8)
def _trust(ca_file: str) -> ssl.SSLContext:
    # Reading the machine's certificates takes as long as sending ten messages.
    return ssl.create_default_context(cafile=ca_file or None)


def _read(response: httpx.Response) -> bytes:
    body = b""
    for some in response.iter_bytes():
        body += some
        if len(body) > _LONGEST_ANSWER:
            break
    return body[:_LONGEST_ANSWER]


def _check(response: httpx.Response, where: str) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in _WORTH_A_RETRY or status >= 500:
        raise ChannelError(f"{where} answered {status}", retry_after=retry_after(response.headers))
    raise ChannelRefused(f"{where} answered {status}; the message will not be tried again")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asked to be left alone, where it said so as a number."""
    asked = headers.get("Retry-After", "")
    return float(asked) if asked.isascii() and asked.isdigit() else None
