"""A repository of OAI-PMH 2.0 over a corpus, shaped after arXiv's.

https://www.openarchives.org/OAI/openarchivesprotocol.html, https://info.arxiv.org/help/oa/index.html and the templates
of https://github.com/arXiv/oaipmh.
"""

from dataclasses import dataclass, field
from datetime import date
from urllib.parse import parse_qs, quote, unquote, urlencode
from xml.sax.saxutils import escape

from harvest.corpus import Corpus, Entry
from harvest.servers import Reply

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/ http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">
<responseDate>{date}T06:00:00Z</responseDate>
<request>http://repository.example.org/oai</request>
"""
_LIST_ARGUMENTS = {"metadataPrefix", "from", "until", "set"}


class OaiError(Exception):
    """An error of the protocol: its code and a text."""


@dataclass
class OaiRepository:
    """The repository.

    Attributes:
        corpus: Its papers.
        page_size: Records of a page.
        sizes: Whether tokens have ``completeListSize``.
        seconds: Whether datestamps have the granularity of seconds.
        ordered: Whether lists are ordered by datestamp.
        prefix: What identifiers start with.
        expired: Tokens that have expired.
        tokens: All tokens that were given out.
        error_status: The status of errors of the protocol.
    """

    corpus: Corpus
    page_size: int = 10
    sizes: bool = False
    seconds: bool = False
    ordered: bool = True
    prefix: str = "oai:arXiv.org:"
    expired: set[str] = field(default_factory=set)
    tokens: list[str] = field(default_factory=list)
    error_status: int = 200

    def __call__(self, parameters: dict[str, str]) -> Reply:
        try:
            content, status = self._answer(dict(parameters)), 200
        except OaiError as error:
            code, text = error.args
            content, status = f'<error code="{code}">{escape(text)}</error>', self.error_status
        return Reply(f"{_HEAD.format(date=self.corpus.today)}{content}\n</OAI-PMH>\n".encode(), status=status)

    def expire_tokens(self) -> None:
        self.expired.update(self.tokens)

    def _answer(self, parameters: dict[str, str]) -> str:
        verb = parameters.pop("verb", "")
        if verb == "Identify":
            return self._identify()
        if verb in ("ListRecords", "ListIdentifiers"):
            return f"<{verb}>\n{self._list(verb, parameters)}</{verb}>"
        raise OaiError("badVerb", f"{verb} is no verb")

    def _identify(self) -> str:
        granularity = "YYYY-MM-DDThh:mm:ssZ" if self.seconds else "YYYY-MM-DD"
        return f"""<Identify><repositoryName>Invented</repositoryName>
<baseURL>http://repository.example.org/oai</baseURL><protocolVersion>2.0</protocolVersion>
<adminEmail>help@example.org</adminEmail><earliestDatestamp>2005-09-16</earliestDatestamp>
<deletedRecord>persistent</deletedRecord><granularity>{granularity}</granularity></Identify>"""

    def _list(self, verb: str, parameters: dict[str, str]) -> str:
        skip = 0
        if token := parameters.pop("resumptionToken", ""):
            if parameters:
                raise OaiError("badArgument", "resumptionToken is exclusive")
            if token in self.expired:
                raise OaiError("badResumptionToken", "the token has expired")
            parameters = {name: values[0] for name, values in parse_qs(unquote(token)).items()}
            skip = int(parameters.pop("skip"))
            parameters.pop("serial")
        if parameters.keys() - _LIST_ARGUMENTS or "metadataPrefix" not in parameters:
            raise OaiError("badArgument", f"unexpected or missing arguments: {sorted(parameters)}")
        if parameters["metadataPrefix"] not in _FORMATS:
            raise OaiError("cannotDisseminateFormat", parameters["metadataPrefix"])
        start = parameters.get("from", "")
        if start and ("T" in start) != self.seconds:
            raise OaiError("badArgument", f"from {start} has another granularity")
        found = self.corpus.listed() if self.ordered else sorted(self.corpus.entries, key=lambda each: -each.number)
        found = [each for each in found if self._stamp(each) >= start and _is_in(each, parameters.get("set", ""))]
        if not found:
            raise OaiError("noRecordsMatch", "there are none")
        page = found[skip : skip + self.page_size]
        write = self._header if verb == "ListIdentifiers" else self._record
        content = "".join(write(each, parameters["metadataPrefix"]) for each in page)
        return content + self._token(parameters, skip + self.page_size, len(found), bool(token))

    def _token(self, parameters: dict[str, str], skip: int, total: int, is_resumed: bool) -> str:
        size = f' completeListSize="{total}"' if self.sizes else ""
        if skip >= total:
            return f"<resumptionToken{size}/>\n" if is_resumed else ""
        token = quote(urlencode({**parameters, "skip": skip, "serial": len(self.tokens)}))
        self.tokens.append(token)
        return f'<resumptionToken expirationDate="2026-04-16T00:00:00Z"{size}>{escape(token)}</resumptionToken>\n'

    def _stamp(self, entry: Entry) -> str:
        return f"{entry.stamp}T12:00:00Z" if self.seconds else entry.stamp

    def _header(self, entry: Entry, _format: str = "") -> str:
        status = ' status="deleted"' if entry.is_deleted else ""
        sets = "".join(f"<setSpec>{code.split('.')[0]}:{code.replace('.', ':')}</setSpec>" for code in entry.categories)
        return (
            f"<header{status}><identifier>{self.prefix}{entry.id}</identifier>"
            f"<datestamp>{self._stamp(entry)}</datestamp>{sets}</header>\n"
        )

    def _record(self, entry: Entry, name: str) -> str:
        metadata = "" if entry.is_deleted else f"<metadata>{_FORMATS[name](entry)}</metadata>"
        return f"<record>{self._header(entry)}{metadata}</record>\n"


def _is_in(entry: Entry, name: str) -> bool:
    sets = [f"{code.split('.')[0]}:{code.replace('.', ':')}" for code in entry.categories]
    return not name or any(each == name or each.startswith(name + ":") for each in sets)


def _arxiv_raw(entry: Entry) -> str:
    versions = "".join(
        f'<version version="v{number}"><date>{_long_date(day)}</date><size>10kb</size>{_source_type(entry, number)}'
        "</version>"
        for number, day in enumerate(entry.versions, 1)
    )
    comments = "<comments>This paper has been withdrawn</comments>" if entry.is_withdrawn else ""
    return f"""<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>{entry.id}</id><submitter>A. Submitter</submitter>
{versions}<title>{escape(entry.title)}</title><authors>{escape(", ".join(entry.authors))}</authors>
<categories>{" ".join(entry.categories)}</categories>{comments}
<license>http://creativecommons.org/licenses/by/4.0/</license><abstract>{escape(entry.abstract)}</abstract></arXivRaw>"""


def _source_type(entry: Entry, version: int) -> str:
    return "<source_type>I</source_type>" if entry.is_withdrawn and version == len(entry.versions) else ""


def _long_date(day: str) -> str:
    return date.fromisoformat(day).strftime("%a, %d %b %Y 10:00:00 GMT")


def _dublin_core(entry: Entry) -> str:
    creators = "".join(f"<dc:creator>{escape(name)}</dc:creator>" for name in entry.authors)
    return f"""<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(entry.title)}</dc:title>{creators}
<dc:description>{escape(entry.abstract)}</dc:description><dc:date>{entry.versions[0]}</dc:date>
<dc:identifier>https://repository.example.org/record/{entry.number}</dc:identifier></oai_dc:dc>"""


_FORMATS = {"arXivRaw": _arxiv_raw, "oai_dc": _dublin_core}
