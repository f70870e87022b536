"""Fails file operations of all commands that write or open an index, one per run, and verifies the index after each.

Each write, fsync, rename, link, removal, open and read below the folder of the index fails once with EIO, each that
writes also with ENOSPC, and each that writes kills the process once before it. After that the published generation must
answer as before the run or as after it, and the same command, run again, must give the index of an undisturbed run.
``fault_injection.c`` counts the operations, and says which ones it does not reach; it needs Linux and a C compiler.

    make faults
    python -m benchmarks.faults --every 50
"""

import argparse
import ctypes
import errno
import hashlib
import importlib
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from indexer.build import ImportOptions, index
from indexer.compaction import compact
from indexer.doctor import examine, repair
from indexer.reindex import reindex
from indexer.removal import remove
from indexer.removal_selection import select_ids
from search.embedding.model import ModelIdentity
from search.errors import IndexMissing, PapersError
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher
from search.vectors.code_writer import DEFAULT_CODES_TUNING

_PAPERS = 40
"""Papers of the index before a run; more would only repeat operations."""
_NEW_PAPERS = 6
"""Papers that an import adds."""
_REMOVED_IDS = ("2401.00001", "2401.00002")
"""Papers that a removal removes, and a compaction leaves out."""
_CODES = replace(DEFAULT_CODES_TUNING, min_rows=30, rows_per_cell=20, kmeans_iterations=1, pca_dimensions=4)
_MAX_RUN_S = 120
"""Seconds after which a run counts as one that hangs."""
_SOURCE = Path(__file__).with_name("fault_injection.c")
_KILL = 0
_FAULTS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "kill": _KILL}


class _HashEmbedder:
    """Embeds a text as a pseudo-random unit vector."""

    def __init__(self, model: ModelIdentity) -> None:
        self.model = model

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") for text in texts]
        vectors = np.array([np.random.default_rng(seed).normal(size=self.model.dim) for seed in seeds], np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


_MODEL = _HashEmbedder(ModelIdentity("hash", "0" * 64, 32, 256))
_OTHER_MODEL = _HashEmbedder(ModelIdentity("other", "1" * 64, 16, 256))


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command whose operations fail.

    Attributes:
        name: its name in the results.
        start: the folder that a run starts with.
        run: the command.
    """

    name: str
    start: Path
    run: Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Run:
    """The outcome of a command in a process of its own.

    Attributes:
        result: what it returned; None unless it succeeded.
        error: how it ended: empty if it succeeded; killed, hangs, or the error.
        is_named: whether the error is one that the command line shows as one line.
        operations: the kind of each counted operation.
    """

    result: Any = None
    error: str = ""
    is_named: bool = True
    operations: str = ""


class Injector:
    """Runs commands in child processes and lets one of their file operations fail.

    Args:
        library: the compiled ``fault_injection.c``, which this process has preloaded.
        folder: operations below it count.
    """

    def __init__(self, library: Path, folder: Path) -> None:
        self._library, self._folder = ctypes.CDLL(str(library)), folder
        self._library.faults_kind.restype = ctypes.c_char

    def run(self, command: Callable[[], object], operation: int = 0, error: int = 0) -> Run:
        """Runs a command in a child.

        Args:
            command: the command.
            operation: number of the operation that fails, from 1; 0 for none.
            error: its ``errno``; 0 kills the child.
        """
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # warnings of faiss
            signal.alarm(_MAX_RUN_S)
            self._library.faults_start(str(self._folder).encode(), operation, error)
            outcome = _call(command)
            count = self._library.faults_count()
            self._library.faults_start(b"", 0, 0)
            kinds = b"".join(self._library.faults_kind(number) for number in range(1, count + 1))
            with os.fdopen(writer, "wb") as file:
                pickle.dump(replace(outcome, operations=kinds.decode()), file)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            content = file.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if content:
            return pickle.loads(content)  # type: ignore[no-any-return]
        return Run(error={-signal.SIGKILL: "killed", -signal.SIGALRM: "hangs"}.get(status, f"exit status {status}"))


def _call(command: Callable[[], object]) -> Run:
    try:
        return Run(command())
    except (OSError, PapersError) as error:
        return Run(error=f"{type(error).__name__}: {error}", is_named="\n" not in str(error))
    except BaseException as error:  # noqa: BLE001  reported as one that the command line would show as a traceback
        return Run(error=f"{type(error).__name__}: {error}", is_named=False)


def _names_full_disk(run: Run) -> bool:
    """Whether the error of a full disk is named; SQLite only does so for a write.

    A thread of tantivy does not say why it ended. Then a disk that has no free space is named, which this one has.
    """
    is_other = run.error.startswith("OSError") and os.strerror(errno.ENOSPC) not in run.error
    is_other = is_other and "error occurred in a thread" not in run.error
    return not is_other or "papers.sqlite" in run.error


def inject(work: Path, library: Path, every: int) -> dict[str, object]:
    """Fails every n-th operation of each scenario and returns the counts.

    Args:
        work: an empty folder.
        library: the compiled ``fault_injection.c``.
        every: n; 1 for all operations.
    """
    directory = work / "index"
    injector, figures = Injector(library, directory), {}
    totals: Counter[str] = Counter()
    failures: list[str] = []
    for scenario in _make_scenarios(work, injector):
        counts = _Experiment(injector, scenario, directory).inject_all(every, failures)
        figures[scenario.name] = dict(counts)
        totals += counts
        print(f"{scenario.name}: {dict(counts)}", file=sys.stderr, flush=True)
    return {
        "every": every,
        "injections": totals["injections"],
        "lost": totals["lost"],
        "scenarios": figures,
        "failures": failures,
    }


class _Experiment:
    """The runs of one scenario."""

    def __init__(self, injector: Injector, scenario: Scenario, directory: Path) -> None:
        self._injector, self._scenario, self._directory = injector, scenario, directory

    def inject_all(self, every: int, failures: list[str]) -> Counter[str]:
        """Fails every n-th operation; describes each failed verification in ``failures``."""
        self._restore()
        self._before = self._injector.run(lambda: _describe(self._directory))
        undisturbed = self._injector.run(lambda: self._scenario.run(self._directory))
        if undisturbed.error:
            raise RuntimeError(f"{self._scenario.name} fails without a fault: {undisturbed.error}")
        self._after = self._injector.run(lambda: _describe(self._directory, complete=True))
        counts: Counter[str] = Counter(operations=len(undisturbed.operations), injections=0, lost=0)
        faults = [
            (number, name)
            for number, kind in enumerate(undisturbed.operations, 1)
            for name in _FAULTS
            if name == "EIO" or kind == "w"
        ]
        for number, name in faults[every // 2 :: every]:
            outcome, problem = self._inject(number, name)
            counts["injections"] += outcome != "not reached"
            counts[outcome] += 1
            if problem:
                counts["lost"] += 1
                failures.append(f"{self._scenario.name}, {name} at operation {number}: {problem}")
                print(failures[-1], file=sys.stderr, flush=True)
        return counts

    def _inject(self, number: int, fault: str) -> tuple[str, str]:
        """Fails one operation; returns how the run ended, and what was wrong with the index or the error."""
        self._restore()
        run = self._injector.run(lambda: self._scenario.run(self._directory), number, _FAULTS[fault])
        if not run.error and len(run.operations) < number:
            return "not reached", ""
        outcome = "killed" if run.error == "killed" else "error" if run.error else "succeeded"
        if not run.is_named or run.error == "hangs":
            return "unnamed error", f"it ends with {run.error}"
        if fault == "ENOSPC" and not _names_full_disk(run):
            return "unnamed error", f"a full disk is reported as {run.error}"
        verification = self._injector.run(lambda: self._verify(succeeded=not run.error))
        return outcome, verification.error or verification.result

    def _verify(self, *, succeeded: bool) -> str:
        """Returns what is wrong with the index after a run, and after the next run; empty if nothing is."""
        state = _describe(self._directory)
        if state != self._after.result[:-1] and (succeeded or state != self._before.result):
            return "the published generation does not answer as before or after the run"
        self._scenario.run(self._directory)
        if _describe(self._directory, complete=True) != self._after.result:
            return "after the next run the index is not that of an undisturbed run"
        return ""

    def _restore(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)
        if self._scenario.start.exists():
            shutil.copytree(self._scenario.start, self._directory)


def _describe(directory: Path, *, complete: bool = False) -> tuple[object, ...]:
    """Returns what the published generation contains and finds, after all its checksums are verified.

    Args:
        directory: the index.
        complete: also examine the whole index, and add the names in its folder but for the numbers of generations.
    """
    try:
        searcher = Searcher(
            directory, lambda model: _MODEL if model == _MODEL.model else _OTHER_MODEL, verify_checksums=True
        )
    except IndexMissing:
        return ("missing",)
    snapshot = searcher.snapshot
    papers = [paper for row, paper in snapshot.store.scan(0) if row in snapshot.live]
    embedder = _MODEL if snapshot.model == _MODEL.model else _OTHER_MODEL
    vectors = [snapshot.vectors.get_vector(row) for row in snapshot.live]
    expected = embedder.encode([paper.text for paper in papers]).astype(np.float16)
    if not np.array_equal(np.array(vectors, np.float16), expected):
        raise ValueError("vectors and papers are not those of each other")
    queries = (
        Query("word7", mode="lexical"),
        Query(papers[3].text, mode="semantic"),
        Query("", Filter(authors=("Ada Byron",))),
    )
    pages = [searcher.search(query) for query in queries]
    found = [(page.total, sorted(hit.paper.id for hit in page.hits)) for page in pages]
    state = (snapshot.model.name, sorted(json.dumps(paper.to_json(), sort_keys=True) for paper in papers), found)
    if not complete:
        return state
    problems = examine(directory)
    if problems:
        raise ValueError("; ".join(problems))
    names = sorted(path.name[:4] for path in directory.iterdir() if not path.name.startswith("papers.sqlite-"))
    return (*state, names)


def _make_scenarios(work: Path, injector: Injector) -> list[Scenario]:
    first, more = _write_papers(work / "first.jsonl", 0, _PAPERS, 1), work / "more.jsonl"
    _write_papers(more, _PAPERS - 4, _NEW_PAPERS + 4, 2)
    options = ImportOptions(codes=_CODES)
    # In a child, because a process that has threads cannot fork.
    made = injector.run(lambda: _make_index(first, work / "whole", options))
    shutil.copytree(work / "whole", work / "removed")
    injector.run(lambda: _remove(work / "removed"))
    for name in made.result:
        importlib.import_module(name)  # once, instead of in each child
    return [
        Scenario("import", work / "whole", lambda path: index([more], path, _MODEL, options=options).papers),
        Scenario("first import", work / "none", lambda path: index([first], path, _MODEL, options=options).papers),
        Scenario("repair", work / "whole", lambda path: repair(path, _load, codes=_CODES).rows),
        Scenario("reindex", work / "whole", lambda path: reindex(path, _OTHER_MODEL, codes=_CODES).embedded),
        Scenario("remove", work / "whole", _remove),
        Scenario("compact", work / "removed", lambda path: compact(path, _load, codes=_CODES).removed_rows),
        Scenario("open", work / "whole", _describe),
        Scenario("doctor", work / "whole", examine),
    ]


def _load(_model: ModelIdentity) -> _HashEmbedder:
    return _MODEL


def _remove(directory: Path) -> int:
    """Removes the papers that are not removed yet."""
    return remove(directory, select_ids(directory, _REMOVED_IDS), _load, codes=_CODES).removed


def _make_index(papers: Path, directory: Path, options: ImportOptions) -> list[str]:
    """Makes an index, uses all of it, and returns the modules that this took."""
    index([papers], directory, _MODEL, options=options)
    _describe(directory, complete=True)
    return [
        name for name in sys.modules if name.split(".")[0] in ("faiss", "indexer", "search", "tantivy", "zstandard")
    ]


def _write_papers(path: Path, start: int, count: int, version: int) -> Path:
    records = [
        {
            "id": f"2401.{number:05}v{version}",
            "title": f"Title {number} of word{number % 9}",
            "abstract": f"Abstract {number} with word{number % 5} and word{number % 11}.",
            "authors": ["Ada Byron"] if number % 3 else ["Max Planck", f"Grace Hopper{number}"],
            "categories": ["cs.CL", "cs.IR"][number % 2 :],
            "published": f"2024-01-{1 + number % 28:02}",
        }
        for number in range(start, start + count)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


def preload(arguments: Sequence[str], folder: Path) -> list[str]:
    """Compiles the library and returns the command line of a Python process that has preloaded it.

    Raises:
        CalledProcessError: it does not compile.
    """
    library = folder / "fault_injection.so"
    compiler = shutil.which("cc") or "cc"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl"], check=True)
    environment = [f"LD_PRELOAD={library}", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1"]
    return ["env", *environment, sys.executable, "-m", "benchmarks.faults", "--library", str(library), *arguments]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="fail one operation in this number")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/faults.json")
    parser.add_argument("--library", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not arguments.library:
            command = preload(sys.argv[1:], Path(folder))
            sys.exit(subprocess.run(command, check=False).returncode)
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        figures = inject(Path(folder), arguments.library, arguments.every)
    if arguments.save:
        results.save("faults", figures, dataset=f"{_PAPERS} made-up papers, {_NEW_PAPERS} more, 4 of them replaced")
    else:
        print(json.dumps(figures, indent=1))
    sys.exit(bool(figures["failures"]))


if __name__ == "__main__":
    main()
