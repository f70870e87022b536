"""Source list: the files and harvests that the papers of an index came from."""

from dataclasses import dataclass
from pathlib import Path

from indexer.logged_files import LoggedFile, load_files
from search.index.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Source:
    """A file, a harvest, or a source that no file in the log has.

    Attributes:
        source: The format and the name of the file or harvest, as in ``bibtex:zotero.bib``.
        papers: Papers in the index that have a record of this source; files with equal names have the same number.
        file: The entry of the log; None if an earlier version imported the file.
    """

    source: str
    papers: int
    file: LoggedFile | None = None


def list_sources(directory: Path) -> list[Source]:
    """Lists the files in the log by path, then the sources that only an earlier version imported.

    Raises:
        IndexMissing: There is no index.
        IndexDamaged: It is damaged.
    """
    snapshot = Snapshot.open(directory)
    columns, files = snapshot.columns, load_files(snapshot.store.select)
    counts = columns.source_postings.count_by_value(snapshot.live).tolist()
    papers = dict(zip(columns.sources, counts, strict=True))
    logged = [Source(each.source, papers.get(each.source, 0), each) for each in files]
    known = {each.source for each in files}
    return logged + [Source(name, count) for name, count in sorted(papers.items()) if count and name not in known]
