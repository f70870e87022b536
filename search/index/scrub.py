"""Scrub: verifies an open generation at a bounded rate, while it is used."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from search.checksums import BlockChecksums, ReadRows, check_block
from search.errors import IndexUnavailable
from search.index.database_checksums import read_paper_rows
from search.index.id_lookup import check_keys
from search.index.json_object import damaged_file
from search.index.read_errors import reports_read_errors
from search.index.snapshot import Snapshot
from search.vectors.file import BLOCK_ROWS, read_rows

_READ_BYTES = 1 << 20
"""Bytes read at once."""

Pace = Callable[[int], None]
"""Called after each read with the number of bytes; it waits as long as the next read has to."""


def find_damage(snapshot: Snapshot, pace: Pace) -> Iterator[str]:
    """Compares all files, papers and vectors of a generation with their checksums.

    Args:
        snapshot: the generation.
        pace: see ``Pace``. An error that it raises ends the comparison.

    Yields:
        One message per damaged file, and one per damaged block of papers or vectors.
    """
    manifest, layout = snapshot.manifest, snapshot.layout
    for record in manifest.files:
        yield from _problems(partial(_check_file, snapshot.files.directory / record.path, record.sha256, pace))
    yield from _problems(partial(check_keys, layout.store, manifest))
    vectors = layout.vectors(manifest.model)
    for path, read, sha256 in (
        (vectors, read_rows(vectors, manifest.model.dim), manifest.vectors_sha256),
        (layout.store, partial(read_paper_rows, snapshot.open_store_unchecked()), manifest.papers_sha256),
    ):
        published = BlockChecksums(manifest.rows, sha256)
        for block in range(len(sha256)):
            yield from _problems(partial(_check_block, path, _paced(read, pace), block, published))


def _problems(check: Callable[[], None]) -> Iterator[str]:
    try:
        check()
    except IndexUnavailable as error:
        yield str(error)


def _check_file(path: Path, sha256: str, pace: Pace) -> None:
    digest = hashlib.sha256()
    with reports_read_errors(path), path.open("rb") as file:
        while content := file.read(_READ_BYTES):
            digest.update(content)
            pace(len(content))
    if digest.hexdigest() != sha256:
        raise damaged_file(path, "it does not have the checksum it was published with")


def _check_block(path: Path, read: ReadRows, block: int, published: BlockChecksums) -> None:
    with reports_read_errors(path):
        check_block(path, read, block, BLOCK_ROWS, published)


def _paced(read: ReadRows, pace: Pace) -> ReadRows:
    def read_paced(start: int, end: int) -> Iterator[bytes]:
        for content in read(start, end):
            yield content
            pace(len(content))

    return read_paced
