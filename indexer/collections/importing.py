"""Imports papers into a collection of Milvus and publishes them."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from indexer.build import ImportOptions, ImportReport, OnProgress, import_records
from indexer.calibration import calibrate
from indexer.collections.rows import CollectionRows
from indexer.inputs import source_files
from indexer.paper_writer import PaperWriter
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import IndexUnavailable, ModelUnavailable
from search.index.calibration import CALIBRATION_TUNING
from search.milvus.address import Address
from search.milvus.backend import MilvusBackend
from search.milvus.collection import Collection
from search.milvus.data import DataStore
from search.milvus.errors import reports_errors
from search.milvus.manifest import CollectionManifest
from search.milvus.schema import DATA_SUFFIX

_PROBES = 64
"""Titles that calibrate a collection: fewer than in a folder, since each of them is searched for three times."""


def find_collection_model(address: Address) -> ModelIdentity | None:
    """Returns the model of the vectors of a collection; None if nothing is published in it.

    Raises:
        IndexUnavailable: Milvus cannot be reached.
    """
    with contextlib.closing(address.connect()) as client, reports_errors(str(address)):
        data = DataStore(client, address.collection + DATA_SUFFIX)
        if not client.has_collection(address.collection + DATA_SUFFIX):
            return None
        client.load_collection(address.collection + DATA_SUFFIX)
        return CollectionManifest.load(data, str(address)).model if CollectionManifest.read_version(data) else None


def index_into_collection(
    files: Iterable[Path],
    address: Address,
    embedder: Embedder,
    *,
    folders: Iterable[Path] = (),
    options: ImportOptions,
    progress: OnProgress = lambda counts, done: None,  # noqa: ARG005
    on_publish: Callable[[], None] = lambda: None,
) -> ImportReport:
    """Imports files that ``sources.discover`` found; see ``indexer.build.index_files``.

    After a kill, the papers of complete batches are in the collection, and the same import adds the others.
    ``on_publish`` is called when all papers are written.

    Raises:
        IndexUnavailable: Milvus cannot be reached.
        IndexBusy: Another process is writing the collection.
        IndexDamaged: The collection has vectors of another model.
        ModelUnavailable: The model cannot be loaded, or returned a vector whose length is not 1.
        SourceError: With ``options.strict``, the first malformed record or unreadable file.
    """
    inputs = source_files(files, options.as_of, options.format)
    storage = CollectionRows(address, embedder.model)
    with PaperWriter(storage, embedder, slices=options.slices) as writer:
        report = import_records(inputs, writer, options, folders=folders, progress=progress)
        on_publish()
        manifest = storage.publish(lambda manifest: _calibrate(storage.collection(manifest), embedder))
    report.papers, report.generation = manifest.papers, manifest.generation
    return report


def _calibrate(collection: Collection, embedder: Embedder) -> Mapping[str, Any] | None:
    """Returns the calibration of a collection: the last one while it is fresh or the model is not available."""
    backend = MilvusBackend(collection)
    known = backend.calibration
    if not (known and known.is_fresh(len(backend.live))):
        tuning = replace(CALIBRATION_TUNING, probe_count=_PROBES)
        with contextlib.suppress(ModelUnavailable):
            calibration = calibrate(backend, embedder, tuning)
            if backend.notices:  # a search that has no answer finds nothing
                problem = "Milvus did not answer while the bands were calibrated; repeat the command to continue"
                raise IndexUnavailable(collection.name, problem)
            return calibration.to_json()
    return collection.manifest.calibration
