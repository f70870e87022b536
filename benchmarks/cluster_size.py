"""Sizes of clusters of Milvus for a number of papers, from measured bytes and the rules of Milvus: docs/cluster.md.

python -m benchmarks.cluster_size

Nothing here was measured on a cluster. Bytes of a paper are those of ``benchmarks.milvus_bytes``. The rules are
those of the Milvus sizing tool (https://milvus.io/tools/sizing), whose program is public: src/utils/sizingTool.ts of
https://github.com/milvus-io/milvus.io, read in November 2026.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

SIZES = (10, 50, 250)
"""Millions of papers."""
_GIB = 1 << 30
_DIM = 384
"""Components of a vector of the small model."""

GRAPH_DEGREE = 32
"""M of HNSW_SQ (``search.milvus.schema``)."""
_LINK_BYTES = 4
"""Bytes of a link of a graph, and of a component in the rules of the tool."""
DISK_DEGREE = 56
"""max_degree of DISKANN, the default of Milvus; also in the rules of the tool."""
HEADROOM = 1.15
"""Rule of the tool: memory of an index over its size."""
MAPPED_SHARE = 0.1
"""Rule of the tool: memory of data that is memory-mapped from disk, over its size."""
GROWING_SEGMENTS = 2
"""Rule of the tool: segments that receive new papers, in memory; none for DISKANN."""

HOURS_PER_MONTH = 730
"""As in the price list."""
VCPU_MONTH = 0.031611 * HOURS_PER_MONTH
"""US dollars. Google Compute Engine, N2 in us-central1, on demand, without discounts: an assumption, like the next."""
GIB_MONTH = 0.004237 * HOURS_PER_MONTH
"""US dollars per GiB of memory, from the same list."""
DISK_GIB_MONTH = 0.17
"""US dollars per GiB of SSD persistent disk, from the same list (May 2023)."""
OBJECT_GIB_MONTH = 0.02
"""US dollars per GiB of Google Cloud Storage, standard, us-central1 (September 2026); requests are not included."""
MACHINE = (16, 64)
"""vCPUs and GiB of a machine, of which Kubernetes leaves ``_USABLE`` to pods."""
_USABLE = 0.9
"""Share of a machine that pods can have; an assumption."""

EMBEDDED_PER_CORE_S = 52
"""Papers that one core embeds per second (docs/scale.md: 104 on two cores)."""
_BUILD_GIB_PER_CORE = 2
"""Memory of an embedding worker per core; an assumption."""


_GROUPS = {
    "vector": ("vector",),
    "texts": ("text", "title", "abstract", "paper", "records"),
    "sparse": ("bm25", "order"),
}
"""The fields of ``PaperBytes``; the others are scalars."""
_NUMBERS = 8
"""Fields that are a number (``search.milvus.schema.NUMBERS``)."""


def measured_bytes() -> Mapping[str, float]:
    """Returns the bytes of a paper by field, as they were measured."""
    record = json.loads((Path(__file__).parent / "results" / "milvus_bytes.json").read_text("utf-8"))
    fields: Mapping[str, float] = record["bytes_by_field"]
    return fields


@dataclass(frozen=True, slots=True)
class PaperBytes:
    """Bytes of a paper, measured.

    Attributes:
        vector: the vector in half precision.
        texts: terms in three forms, and the paper itself.
        sparse: entries of the sparse vectors for BM25 and for orders.
        scalars: lists of keys, days, times and the row.
    """

    vector: float
    texts: float
    sparse: float
    scalars: float

    @classmethod
    def load(cls) -> "PaperBytes":
        """Reads the last measurement."""
        fields = measured_bytes()
        groups = {
            name: sum(size for field, size in fields.items() if field in group) for name, group in _GROUPS.items()
        }
        return cls(**groups, scalars=sum(fields.values()) - sum(groups.values()))

    @property
    def stored(self) -> float:
        """All fields."""
        return self.vector + self.texts + self.sparse + self.scalars


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """What query nodes have in memory, and what on their disks.

    Attributes:
        name: type of the index of the vectors.
        memory: bytes per paper in memory.
        disk: bytes per paper on the local disks.
        files: bytes per paper of index files in the object store.
        growing_segments: segments that receive papers, in memory.
    """

    name: str
    memory: float
    disk: float
    files: float
    growing_segments: int


def hnsw_plan(paper: PaperBytes) -> IndexPlan:
    """A graph over int8 with vectors to refine it, and all other indexes, in memory; fields are memory-mapped."""
    graph = 2 * GRAPH_DEGREE * _LINK_BYTES + _DIM + paper.vector
    indexes = graph + paper.sparse + paper.scalars
    mapped = paper.texts + paper.scalars + paper.vector
    return IndexPlan("HNSW_SQ", HEADROOM * indexes + MAPPED_SHARE * mapped, mapped, indexes, GROWING_SEGMENTS)


def disk_plan(paper: PaperBytes) -> IndexPlan:
    """A graph on disk with codes in memory; all other indexes and the fields are memory-mapped."""
    codes, graph = _DIM * _LINK_BYTES / 4, (_DIM + DISK_DEGREE) * _LINK_BYTES
    mapped = paper.sparse + paper.scalars + paper.texts + paper.scalars + paper.vector
    files = graph + paper.sparse + paper.scalars
    return IndexPlan("DISKANN", HEADROOM * codes + MAPPED_SHARE * mapped, graph + mapped, files, 0)


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods of one component.

    Attributes:
        component: its key in the values of the Helm chart.
        count: number of pods.
        cores: vCPUs of each.
        gib: memory of each.
        disk_gib: disk of each.
    """

    component: str
    count: int
    cores: float
    gib: int
    disk_gib: int = 0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster for some papers.

    Attributes:
        millions: number of papers.
        paper: bytes of a paper.
        plan: the index.
        segment_gib: size of a segment, fields included; each question searches all segments.
        needed_gib: memory that the query nodes need.
        pods: all components.
        object_gib: size of an object store outside of the cluster; 0 if it is in it.
    """

    millions: int
    paper: PaperBytes
    plan: IndexPlan
    segment_gib: int
    needed_gib: float
    pods: Sequence[Pods]
    object_gib: int

    @property
    def segments(self) -> int:
        return ceil(self.millions * 1e6 * self.paper.stored / _GIB / self.segment_gib)

    @property
    def cores(self) -> float:
        return sum(pods.count * pods.cores for pods in self.pods)

    @property
    def gib(self) -> int:
        return sum(pods.count * pods.gib for pods in self.pods)

    @property
    def disk_gib(self) -> int:
        return sum(pods.count * pods.disk_gib for pods in self.pods)

    @property
    def machines(self) -> int:
        cores, gib = MACHINE
        return ceil(max(self.cores / cores, self.gib / gib) / _USABLE)

    @property
    def dollars_per_month(self) -> float:
        compute = self.machines * (MACHINE[0] * VCPU_MONTH + MACHINE[1] * GIB_MONTH)
        return compute + self.disk_gib * DISK_GIB_MONTH + self.object_gib * OBJECT_GIB_MONTH

    @property
    def embedding_hours(self) -> float:
        """Core hours of the first import."""
        return self.millions * 1e6 / EMBEDDED_PER_CORE_S / 3600

    @property
    def embedding_dollars(self) -> float:
        hour = (VCPU_MONTH + _BUILD_GIB_PER_CORE * GIB_MONTH) / HOURS_PER_MONTH
        return self.embedding_hours * hour


def cluster_for(millions: int, paper: PaperBytes) -> Cluster:
    """Returns the cluster for some papers: HNSW_SQ up to 100 million, above it DISKANN."""
    plan = hnsw_plan(paper) if millions <= 100 else disk_plan(paper)
    segment = 1 if millions <= 10 else 4
    needed = millions * 1e6 * plan.memory / _GIB + HEADROOM * plan.growing_segments * segment
    is_large = needed > 96
    disk = millions * 1e6 * plan.disk / _GIB
    node_gib = 16 if needed <= 96 else 32 if needed <= 512 else 64
    full = ceil(needed / node_gib)
    query = Pods("queryNode", full + 1, node_gib / 4, node_gib, _round_up(disk / full, 10))
    streaming = ceil(query.count * query.cores / 16)
    pods = [
        query,
        Pods("dataNode", 8, 8, 16, 100) if is_large else Pods("dataNode", 2, 4, 16, 100),
        Pods("streamingNode", 2, *((2, 8) if streaming <= 2 else (4, 16) if streaming <= 4 else (8, 32))),
        Pods("mixCoordinator", 2, 8, 32) if is_large else Pods("mixCoordinator", 2, 2, 8),
        Pods("proxy", 2, 4, 16) if is_large else Pods("proxy", 2, 2, 8),
        Pods("etcd", 3, 1, 8, 50) if millions > 50 else Pods("etcd", 3, 1, 4, 20),
        Pods("papers", 2, 2, 4),
    ]
    stored = millions * 1e6 * (paper.stored + plan.files) / _GIB
    if is_large:
        return Cluster(millions, paper, plan, segment, needed, pods, _round_up(stored, 10))
    return Cluster(millions, paper, plan, segment, needed, [*pods, Pods("minio", 4, 1, 8, _round_up(stored, 10))], 0)


def _round_up(number: float, step: int) -> int:
    return ceil(number / step) * step


def field_table(paper: PaperBytes) -> str:
    """Returns the table of measured bytes by field, in Markdown."""
    fields = measured_bytes()
    lists = ("keys", "authors", "groups", "identity")
    rows = [(name, [field for field in group if field in fields]) for name, group in _GROUPS.items()]
    rows.append(("scalars", [field for field in fields if field in lists]))
    lines = ["| kind | bytes | fields |", "|---|---|---|"]
    for name, group in rows:
        listed = ", ".join(f"`{field}` {fields[field]:,.0f}" for field in group)
        rest = "" if name != "scalars" else f", the row and {_NUMBERS} numbers of 8"
        lines.append(f"| {name} | {getattr(paper, name):,.0f} | {listed}{rest} |")
    lines.append(f"| all | {paper.stored:,.0f} | |")
    return "\n".join(lines)


def paper_table(paper: PaperBytes) -> str:
    """Returns the table of bytes of a paper, in Markdown."""
    lines = [
        "| index | in memory | on the disks of query nodes | index files in the object store |",
        "|---|---|---|---|",
    ]
    for plan in (hnsw_plan(paper), disk_plan(paper)):
        lines.append(f"| {plan.name} | {plan.memory:,.0f} | {plan.disk:,.0f} | {plan.files:,.0f} |")
    return "\n".join(lines)


def cluster_table(clusters: Sequence[Cluster]) -> str:
    """Returns the table of clusters, in Markdown."""
    rows = {
        "papers": [f"{each.millions} million" for each in clusters],
        "index of the vectors": [each.plan.name for each in clusters],
        "segments": [f"{each.segments:,} of {each.segment_gib} GiB" for each in clusters],
        "memory that query nodes need, GiB": [f"{each.needed_gib:,.0f}" for each in clusters],
        "query nodes": [_describe(each.pods[0]) for each in clusters],
        "disk of each, GiB": [f"{each.pods[0].disk_gib:,}" for each in clusters],
        "vCPUs, all pods": [f"{each.cores:,.0f}" for each in clusters],
        "memory, all pods, GiB": [f"{each.gib:,}" for each in clusters],
        f"machines of {MACHINE[0]} vCPUs and {MACHINE[1]} GiB": [str(each.machines) for each in clusters],
        "disks, GiB": [f"{each.disk_gib:,}" for each in clusters],
        "object store outside, GiB": [f"{each.object_gib:,}" if each.object_gib else "none" for each in clusters],
        "cost per month, $": [f"{round(each.dollars_per_month, -2):,.0f}" for each in clusters],
        "embedding once, core hours": [f"{round(each.embedding_hours, -1):,.0f}" for each in clusters],
        "embedding once, $": [f"{each.embedding_dollars:,.0f}" for each in clusters],
    }
    lines = [f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()]
    return "\n".join([lines[0], "|---" * (len(clusters) + 1) + "|", *lines[1:]])


def _describe(pods: Pods) -> str:
    return f"{pods.count} × {pods.cores:.0f} vCPUs, {pods.gib} GiB"


def main() -> None:
    paper = PaperBytes.load()
    clusters = [cluster_for(millions, paper) for millions in SIZES]
    print(field_table(paper), paper_table(paper), cluster_table(clusters), sep="\n\n")
    for each in clusters:
        print(each.millions, *each.pods, sep="\n  ")


if __name__ == "__main__":
    main()
