"""Writing fetched bytes to a file that appears only when it is whole."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from pathlib import Path

from wharf.errors import SourceError

CHUNK = 1 << 20


def receive(chunks: Iterable[bytes], to: Path, *, label: str, limit: int) -> tuple[str, int]:
    """Write chunks aside, hash them, then rename.

    Args:
        chunks: The bytes as they come.
        to: Where the whole file shall appear.
        label: The file's name in messages.
        limit: Largest size accepted, bytes.

    Returns:
        The sha256 as hexadecimal text, and the size in bytes.

    Raises:
        SourceError: More than `limit` bytes came, or they cannot be written.
    """
    aside = to.with_name(f".{to.name[-80:]}.{secrets.token_hex(4)}.part")
    digest, size = hashlib.sha256(), 0
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("xb") as target:
            for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise SourceError(
                        f"{label} is larger than {limit:,} bytes; raise `max_bytes` in the "
                        "connection's extra if that is right"
                    )
                digest.update(chunk)
                target.write(chunk)
        aside.replace(to)
    except OSError as error:
        raise SourceError(f"{label} could not be copied: {error.strerror or error}") from error
    finally:
        aside.unlink(missing_ok=True)
    return digest.hexdigest(), size
