"""Metrics for Prometheus at /metrics, summed over all workers.

Each worker writes its numbers into a memory-mapped file in the folder that PROMETHEUS_MULTIPROC_DIR names
(``prometheus_client.multiprocess``); the worker that is scraped adds them up. A single process needs no files.
"""

import os
from functools import cache
from typing import Literal

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from search.index.backend import Backend
from search.query.page import Page
from service.api.guard.concurrency import AdmissionQueue
from service.api.guard.records import RequestRecord

MULTIPROC_DIR_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST
_REQUEST_BUCKETS_S: tuple[float, ...] = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10)
_STAGE_BUCKETS_S: tuple[float, ...] = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)


class Metrics:
    """The metrics of one process.

    Args:
        queue: the queue whose state is reported.
    """

    def __init__(self, queue: AdmissionQueue) -> None:
        self._queue, self._registry, self._rejected_so_far, self._generation = queue, CollectorRegistry(), 0, ""
        self._requests = self._histogram(
            "papers_request_seconds", "Time from request headers to the last byte of the response", "route", "status"
        )
        self._queue_wait = self._histogram("papers_queue_wait_seconds", "Time spent in the request queue")
        stages = self._histogram(
            "papers_stage_seconds", "Time of one stage of a search", "stage", buckets=_STAGE_BUCKETS_S
        )
        self._requests_of = cache(self._requests.labels)  # prometheus-client makes a tuple of texts, and takes a lock
        self._stage = cache(stages.labels)
        self._searches = self._counter("papers_searches", "Searches by strategy of the semantic search", "strategy")
        self._lookups = self._counter(
            "papers_page_cache_lookups", "Questions by whether their page was in the cache", "outcome"
        )
        self._rejected = self._counter("papers_requests_rejected", "Requests rejected because the queue was full")
        self._in_flight = self._gauge("papers_requests_in_flight", "Requests that have a slot", "livesum")
        self._queued_requests = self._gauge("papers_queued_requests", "Requests that wait for a slot", "livesum")
        self._generation_number = self._gauge("papers_generation", "Number of the index generation served", "liveall")
        self._papers = self._gauge("papers_indexed_papers", "Papers in that generation", "livemax")
        self._index_bytes = self._gauge("papers_index_bytes", "Size of that generation", "livemax")
        self._problem = self._gauge(
            "papers_generation_problem", "1 while the published generation cannot be opened", "livemostrecent"
        )

    def _histogram(
        self, name: str, text: str, *labels: str, buckets: tuple[float, ...] = _REQUEST_BUCKETS_S
    ) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, mode: Literal["livesum", "liveall", "livemax", "livemostrecent"]) -> Gauge:
        return Gauge(name, text, registry=self._registry, multiprocess_mode=mode)

    def observe_request(self, record: RequestRecord, route: str, seconds: float) -> None:
        """Counts one finished request.

        Args:
            record: its record.
            route: template of its path.
            seconds: its duration.
        """
        self._requests_of(route, str(record.status)).observe(seconds)
        if record.queue_wait_s:
            self._queue_wait.observe(record.queue_wait_s)
        self.update_queue()

    def update_queue(self) -> None:
        """Reports the current state of the queue."""
        self._in_flight.set(self._queue.active)
        self._queued_requests.set(self._queue.waiting)
        if self._queue.rejected > self._rejected_so_far:
            self._rejected.inc(self._queue.rejected - self._rejected_so_far)
            self._rejected_so_far = self._queue.rejected

    def observe_page(self, page: Page) -> None:
        """Counts one search."""
        self._searches.labels(page.explanation.strategy).inc()
        for stage in page.explanation.stages:
            self._stage(stage.name).observe(stage.milliseconds / 1000)

    def observe_lookup(self, is_hit: bool) -> None:
        """Counts one lookup of the page of a question in the cache."""
        self._lookups.labels("hit" if is_hit else "miss").inc()

    def observe_problem(self, problem: str) -> None:
        """Reports whether the published generation cannot be opened.

        Args:
            problem: the reason; empty if it can be opened.
        """
        self._problem.set(bool(problem))

    def has_observed(self, generation: str) -> bool:
        """Returns whether a generation is the one that is reported."""
        return generation == self._generation

    def observe_generation(self, snapshot: Backend) -> None:
        """Reports which generation is served, if that has changed."""
        if self.has_observed(snapshot.generation):
            return
        self._generation = snapshot.generation
        self._generation_number.set(int("".join(filter(str.isdecimal, snapshot.generation)) or 0))
        self._papers.set(len(snapshot.live))
        self._index_bytes.set(snapshot.count_bytes())

    def render(self) -> bytes:
        """Returns all metrics in Prometheus's text format."""
        if MULTIPROC_DIR_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        merged = CollectorRegistry()
        MultiProcessCollector(merged)  # type: ignore[no-untyped-call]
        return generate_latest(merged)
