"""Files behind a web server."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import httpx

from wharf.errors import SourceError
from wharf.settings import Connection
from wharf.sources.base import Fetched, Listing, Refused, Seen
from wharf.sources.limits import read_limits
from wharf.sources.paths import segments, shown
from wharf.sources.receiving import receive
from wharf.sources.web_address import base_address, request_headers
from wharf.sources.web_index import INDEX_LIMIT, files_linked

_ABSENT = {404, 410}
_NO_HEAD = {405, 501}
_NEVER_BY_PROXY = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))


class WebFolder:
    """A base address; expected paths are asked for one by one, or found on an index page."""

    def __init__(self, connection: Connection, *, index: str | None = None) -> None:
        self._id = connection.id
        self._base, self._auth = base_address(connection)
        self._headers = request_headers(connection)
        self._index = index or str(connection.extra.get("index") or "") or None
        self._limits = read_limits(connection)
        self._refused: list[Refused] = []

    @property
    def refused(self) -> Sequence[Refused]:
        """What the last listing met and did not follow."""
        return tuple(self._refused)

    def list(self, patterns: Sequence[str]) -> Listing:
        """Ask for each expected path; those with `*` are first looked up on the index page."""
        self._refused = []
        for pattern in patterns:
            segments(pattern)
        with self._client() as client:
            paths = {pattern for pattern in patterns if "*" not in pattern}
            if globs := [pattern for pattern in patterns if "*" in pattern]:
                paths |= self._look_up(client, globs)
            found = (self._ask(client, path) for path in sorted(paths))
            return [seen for seen in found if seen is not None]

    def fetch(self, path: str, to: Path) -> Fetched:
        """Download one file; a body that ends early is refused, to be tried again."""
        segments(path)
        label = self._label(path)
        with self._client() as client, self._get(client, path) as response:
            if response.status_code in _ABSENT:
                raise SourceError(f"{label} is gone ({response.status_code})")
            self._check(response, label)
            sha256, size = receive(
                self._in_time(_body(response, path), label),
                to,
                label=label,
                limit=self._limits.max_bytes,
            )
            return Fetched(sha256, size, _fingerprint(response, sha256), _written_at(response))

    @contextmanager
    def _client(self) -> Iterator[httpx.Client]:
        """One client for one look; every fault of the way becomes a SourceError."""
        try:
            with httpx.Client(
                auth=self._auth,
                headers=self._headers,
                timeout=self._limits.timeout,
                follow_redirects=True,
                event_hooks={"response": [self._stay_here]},
                mounts=_NEVER_BY_PROXY,
            ) as client:
                yield client
        except httpx.TimeoutException as error:
            raise SourceError(
                f"{self._id}: {self._base} did not answer within {self._limits.timeout:g} s"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(
                f"{self._id}: {self._base} failed: {error or type(error).__name__}"
            ) from error

    def _stay_here(self, response: httpx.Response) -> None:
        """Follow no redirect to another server: it could be one inside our own network."""
        if not response.has_redirect_location:
            return
        onward = urljoin(str(response.url), response.headers["location"])
        if _origin(onward) != _origin(self._base):
            raise SourceError(
                f"{self._id}: the server sends us on to {shown(onward[:200])}; set the "
                "connection's host to that server if it is right"
            )

    def _look_up(self, client: httpx.Client, globs: Sequence[str]) -> set[str]:
        if self._index is None:
            raise SourceError(
                f"{self._id}: a web server cannot be asked for {shown(globs[0])}; write "
                "`source.index`, the page that lists the files, or a path without *"
            )
        label = self._label(self._index)
        folder = "/" if self._index.endswith("/") else ""
        with client.stream("GET", self._url(self._index.rstrip("/")) + folder) as response:
            self._check(response, label)
            page = b"".join(self._in_time(_limited(response.iter_bytes(), label), label))
        text = page.decode("utf-8", errors="replace")
        found, refused = files_linked(text, at=str(response.url), base=self._base, globs=globs)
        self._refused += refused
        return found

    def _ask(self, client: httpx.Client, path: str) -> Seen | None:
        label = self._label(path)
        response = client.head(self._url(path))
        if response.status_code in _ABSENT:
            return None
        if response.status_code not in _NO_HEAD:
            self._check(response, label)
            if response.headers.get("content-length", "").isdigit():
                size = int(response.headers["content-length"])
                return Seen(path, size, _written_at(response), _fingerprint(response, str(size)))
        return self._read_through(client, path)

    def _read_through(self, client: httpx.Client, path: str) -> Seen | None:
        """Size and fingerprint of a file whose server does not tell its length."""
        label, size, digest = self._label(path), 0, hashlib.sha256()
        with self._get(client, path) as response:
            if response.status_code in _ABSENT:
                return None
            self._check(response, label)
            for chunk in self._in_time(_body(response, path), label):
                size += len(chunk)
                digest.update(chunk)
        return Seen(path, size, _written_at(response), _fingerprint(response, digest.hexdigest()))

    @contextmanager
    def _get(self, client: httpx.Client, path: str) -> Iterator[httpx.Response]:
        with client.stream("GET", self._url(path)) as response:
            yield response

    def _in_time(self, chunks: Iterator[bytes], label: str) -> Iterator[bytes]:
        started = time.monotonic()
        for chunk in chunks:
            if time.monotonic() - started > self._limits.max_seconds:
                raise SourceError(f"{label} took longer than {self._limits.max_seconds:g} s")
            yield chunk

    def _check(self, response: httpx.Response, label: str) -> None:
        status = response.status_code
        if status in {401, 403}:
            raise SourceError(f"{label}: access refused ({status}); check the connection's login")
        if status != 200:
            raise SourceError(f"{label}: the server answered {status}")

    def _url(self, path: str) -> str:
        return self._base + (quote("/".join(segments(path)), safe="/") if path else "")

    def _label(self, path: str) -> str:
        return f"{self._id}: {shown(path)}"


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, parts.hostname, port


def _body(response: httpx.Response, path: str) -> Iterator[bytes]:
    """The file's own bytes: a `.gz` that the server calls gzip-encoded is not unpacked."""
    encoding = response.headers.get("content-encoding", "").lower()
    packed_itself = encoding == "gzip" and path.lower().endswith((".gz", ".tgz"))
    return response.iter_raw() if packed_itself else response.iter_bytes()


def _limited(chunks: Iterator[bytes], label: str) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > INDEX_LIMIT:
            raise SourceError(
                f"{label} is not an index page: it is larger than {INDEX_LIMIT:,} bytes"
            )
        yield chunk


def _fingerprint(response: httpx.Response, otherwise: str) -> str:
    headers = response.headers
    return headers.get("etag") or headers.get("last-modified") or otherwise


def _written_at(response: httpx.Response) -> datetime | None:
    try:
        at = parsedate_to_datetime(response.headers["last-modified"])
    except (KeyError, ValueError, OverflowError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
