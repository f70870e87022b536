"""Limits of input files: far above real files, low enough that no file exhausts the memory."""

MAX_RECORD_CHARACTERS = 2**24
"""Characters of a record or line. The longest real records, articles with thousands of authors and affiliations, have
about 2 million; a parsed record takes up to 40 bytes per character."""
MAX_DEFINITION_CHARACTERS = 2**24
"""Characters of macros, and of entries from which others inherit, that are kept in memory during an import. A library
of 10,000 proceedings has about 5 million."""
MAX_DECOMPRESSED_BYTES = 100 * 2**30
"""Bytes that a compressed file may decompress to; arXiv's metadata snapshot has 5 GB."""
MAX_COMPRESSION_RATIO = 200
"""Bytes decompressed per byte read; arXiv's metadata snapshot has about 4, PubMed's baseline files have about 10, and
deflate reaches 1,030."""
MIN_RATIO_BYTES = 2**26
"""Decompressed bytes from which the ratio counts: a small file may repeat itself."""
MAX_XZ_MEMORY_BYTES = 2**29
"""Bytes of memory of an xz decompressor; ``xz -9`` needs 65 MiB, and a file can demand 4 GiB."""


class MalformedRecord(ValueError):
    """A record is invalid in its format; the message names the value and the allowed ones."""


class DeletedRecord(MalformedRecord):
    """A repository says that it has deleted a record."""


class UnreadableFile(ValueError):
    """A file is not read, or not to its end; the message is the reason."""


def check_record_size(characters: int) -> None:
    """Raises MalformedRecord for a record of more than MAX_RECORD_CHARACTERS."""
    if characters > MAX_RECORD_CHARACTERS:
        raise MalformedRecord(f"the record is longer than {MAX_RECORD_CHARACTERS:,} characters, the most allowed")
