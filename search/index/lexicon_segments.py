"""Segments of the lexicon that contain replaced papers and therefore have to be written anew.

Until tantivy merges a segment, BM25 counts the papers that were removed from it: in document frequencies, in the number
of papers and in their mean length. A merge only estimates the mean length.
"""

from collections.abc import Iterator, Sequence

import tantivy

_ROWS_PER_QUERY = 65_536
"""Rows whose segments are looked up at once, which bounds the memory."""


def remove_segments(index: tantivy.Index, writer: tantivy.IndexWriter, replaced: Sequence[int], rows: int) -> set[int]:
    """Removes all rows of the segments that contain a replaced row.

    Args:
        index: the lexicon as it was committed last.
        writer: the writer of that lexicon.
        replaced: replaced rows; those that the lexicon does not contain are ignored.
        rows: number of rows of the index when the lexicon was committed.

    Returns:
        The live rows among them, which the caller has to add again.
    """
    removed: set[int] = set()
    for part in _rows_of_segments(index, replaced, rows):
        removed.update(part)
        # delete_documents_by_term builds a term of a signed number, which an unsigned field never contains.
        writer.delete_documents_by_query(tantivy.Query.term_set_query(index.schema, "row", part))
    return removed.difference(replaced)


def _rows_of_segments(index: tantivy.Index, replaced: Sequence[int], rows: int) -> Iterator[list[int]]:
    """Yields the rows of the segments that contain a replaced row, in parts."""
    if not replaced:
        return
    searcher, schema = index.searcher(), index.schema
    found = searcher.search(tantivy.Query.term_set_query(schema, "row", list(replaced)), len(replaced), count=False)
    segments = {address.segment_ord for _, address in found.hits}
    for first in range(0, rows if segments else 0, _ROWS_PER_QUERY):
        bounds = first, first + _ROWS_PER_QUERY - 1
        in_range = tantivy.Query.range_query(schema, "row", tantivy.FieldType.Unsigned, *bounds)
        hits = searcher.search(in_range, _ROWS_PER_QUERY, count=False, order_by_field="row").hits
        yield [row for row, address in hits if address.segment_ord in segments]
