"""The systems that ``benchmarks.ann`` compares, by name.

    python -m venv PEERS && PEERS/bin/pip install . -c constraints.txt -r benchmarks/peers.txt     (hnswlib needs g++)

All graphs use the same degree and construction list (``benchmarks.peer_libraries``). Every field of a filter is indexed
where a system can do so. Systems without filters declare it. hnswlib takes a Python callback as its filter, and gets a
lookup in a mask computed by numpy.
"""

from collections.abc import Mapping

from benchmarks.ann_systems import FaissExact, PapersSearch, System
from benchmarks.peer_databases import LanceDb, QdrantEdge, Zvec
from benchmarks.peer_libraries import Hnswlib, Scann, Usearch

SYSTEMS: Mapping[str, type[System]] = {
    "faiss-exact": FaissExact,
    "ours": PapersSearch,
    "hnswlib": Hnswlib,
    "usearch": Usearch,
    "scann": Scann,
    "zvec": Zvec,
    "qdrant-edge": QdrantEdge,
    "lancedb": LanceDb,
}
