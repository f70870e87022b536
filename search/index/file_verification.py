"""Compares files of a generation with their checksums before they are used for the first time."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.cores import available_cores
from search.index.json_object import damaged_file
from search.index.layout import FileRecord
from search.index.read_errors import reports_read_errors
from search.known_checksums import KnownChecksums


@dataclass(frozen=True, slots=True)
class ChecksumTuning:
    """Constants of the comparison."""

    max_file_bytes: int = 1 << 29
    """Size of the largest file that is compared before use, in bytes: 0.3 s at 1.7 GB/s. Larger files, those of more
    than a million papers, are compared by the doctor and while serving."""


CHECKSUM_TUNING = ChecksumTuning()


def check_files(records: Iterable[FileRecord], directory: Path, tuning: ChecksumTuning = CHECKSUM_TUNING) -> None:
    """Compares files with their checksums, several at a time; those whose checksum is known are not read.

    Args:
        records: the files; those above ``max_file_bytes`` are skipped.
        directory: the directory of the generation.
        tuning: see ``ChecksumTuning``.

    Raises:
        IndexDamaged: a file differs.
        IndexUnavailable: a file cannot be read.
    """
    wanted = sorted(
        (record for record in records if record.bytes <= tuning.max_file_bytes), key=lambda each: each.bytes
    )
    checksums = KnownChecksums.load()
    unread = [record for record in wanted if not checksums.knows(directory / record.path, record.sha256)]
    with ThreadPoolExecutor(min(available_cores(), max(1, len(unread)))) as pool:
        list(pool.map(lambda record: _check_file(record, directory / record.path, checksums), reversed(unread)))
    checksums.save()


def _check_file(record: FileRecord, path: Path, checksums: KnownChecksums) -> None:
    with reports_read_errors(path):
        found = checksums.compute(path)
    if found != record.sha256:
        raise damaged_file(path, "it does not have the checksum it was published with")


def load_row_checksums(path: Path, rows: int) -> NDArray[np.uint32]:
    """Maps the checksums of rows, (rows,) uint32.

    They are not compared with a checksum themselves: an altered one differs from that of its row.

    Raises:
        IndexDamaged: the file is not an array of this size.
        IndexUnavailable: the file cannot be read.
    """
    with reports_read_errors(path):
        checksums: NDArray[np.uint32] = np.load(path, mmap_mode="r" if rows else None, allow_pickle=False)
    if checksums.dtype != np.uint32 or checksums.shape != (rows,):
        raise damaged_file(path, f"it has {checksums.dtype} {checksums.shape}, expected uint32 ({rows},)")
    return checksums.view(np.ndarray)
