"""Session: harvests into one index, with the fake embedder and without waiting."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from fake_embedder import FakeEmbedder
from indexer import sources
from indexer.build import ImportOptions, ImportReport
from indexer.harvest import parse_name, run
from indexer.harvest.client import Client
from indexer.harvest.spool import Spool
from indexer.sources.file import SourceFile
from search.embedding.model import ModelIdentity
from search.errors import SourceError
from search.index.snapshot import Snapshot
from search.papers.paper import Paper


def load(_model: ModelIdentity) -> FakeEmbedder:
    return FakeEmbedder()


@dataclass
class Session:
    """Harvests of one name into one index.

    Attributes:
        directory: The index.
        name: The name of the harvest.
        waits: The seconds of all waits so far.
    """

    directory: Path
    name: str
    waits: list[float] = field(default_factory=list)

    def fetch(self, limit: int | None = None) -> int:
        """Fetches pages to the spool and returns the number of records."""
        harvest = parse_name(self.name)
        with (
            Spool(self.directory, harvest.name) as spool,
            Client(harvest.service.interval, "someone@example.org", sleep=self.waits.append) as client,
        ):
            before = spool.position.fetched
            run.fetch(harvest, spool, client, limit=limit)
            return spool.position.fetched - before

    def index(self, limit: int | None = None) -> ImportReport | None:
        """Indexes the pages in the spool, and removes what was deleted."""
        harvest = parse_name(self.name)
        with Spool(self.directory, harvest.name) as spool:
            options = ImportOptions(limit=limit)
            report = run.index_spool(harvest, spool, self.directory, FakeEmbedder(), options)
        run.remove_deleted(harvest, self.directory, load)
        return report

    def run(self) -> ImportReport | None:
        self.fetch()
        return self.index()

    def pages(self) -> int:
        """The pages in the spool."""
        with Spool(self.directory, parse_name(self.name).name) as spool:
            return len(spool.pages())

    def records_in_spool(self) -> list[Paper | SourceError]:
        """The records in the spool."""
        harvest = parse_name(self.name)
        with Spool(self.directory, harvest.name) as spool:
            files = [SourceFile(page.path, date.max, page.format, harvest=harvest.name) for page in spool.pages()]
        return [record for file in files for record in sources.read(file)]

    def titles_in_spool(self) -> set[str]:
        """The titles of the records in the spool."""
        return {str(record.title) for record in self.records_in_spool() if isinstance(record, Paper)}

    def papers(self) -> dict[str, Paper]:
        """The live papers of the index by their titles."""
        snapshot = Snapshot.open(self.directory)
        found = [paper for row, paper in snapshot.store.scan(0) if row in snapshot.live]
        titles = {str(paper.title): paper for paper in found}
        assert len(titles) == len(found)
        return titles
