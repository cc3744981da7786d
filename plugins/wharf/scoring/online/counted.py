"""What the scoring process counts of itself, in Prometheus' text format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as MEDIA_TYPE

from wharf.scoring.online.served import Served

__all__ = ["MEDIA_TYPE", "Counted"]
_NAME = "wharf_scoring"
_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0)


class Counted:
    """Requests, rows and seconds by model; which version answers, and whether it is the champion.

    Labels are names of models in the registry and numbers of answers, so they are bounded.
    """

    def __init__(self) -> None:
        self._registry = into = CollectorRegistry()
        by_answer = ("model", "version", "status")
        self._requests = Counter(f"{_NAME}_requests", "Answered.", by_answer, registry=into)
        self._rows = Counter(f"{_NAME}_rows", "Scored.", ("model", "version"), registry=into)
        self._seconds = Histogram(
            f"{_NAME}_request_seconds", "Seconds from a whole request to its answer.", ("model",),
            registry=into, buckets=_SECONDS,
        )  # fmt: skip
        self._version = _gauge("version", "The version that answers.", into)
        self._since = _gauge("version_since", "Since when, in Unix seconds.", into)
        self._current = _gauge("current", "1 where the registry's champion answers.", into)

    def answered(self, model: str, version: str, status: int, rows: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(model, version, str(status)).inc()
        self._seconds.labels(model).observe(seconds)
        if rows:
            self._rows.labels(model, version).inc(rows)

    def text(self, served: Served) -> bytes:
        """All metrics."""
        problems = served.problems
        for name in served.names:
            live = served.live(name)
            self._current.labels(name).set(live is not None and name not in problems)
            self._version.labels(name).set(live.scorer.artifact.version if live else 0)
            self._since.labels(name).set(live.since.timestamp() if live else 0)
        return generate_latest(self._registry)


def _gauge(name: str, about: str, into: CollectorRegistry) -> Gauge:
    return Gauge(f"{_NAME}_{name}", about, ("model",), registry=into)
