"""The process of `wharf model serve`: one web server, one thread that follows the registry."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import uvicorn

from wharf.errors import SettingsError
from wharf.scoring.online.app import Limits, build_app
from wharf.scoring.online.served import Served, follow

LOOK_EVERY = timedelta(milliseconds=500)
_LAST_ANSWERS_S = 30


@dataclass(frozen=True)
class Address:
    """Where the server listens."""

    host: str = "127.0.0.1"
    port: int = 8091


def serve(
    served: Served,
    address: Address,
    limits: Limits,
    *,
    clock: Callable[[], datetime],
    concurrency: int = 256,
    look_every: timedelta = LOOK_EVERY,
) -> None:
    """Answer until the process is told to end (SIGINT or SIGTERM); then finish what was begun.

    Args:
        served: The models; their champions are loaded before the first answer.
        address: Where to listen.
        limits: What one request may hold.
        clock: Gives the instant.
        concurrency: Requests at one time; more are answered 503 at once.
        look_every: How often the registry is asked who is champion.

    Raises:
        SettingsError: The address is taken.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    served.refresh(clock())
    config = uvicorn.Config(
        build_app(served, limits, clock),
        host=address.host,
        port=address.port,
        log_level="info",
        access_log=False,
        limit_concurrency=concurrency,
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
        ws="none",
        lifespan="off",
        server_header=False,
    )
    stop = threading.Event()
    thread = follow(served, stop, look_every, clock)
    try:
        uvicorn.Server(config).run()
    except SystemExit as error:
        if error.code:
            where = f"{address.host}:{address.port}"
            raise SettingsError(f"{where} cannot be listened on; choose another --port") from error
    finally:
        stop.set()
        thread.join()
