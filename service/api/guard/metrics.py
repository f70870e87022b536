"""Metrics: what Prometheus reads at /metrics, of all workers together.

Each worker writes its numbers into a mapped file of its own, in the folder that PROMETHEUS_MULTIPROC_DIR names
(``prometheus_client.multiprocess``); whichever worker is asked adds them up. In one process there are no files.
"""

import os

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from search.index.snapshot import Snapshot
from search.query.page import Page
from service.api.guard.concurrency import AdmissionQueue
from service.api.guard.records import RequestRecord

MULTIPROC_DIR_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST
_REQUEST_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10)
_STAGE_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)


class Metrics:
    """The numbers of one process.

    Args:
        slots: whose turns are told.
    """

    def __init__(self, queue: AdmissionQueue) -> None:
        self._queue, self._registry, self._rejected_so_far, self._generation = queue, CollectorRegistry(), 0, ""
        here = self._registry
        self._requests = Histogram(
            "papers_request_seconds",
            "Time from a request's head to its answer's last byte",
            ("route", "status"),
            buckets=_REQUEST_BUCKETS_S,
            registry=here,
        )
        self._queue_wait = Histogram(
            "papers_queued_seconds", "Time waited for a turn", buckets=_REQUEST_BUCKETS_S, registry=here
        )
        self._stages = Histogram(
            "papers_stage_seconds", "Time of a part of a search", ("stage",), buckets=_STAGE_BUCKETS_S, registry=here
        )
        self._searches = Counter("papers_searches", "Searches by the road of the vectors", ("road",), registry=here)
        self._rejected = Counter("papers_shed", "Requests that found no place in the queue", registry=here)
        self._in_flight = Gauge("papers_in_flight", "Turns taken", registry=here, multiprocess_mode="livesum")
        self._queued_requests = Gauge("papers_queue", "Requests that wait", registry=here, multiprocess_mode="livesum")
        self._generation_number = Gauge(
            "papers_generation", "Number of the generation that answers", registry=here, multiprocess_mode="liveall"
        )
        self._papers = Gauge("papers_papers", "Papers in it", registry=here, multiprocess_mode="livemax")
        self._index_bytes = Gauge("papers_index_bytes", "Its files", registry=here, multiprocess_mode="livemax")

    def observe_request(self, record: RequestRecord, route: str, seconds: float) -> None:
        """One request is answered."""
        self._requests.labels(route, str(record.status)).observe(seconds)
        if record.queue_wait_s:
            self._queue_wait.observe(record.queue_wait_s)
        self.update_queue()

    def update_queue(self) -> None:
        """Tells the turns as they are."""
        self._in_flight.set(self._queue.active)
        self._queued_requests.set(self._queue.waiting)
        if self._queue.rejected > self._rejected_so_far:
            self._rejected.inc(self._queue.rejected - self._rejected_so_far)
            self._rejected_so_far = self._queue.rejected

    def observe_page(self, page: Page) -> None:
        """One page is made."""
        self._searches.labels(page.explanation.strategy).inc()
        for stage in page.explanation.stages:
            self._stages.labels(stage.name).observe(stage.milliseconds / 1000)

    def observe_generation(self, snapshot: Snapshot) -> None:
        """Tells which generation answers, where that has changed."""
        manifest = snapshot.manifest
        if manifest.generation == self._generation:
            return
        self._generation = manifest.generation
        self._generation_number.set(int("".join(filter(str.isdecimal, manifest.generation)) or 0))
        self._papers.set(manifest.live)
        own = sum(file.bytes for file in manifest.files)
        self._index_bytes.set(own + manifest.rows * manifest.model.dim * 2 + snapshot.layout.store.stat().st_size)

    def render(self) -> bytes:
        """As Prometheus reads it."""
        if MULTIPROC_DIR_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
