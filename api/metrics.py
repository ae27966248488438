"""Figures for Prometheus: numbers and states only, no owners and no ids."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS")


class _States(Collector):
    """Counts recordings by state when the figures are fetched."""

    def __init__(self, count: Callable[[], Mapping[str, int]]) -> None:
        self.count = count

    def collect(self) -> Iterable[Metric]:
        gauge = GaugeMetricFamily("detector_recordings", "Recordings by state.", labels=("state",))
        for state, number in sorted(self.count().items()):
            gauge.add_metric((state,), number)
        yield gauge


class Metrics:
    """The figures of one application; each has its own registry, so that tests can have many."""

    def __init__(self, states: Callable[[], Mapping[str, int]] | None = None) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "detector_requests", "Requests answered.", ("method", "route", "status"),
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "detector_request_seconds", "Time to the end of an answer.", ("route",),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600),
            registry=self.registry,
        )  # fmt: skip
        self.upload_bytes = Counter(
            "detector_upload_bytes", "Bytes of recordings taken in.", registry=self.registry
        )
        self.uploads = Counter(
            "detector_uploads", "Uploads by how they ended.", ("outcome",), registry=self.registry
        )
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        if states:
            self.registry.register(_States(states))

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; methods that nobody knows are counted together."""
        method = method if method in _METHODS else "other"
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def render(self) -> bytes:
        """Return the figures in the text form of Prometheus."""
        return generate_latest(self.registry)
