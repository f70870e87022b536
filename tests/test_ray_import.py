"""Imports on a Ray cluster: the same index as on one machine, whatever is killed meanwhile."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cli_call import run
from indexer.build import ImportOptions, ImportReport, index_files
from indexer.doctor import examine
from records import make_records, open_index, write_records
from search.embedding.embedder import load_embedder
from search.embedding.model import DEFAULT_MODEL
from search.errors import ClusterUnavailable
from search.papers.paper import Paper
from service.commands.exit_status import ExitStatus

pytest.importorskip("ray", reason="needs Ray: pip install 'papers-search[ray]'")
pytestmark = [  # of Ray itself
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

from ray.cluster_utils import Cluster  # noqa: E402

from indexer.ray_embedder import RayEmbedder  # noqa: E402

PAPERS = 960
BATCH_PAPERS, SLICE_TEXTS = 160, 16
"""Small, so that few papers are several batches."""
ROOT = Path(__file__).parent.parent

Papers = dict[str, tuple[Paper, NDArray[np.float32]]]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.paper_writer.BATCH_PAPERS", BATCH_PAPERS)
    monkeypatch.setattr("indexer.batch._SLICE_TEXTS", SLICE_TEXTS)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_records(tmp_path_factory.mktemp("files") / "papers.jsonl", make_records(0, PAPERS))


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, file: Path) -> Papers:
    """The papers and vectors of a local import."""
    directory = tmp_path_factory.mktemp("local")
    index_files([file], directory, load_embedder())
    return read_index(directory)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of a node without cores, which drivers join, and one with a core."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")  # of 15, with which a busy machine takes minutes
        patch.setenv("PYTHONPATH", str(ROOT))
        cluster = Cluster(True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        cluster.add_node(num_cpus=1)
        yield cluster
        cluster.shutdown()


def read_index(directory: Path) -> Papers:
    """Returns the papers and vectors of an index without problems by ID."""
    assert examine(directory) == []
    snapshot = open_index(directory).snapshot
    rows = snapshot.live.ids.tolist()
    return {
        paper.id: (paper, snapshot.vectors.get_vector(row).astype(np.float32))
        for row, paper in zip(rows, snapshot.store.get(rows), strict=True)
    }


def assert_same(papers: Papers, local: Papers) -> None:
    """Asserts that no paper is lost, doubled or changed, and that the vectors agree within a cosine of 0.9999."""
    assert {name: paper for name, (paper, _) in papers.items()} == {name: paper for name, (paper, _) in local.items()}
    cosines = [float(papers[name][1] @ vector) for name, (_, vector) in local.items()]
    assert min(cosines) > 0.9998  # of float16


def import_on(
    cluster: Cluster, file: Path, directory: Path, when_embedding: Callable[[], None] = lambda: None
) -> tuple[ImportReport, list[str], set[int]]:
    """Imports a file with a worker on each node, and calls a function once the first texts are embedded.

    Returns:
        The report, the notices, and the numbers of workers that there were.
    """
    notices, workers, calls = list[str](), set[int](), [when_embedding]
    with RayEmbedder(cluster.address, DEFAULT_MODEL.identity(), notices.append) as embedder:
        while embedder.workers < len(cluster.worker_nodes):
            time.sleep(0.1)

        def show(counts: Any, _done: float) -> None:
            workers.add(embedder.workers)
            if counts.embedded and calls:
                calls.pop()()

        options = ImportOptions(slices=embedder.slices)
        return index_files([file], directory, embedder, options=options, progress=show), notices, workers


def start_command(cluster: Cluster, file: Path, directory: Path) -> subprocess.Popen[str]:
    """Starts ``papers index --ray`` with small batches in a process of its own."""
    program = (
        f"import indexer.batch, indexer.paper_writer; indexer.batch._SLICE_TEXTS = {SLICE_TEXTS}; "
        f"indexer.paper_writer.BATCH_PAPERS = {BATCH_PAPERS}; from service.cli import main; main()"
    )
    options = ["--index", str(directory), "--precision", "float", "--ray", cluster.address]
    command = [sys.executable, "-c", program, "index", str(file), *options]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)


def wait_for(process: subprocess.Popen[str]) -> str:
    """Waits for the end of a command and returns what it printed."""
    try:
        return process.communicate(timeout=300)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(process.communicate()[0]) from None


def stop_command(process: subprocess.Popen[str], directory: Path, number: signal.Signals, batches: int) -> str:
    """Sends a signal as soon as the vectors of some batches are written, and returns what the command printed."""
    bytes_written = batches * BATCH_PAPERS * DEFAULT_MODEL.dim * 2
    while process.poll() is None and not any(
        path.stat().st_size >= bytes_written for path in directory.glob("**/vectors-*.f16") if path.is_file()
    ):
        time.sleep(0.01)
    process.send_signal(number)
    printed = wait_for(process)
    assert process.returncode == {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: ExitStatus.INTERRUPTED}[number], (
        printed
    )
    return printed


def worker_process(node: Any) -> int:
    """Returns the ID of the process of a node's worker."""
    (raylet,) = node.all_processes["raylet"]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            parent = re.search(r"PPid:\t(\d+)", path.with_name("status").read_text())
            if path.read_bytes().startswith(b"ray::RayWorker") and parent and int(parent[1]) == raylet.process.pid:
                return int(path.parent.name)
    raise AssertionError("the node has no worker")


def shadow_package(folder: Path) -> None:
    """Hides the package ``search`` behind another one."""
    (folder / "search").mkdir()
    (folder / "search" / "__init__.py").touch()


def write_other_version(folder: Path) -> None:
    """Makes another version of the package look installed."""
    (folder / "papers_search-0.0.9.dist-info").mkdir()
    (folder / "papers_search-0.0.9.dist-info" / "METADATA").write_text("Name: papers-search\nVersion: 0.0.9\n")


def use_until_refused(cluster: Cluster) -> None:
    with RayEmbedder(cluster.address, DEFAULT_MODEL.identity()) as embedder:
        for _ in range(600):
            embedder.encode(["A text."])
            time.sleep(0.1)


def test_a_node_that_is_killed_loses_and_doubles_nothing(
    cluster: Cluster, file: Path, tmp_path: Path, local: Papers
) -> None:
    node = cluster.add_node(num_cpus=1)
    report, notices, workers = import_on(
        cluster, file, tmp_path, lambda: cluster.remove_node(node, allow_graceful=False)
    )
    assert (report.counts.new, report.counts.embedded) == (PAPERS, PAPERS)
    assert_same(read_index(tmp_path), local)
    assert workers >= {1, 2}
    assert [notice.partition(" on ")[0] for notice in notices] == ["lost the worker"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_worker_that_is_killed_or_does_not_answer_is_replaced(
    cluster: Cluster,
    file: Path,
    tmp_path: Path,
    local: Papers,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    monkeypatch.setattr("indexer.ray_embedder._SLICE_LIMIT_S", 10)
    (node,) = cluster.worker_nodes
    report, notices, workers = import_on(cluster, file, tmp_path, lambda: os.kill(worker_process(node), number))
    assert (report.counts.new, report.counts.embedded) == (PAPERS, PAPERS)
    assert_same(read_index(tmp_path), local)
    assert workers >= {1}
    assert len(notices) == 1


def test_a_stopped_import_continues_without_embedding_again(
    cluster: Cluster, file: Path, tmp_path: Path, local: Papers
) -> None:
    stop_command(start_command(cluster, file, tmp_path), tmp_path, signal.SIGKILL, 2)
    printed = stop_command(start_command(cluster, file, tmp_path), tmp_path, signal.SIGINT, 3)
    assert "papers: interrupted; imported papers are kept, the previous index version stays live" in printed
    assert "Traceback" not in printed
    last = start_command(cluster, file, tmp_path)
    printed = wait_for(last)
    assert last.returncode == 0, printed
    embedded = re.search(rf"(\d+) texts? embedded. The index has {PAPERS} papers", printed)
    assert embedded, printed
    assert int(embedded[1]) <= PAPERS - 2 * BATCH_PAPERS
    assert_same(read_index(tmp_path), local)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (shadow_package, r"the node \S+ cannot embed: papers-search is not installed there \(.*No module named"),
        (write_other_version, r"it has papers-search 0\.0\.9, but this machine has (\d|unknown)"),
    ],
)
def test_a_node_that_has_another_package_is_refused(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], message: str
) -> None:
    make(tmp_path)
    monkeypatch.chdir(tmp_path)  # the folder that Ray lets the workers import from first
    node = cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"})
    try:
        with pytest.raises(ClusterUnavailable, match=message):
            use_until_refused(cluster)
    finally:
        cluster.remove_node(node)


def test_a_node_with_another_model_is_refused(cluster: Cluster) -> None:
    other = replace(DEFAULT_MODEL.identity(), weights_sha256="0" * 64)
    with pytest.raises(ClusterUnavailable, match=r"its model is .*595e18.*, but the model of this import is .*000000"):
        RayEmbedder(cluster.address, other)


def test_a_cluster_without_cores_is_given_up(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.ray_embedder._WORKER_LIMIT_S", 1)
    (node,) = cluster.worker_nodes
    cluster.remove_node(node)
    try:
        with pytest.raises(
            ClusterUnavailable, match=r"no worker could be started within 1 seconds; `ray status` shows"
        ):
            RayEmbedder(cluster.address, DEFAULT_MODEL.identity())
    finally:
        cluster.add_node(num_cpus=1)


@pytest.mark.parametrize(
    ("address", "status", "message"),
    [
        ("auto", 1, r"Ray cluster \S+:1: cannot be reached \(.* refused\); compare the address"),
        ("localhost:1", 1, r"Ray cluster localhost:1: cannot be reached \(.* refused\); compare the address"),
        ("nowhere", 2, r"invalid --ray 'nowhere': give HOST:PORT of the head node"),
        ("ray://10.0.0.5:10001", 2, r"invalid --ray 'ray://10.0.0.5:10001': give HOST:PORT"),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_named(
    file: Path, tmp_path: Path, address: str, status: int, message: str
) -> None:
    done = run("index", str(file), "--index", str(tmp_path), "--ray", address, RAY_ADDRESS="127.0.0.1:1")
    assert done.returncode == status
    assert re.search(message, done.stderr), done.stderr
