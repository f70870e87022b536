"""Reads malformed files with every source reader, and imports a part of them.

A reader must yield papers and errors for any bytes: no exception, no endless loop, no growing memory, and only papers
that the index can store. ``TARGETS`` has one function per format, which raises if it does not; ``main`` calls each with
mutations of valid files (``tests/source_mutations.py``) for some seconds of processor time.

    nice python -m benchmarks.fuzz_sources --seconds 50
"""

import argparse
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from random import Random

import orjson

from benchmarks import results
from indexer import sources
from indexer.build import index
from indexer.sources.file import SourceFile
from indexer.sources.guard import FAILURE
from search.papers.paper import Paper

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from fake_embedder import FakeEmbedder
from source_mutations import SAMPLES, mutate

MAX_SECONDS = 10
"""Processor time after which a reader counts as hanging; the inputs have at most some 100 KB."""
_IMPORTED_EACH = 200
"""One of so many inputs is imported into an index as well."""
_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-sources-"))


class Hang(BaseException):
    """A reader takes too long; not an ``Exception``, so that no reader handles it."""


def check_reader(format_: str, content: bytes) -> None:
    """Reads a file of this content, once as this format and once with detection.

    Raises:
        AssertionError: A record is neither an error that a reader foresees nor a paper that the index can store.
    """
    path = _FOLDER / "input"
    path.write_bytes(content)
    for name in (format_, ""):
        for record in sources.read(SourceFile(path, date(2026, 6, 15), name)):
            if isinstance(record, Paper):
                assert record.title or record.abstract
                assert Paper.from_json(orjson.loads(orjson.dumps(record.to_json()))) == record
            else:
                assert FAILURE not in str(record), record
                str(record).encode()


TARGETS: dict[str, Callable[[bytes], None]] = {f"sources: {name}": partial(check_reader, name) for name in SAMPLES}
"""A function for each format that raises if a file of this content is not read as it should be."""


def fuzz(format_: str, seconds: float, seed: int) -> dict[str, object]:
    """Reads mutations for some seconds of processor time; saves inputs that fail, and returns the counts."""
    random, found = Random(seed), list[str]()
    imported = _FOLDER / "imported"
    imported.mkdir(exist_ok=True)
    start, inputs, slowest = time.process_time(), 0, 0.0
    while time.process_time() - start < seconds:
        content = mutate(SAMPLES[format_].encode(), random)
        if inputs % _IMPORTED_EACH == 0:
            (imported / f"{format_}-{inputs}").write_bytes(content)
        inputs += 1
        before = time.process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, MAX_SECONDS)
        try:
            TARGETS[f"sources: {format_}"](content)
        except (Exception, Hang) as error:  # noqa: BLE001 - any exception is a finding
            kind = f"{type(error).__name__}: {str(error)[:200]}"
            if kind not in found and len(found) < 20:
                (_FOLDER / f"failure-{format_}-{len(found)}").write_bytes(content)
                found.append(kind)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        slowest = max(slowest, time.process_time() - before)
    return {"inputs": inputs, "slowest_s": round(slowest, 2), "failures": found}


def main() -> None:
    """Fuzzes all readers and saves ``benchmarks/results/fuzz_sources.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=50, help="processor time for each format")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    def stop(_signal: int, _frame: object) -> None:
        raise Hang(f"more than {MAX_SECONDS} s")

    signal.signal(signal.SIGVTALRM, stop)
    figures: dict[str, object] = {"seconds_per_format": options.seconds, "seed": options.seed}
    for format_ in SAMPLES:
        figures[format_] = fuzz(format_, options.seconds, options.seed)
        print(format_, figures[format_], flush=True)
    report = index([_FOLDER / "imported"], _FOLDER / "index", FakeEmbedder())
    figures["import"] = {"papers": report.papers, "skipped": report.skipped_count, "warnings": len(report.warnings)}
    figures["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    results.save("fuzz_sources", figures, dataset="mutations of tests/source_samples.py")
    print(f"failing inputs are in {_FOLDER}")


if __name__ == "__main__":
    main()
