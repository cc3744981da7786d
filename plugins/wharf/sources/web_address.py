"""The base address, login and headers of a web connection."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit, urlunsplit

from wharf.errors import SettingsError
from wharf.settings import Connection


def base_address(connection: Connection) -> tuple[str, tuple[str, str] | None]:
    """The address that paths are appended to, ending in `/`, and the login if there is one.

    Raises:
        SettingsError: The connection holds no usable web address.
    """
    text = connection.root
    if "://" not in text:
        scheme = connection.schema if connection.schema in {"http", "https"} else connection.kind
        port = f":{connection.port}" if connection.port else ""
        text = f"{scheme if scheme in {'http', 'https'} else 'http'}://{text}{port}"
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError(
            f"connection {connection.id!r} needs a web address as host or `root`, such as "
            "https://files.example.com/out"
        )
    netloc = parts.netloc.rpartition("@")[2]
    if connection.port and parts.port is None:
        netloc = f"{netloc}:{connection.port}"
    base = urlunsplit((parts.scheme, netloc, parts.path.rstrip("/") + "/", "", ""))
    login = connection.login or unquote(parts.username or "")
    password = connection.password or unquote(parts.password or "")
    return base, ((login, password) if login else None)


def request_headers(connection: Connection) -> dict[str, str]:
    """Headers of every request: the connection's `headers` and `token`."""
    # The bytes are kept as they are, so a server need not pack them for the transfer.
    headers = {"accept-encoding": "identity", "user-agent": "wharf"}
    extra = connection.extra.get("headers")
    if isinstance(extra, dict):
        headers |= {str(name).lower(): str(value) for name, value in extra.items()}
    if token := connection.extra.get("token"):
        headers["authorization"] = f"Bearer {token}"
    return headers
