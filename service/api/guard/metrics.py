"""Metrics: what Prometheus reads at /metrics, of all workers together.

Each worker writes its numbers into a mapped file of its own, in the folder that PROMETHEUS_MULTIPROC_DIR names
(``prometheus_client.multiprocess``); whichever worker is asked adds them up. In one process there are no files.
"""

import os

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from search.index.snapshot import Snapshot
from search.query.page import Page
from service.api.guard.records import Record
from service.api.guard.slots import Slots

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10)
_STAGE_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)


class Metrics:
    """The numbers of one process.

    Args:
        slots: whose turns are told.
    """

    def __init__(self, slots: Slots) -> None:
        self._slots, self._registry, self._shed_so_far, self._generation = slots, CollectorRegistry(), 0, ""
        here = self._registry
        self._requests = Histogram(
            "papers_request_seconds",
            "Time from a request's head to its answer's last byte",
            ("route", "status"),
            buckets=_SECONDS,
            registry=here,
        )
        self._queued = Histogram("papers_queued_seconds", "Time waited for a turn", buckets=_SECONDS, registry=here)
        self._stages = Histogram(
            "papers_stage_seconds", "Time of a part of a search", ("stage",), buckets=_STAGE_SECONDS, registry=here
        )
        self._roads = Counter("papers_searches", "Searches by the road of the vectors", ("road",), registry=here)
        self._shed = Counter("papers_shed", "Requests that found no place in the queue", registry=here)
        self._busy = Gauge("papers_in_flight", "Turns taken", registry=here, multiprocess_mode="livesum")
        self._waiting = Gauge("papers_queue", "Requests that wait", registry=here, multiprocess_mode="livesum")
        self._number = Gauge(
            "papers_generation", "Number of the generation that answers", registry=here, multiprocess_mode="liveall"
        )
        self._papers = Gauge("papers_papers", "Papers in it", registry=here, multiprocess_mode="livemax")
        self._bytes = Gauge("papers_index_bytes", "Its files", registry=here, multiprocess_mode="livemax")

    def request(self, record: Record, route: str, seconds: float) -> None:
        """One request is answered."""
        self._requests.labels(route, str(record.status)).observe(seconds)
        if record.queued:
            self._queued.observe(record.queued)
        self.turns()

    def turns(self) -> None:
        """Tells the turns as they are."""
        self._busy.set(self._slots.busy)
        self._waiting.set(self._slots.waiting)
        if self._slots.shed > self._shed_so_far:
            self._shed.inc(self._slots.shed - self._shed_so_far)
            self._shed_so_far = self._slots.shed

    def answered(self, page: Page) -> None:
        """One page is made."""
        self._roads.labels(page.explanation.road).inc()
        for stage in page.explanation.stages:
            self._stages.labels(stage.name).observe(stage.milliseconds / 1000)

    def generation(self, snapshot: Snapshot) -> None:
        """Tells which generation answers, where that has changed."""
        manifest = snapshot.manifest
        if manifest.generation == self._generation:
            return
        self._generation = manifest.generation
        self._number.set(int("".join(filter(str.isdecimal, manifest.generation)) or 0))
        self._papers.set(manifest.live)
        own = sum(file.bytes for file in manifest.files)
        self._bytes.set(own + manifest.rows * manifest.model.dim * 2 + snapshot.layout.store.stat().st_size)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
