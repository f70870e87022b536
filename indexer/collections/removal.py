"""Removes papers from a collection of Milvus."""

from collections.abc import Callable, Iterable
from contextlib import closing

from indexer.collections.importing import find_collection_model
from indexer.collections.rows import CollectionRows
from indexer.collections.tables import CollectionTables
from indexer.doctor import LazyEmbedder
from indexer.paper_writer import PaperWriter
from indexer.removal import RemovalReport, Remover
from indexer.removal_selection import Selection, select_ids_of, select_query_of
from indexer.removed_papers import ANY_FILE
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import IndexBusy, IndexMissing
from search.milvus.address import Address
from search.milvus.data import DataStore
from search.milvus.manifest import CollectionManifest
from search.milvus.schema import DATA_SUFFIX
from search.milvus.source import MilvusSource


def select_ids(address: Address, ids: Iterable[str]) -> Selection:
    """Selects papers by any ID that they have or ever had; see ``indexer.removal_selection.select_ids``."""
    return select_ids_of(MilvusSource(address).open(), _read_excluded_ids(address).__contains__, ids)


def select_query(address: Address, query: str) -> Selection:
    """Selects the papers that meet a query; see ``indexer.removal_selection.select_query``."""
    return select_query_of(MilvusSource(address).open(), query)


def remove(address: Address, selection: Selection, load: Callable[[ModelIdentity], Embedder]) -> RemovalReport:
    """Removes the papers of a selection; see ``indexer.removal.remove``.

    Raises:
        IndexMissing: Nothing is published in the collection.
        IndexBusy: Another process is writing the collection, or has written it since the selection was made.
    """
    model = find_collection_model(address)
    if model is None:
        raise IndexMissing(str(address), "nothing was published here")
    storage = CollectionRows(address, model)
    with PaperWriter(storage, LazyEmbedder(model, load)) as writer:
        if storage.generation != selection.generation:
            problem = "papers were imported since these were selected, or an import was interrupted: complete it first"
            raise IndexBusy(str(address), problem)
        remover = Remover(writer, selection)
        remover.run()
        manifest = storage.publish(lambda manifest: manifest.calibration)
    return RemovalReport(remover.removed, remover.changed, manifest.papers, manifest.generation)


def _read_excluded_ids(address: Address) -> set[str]:
    """Returns the IDs of papers that were removed whatever files have them."""
    with closing(address.connect()) as client:
        data = DataStore(client, address.collection + DATA_SUFFIX)
        tables = CollectionTables(data, CollectionManifest.load(data, str(address)).extra).read()
        entries = (entry for table in tables if table.name == "removed" for entry in table.select("id", "scope"))
        return {str(paper_id) for paper_id, scope in entries if scope == ANY_FILE}
