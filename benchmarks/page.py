"""The web page in Chromium: first contentful paint, time to first byte, and the CPU time of the tab's main thread.

Questions that are typed one after another into the box of one tab replace the parts of the page that differ; for them
the time from Enter to the frame that shows the results is measured.

Between two pages in one tab there is a pause, as of a reader: the page requests the themes of an answer after the
answer, and without a pause these would compete with the next question. CPU time says more than elapsed time if other
processes use the same cores.

    papers index PAPERS.jsonl.xz --index FULL
    python -m benchmarks.page FULL                  # benchmarks/results/page.json
"""

import argparse
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median
from urllib.parse import quote

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks import results
from benchmarks.queries import generate_queries
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import ModelUnavailable
from search.papers.paper import Paper
from search.searcher import Searcher
from tests.chromium import DESKTOP, PapersServer, launch_chromium

_TIMING_SCRIPT = """() => {
    const [visit] = performance.getEntriesByType('navigation');
    const [paint] = performance.getEntriesByName('first-contentful-paint');
    return paint ? [paint.startTime, visit.responseStart, visit.loadEventEnd, visit.decodedBodySize / 1024] : null;
}"""
_TYPED_SCRIPT = """question => new Promise(done => {
    const box = document.getElementById('q');
    box.value = question;
    const start = performance.now();
    document.addEventListener('swapped', () => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
            const fetched = performance.getEntriesByType('resource').filter(each => each.initiatorType === 'fetch');
            const { requestStart, responseStart } = fetched.at(-1);
            done([performance.now() - start, responseStart - requestStart]);
        };
        port2.postMessage(0);  // arrives after the frame is painted
    }), { once: true });
    box.form.requestSubmit();
})"""
_PAUSE = 1.5
"""Seconds between two pages: time to read a few titles."""
_SEED = 18
"""Of the generated queries."""
_METRIC_NAMES = ("first_contentful_paint_ms", "first_byte_ms", "loaded_ms", "html_kib", "main_thread_cpu_ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument(
        "--visits",
        type=int,
        default=20,
        help="first visits, visits in new tabs, and visits in one tab, of each kind of page",
    )
    options = parser.parse_args()
    searcher = Searcher(options.index, _no_model)
    paths = _page_paths(searcher, 3 * options.visits)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = PapersServer(options.index, Path(folder) / "log")
        browser = launch_chromium(playwright)
        try:
            figures = {name: _measure_visits(browser, server.url, group) for name, group in paths.items()}
            figures["question typed in one tab"] = _measure_typed(
                browser, server.url, _queries(searcher, 4 * options.visits)[3 * options.visits :]
            )
        finally:
            version = browser.version
            browser.close()
            server.close()
    dataset = f"{searcher.snapshot.manifest.live:,} papers; papers serve and Chromium on the same cores"
    results.save("page", {"chromium": version, "visits_each": options.visits, **figures}, dataset=dataset)


def _no_model(model: ModelIdentity) -> Embedder:
    raise ModelUnavailable(f"{model.name} is not loaded: this benchmark only reads papers")


def _page_paths(searcher: Searcher, count: int) -> dict[str, list[str]]:
    """Returns the paths to visit for each kind of page: the start page, queries, filters, papers and authors.

    A page of one word that comes from no server shows the minimum of the browser.

    Args:
        searcher: reads the papers.
        count: number of paths of each kind; all differ, except for the start page and the page of one word.
    """
    complete = _sample(searcher, count)
    return {
        "one word, no server": ["data:text/html,<title>word</title><p>word"] * count,
        "start": ["/"] * count,
        "query": [f"/?q={quote(query)}" for query in _queries(searcher, count)],
        "filters": [f"/?author={quote(paper.authors[0])}&from=2024" for paper in complete],
        "paper": [f"/paper/{quote(paper.id)}" for paper in complete],
        "author": [f"/author?name={quote(paper.authors[-1])}" for paper in complete],
    }


def _sample(searcher: Searcher, count: int) -> list[Paper]:
    """Returns papers from all over the index that have a title and authors."""
    step = max(1, searcher.snapshot.manifest.live // (2 * count))
    papers = searcher.snapshot.store.get([step * number for number in range(2 * count)])
    return [paper for paper in papers if paper.title and paper.authors][:count]


def _queries(searcher: Searcher, count: int) -> list[str]:
    """Returns different queries of 3 to 8 words, the same at each call."""
    return list(islice(generate_queries(searcher.snapshot, _SEED), count))


def _measure_typed(browser: Browser, url: str, questions: list[str]) -> dict[str, float]:
    """Returns medians over questions that are typed one after another in one tab; the first two warm it up."""
    page = browser.new_context(viewport=DESKTOP, base_url=url).new_page()
    page.goto("/?q=warm")
    times = []
    for question in ("warm up", "warm up again", *questions):
        time.sleep(_PAUSE)
        times.append(page.evaluate(_TYPED_SCRIPT, question))
    page.context.close()
    shown, answered = zip(*times[2:], strict=True)
    slow = sorted(shown)[len(shown) * 9 // 10]
    return {
        "shown_ms": round(median(shown), 1),
        "first_byte_ms": round(median(answered), 1),
        "shown_p90_ms": round(slow, 1),
    }


def _measure_visits(browser: Browser, url: str, paths: list[str]) -> dict[str, object]:
    """Returns medians of first visits, of visits in new tabs, and of visits one after another in one tab.

    But for first visits, the style sheet and the scripts are in the browser's cache.
    """
    third = len(paths) // 3
    returning = browser.new_context(viewport=DESKTOP, base_url=url)
    tab = returning.new_page()
    _measure_visit(tab, "/")
    first, repeated = [], []
    for path in paths[:third]:
        context = browser.new_context(viewport=DESKTOP, base_url=url)
        first.append(_measure_visit(context.new_page(), path))
        context.close()
    for path in paths[third : 2 * third]:
        page = returning.new_page()
        repeated.append(_measure_visit(page, path))
        page.close()
    in_one_tab = []
    for path in paths[2 * third :]:
        time.sleep(_PAUSE)
        in_one_tab.append(_measure_visit(tab, path))
    returning.close()
    return {
        "first_visit": _medians(first),
        "style_and_scripts_cached": _medians(repeated),
        "in_one_tab": _medians(in_one_tab),
    }


def _measure_visit(page: Page, path: str) -> list[float]:
    """Returns the figures of one visit in the order of ``_METRIC_NAMES``."""
    tab = page.context.new_cdp_session(page)
    tab.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _task_duration(tab)
    page.goto(path, wait_until="load")
    while not (timing := page.evaluate(_TIMING_SCRIPT)):
        time.sleep(0.01)  # the paint is reported one frame later
    duration = _task_duration(tab) - before
    tab.detach()
    return [*(float(figure) for figure in timing), 1000 * duration]


def _task_duration(tab: CDPSession) -> float:
    """Returns the CPU time of the main thread until now, in seconds."""
    metrics = {each["name"]: each["value"] for each in tab.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def _medians(visits: list[list[float]]) -> dict[str, float]:
    columns = zip(*visits, strict=True)
    medians = {name: round(median(column), 1) for name, column in zip(_METRIC_NAMES, columns, strict=True)}
    slow = sorted(visit[0] for visit in visits)[len(visits) * 9 // 10]
    return {**medians, "first_contentful_paint_p90_ms": round(slow, 1)}


if __name__ == "__main__":
    main()
