"""Small files of formats of databases, catalogues and reference managers."""

import json

OPENALEX = json.dumps(
    {
        "meta": {"count": 1},
        "results": [
            {
                "id": "https://openalex.org/W1", "doi": "https://doi.org/10.1000/XYZ.1", "title": "Small caches",
                "display_name": "Small caches", "publication_year": 2024, "publication_date": "2024-03-02",
                "ids": {"openalex": "https://openalex.org/W1", "pmid": "https://pubmed.ncbi.nlm.nih.gov/123"},
                "primary_location": {
                    "landing_page_url": "https://doi.org/10.1000/XYZ.1", "source": {"display_name": "Letters"}
                },
                "locations": [{"landing_page_url": "http://arxiv.org/abs/2401.00001", "source": None}],
                "authorships": [
                    {"author": {"display_name": "Ada Byron"}}, {"author": {}, "raw_author_name": "José García"}
                ],
                "is_authors_truncated": True, "is_retracted": True, "cited_by_count": 7,
                "biblio": {"first_page": "1", "last_page": "9"}, "keywords": [{"display_name": "cache"}],
                "abstract_inverted_index": {"We": [0], "keep": [1, 4], "less,": [2], "and": [3], "it.": [5]},
            }
        ],
    }
)  # fmt: skip
CROSSREF = json.dumps(
    {
        "status": "ok", "message-type": "work-list",
        "message": {
            "facets": {}, "total-results": 2,
            "items": [
                {
                    "DOI": "10.1000/XYZ.1", "title": ["Small caches"], "subtitle": ["Less is more"],
                    "type": "journal-article", "container-title": ["Letters"], "page": "1-9", "subject": ["cache"],
                    "author": [
                        {"given": "Ada", "family": "Byron", "suffix": "Jr."}, {"name": "The Group", "sequence": "first"}
                    ],
                    "issued": {"date-parts": [[None]]}, "published-online": {"date-parts": [[2024, 3]]},
                    "abstract": "We keep less.", "URL": "https://doi.org/10.1000/xyz.1", "is-referenced-by-count": 7,
                    "updated-by": [{"DOI": "10.1000/note", "type": "retraction", "source": "publisher"}],
                },
                {
                    "DOI": "10.1000/note", "title": ["Retraction note"],
                    "update-to": [{"DOI": "10.1000/XYZ.1", "type": "retraction"}],
                },
            ],
        },
    }
)  # fmt: skip
ADS = json.dumps(
    {
        "responseHeader": {"status": 0},
        "response": {
            "numFound": 1,
            "docs": [
                {
                    "bibcode": "2024Lett....1....1B", "title": ["Small caches"], "author": ["Byron, Ada"],
                    "year": "2024", "pubdate": "2024-03-00", "doi": ["10.1000/XYZ.1"], "abstract": "We keep less.",
                    "pub": "Letters",
                    "identifier": ["2024Lett....1....1B", "arXiv:2401.00001", "10.1000/XYZ.1"], "page": ["1"],
                    "arxiv_class": ["astro-ph.GA", "cs.DL"], "keyword": ["cache"], "citation_count": 7,
                }
            ],
        },
    }
)  # fmt: skip
OAI_ARXIV = """<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><request verb="ListRecords" metadataPrefix="arXiv"/>
<ListRecords>
<record><header><identifier>oai:arXiv.org:2401.00001</identifier><datestamp>2024-05-03</datestamp></header>
<metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>2401.00001</id><created>2024-01-01</created>
<updated>2024-05-02</updated><authors><author><keyname>Byron</keyname><forenames>Ada</forenames><suffix>Jr</suffix>
<affiliation>Hive</affiliation></author></authors><title>Small
  caches</title><categories>cs.LG cs.CL</categories><comments>12 pages</comments><doi>10.1000/XYZ.1</doi>
<abstract>We keep less.</abstract></arXiv></metadata></record>
<record><header status="deleted"><identifier>oai:arXiv.org:2401.00002</identifier></header></record>
</ListRecords></OAI-PMH>"""
OAI_ARXIV_RAW = r"""<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><GetRecord>
<record><header><identifier>oai:arXiv.org:2401.00001</identifier></header>
<metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>2401.00001</id><submitter>A. Byron</submitter>
<version version="v1"><date>Mon, 1 Jan 2024 10:00:00 GMT</date><size>9kb</size></version>
<version version="v2"><date>Thu, 2 May 2024 10:00:00 GMT</date></version>
<title>Small caches</title><authors>The Cache Collaboration: Ada Byron (1 and 2), Jos\'e Garc\'{\i}a, Jr. ((1) Hive
 (Queen's), (2) Comb) and Li Ming</authors><categories>cs.LG cs.CL</categories>
<journal-ref>Letters 1 (2024)</journal-ref>
<abstract>We keep less.</abstract></arXivRaw></metadata></record></GetRecord></OAI-PMH>"""
OAI_DUBLIN_CORE = """<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><ListRecords>
<record><header><identifier>oai:arXiv.org:2401.00001</identifier></header>
<metadata><oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Small caches</dc:title><dc:creator>Byron, Ada</dc:creator>
<dc:creator>García, José</dc:creator><dc:subject>Mathematics - Combinatorics</dc:subject><dc:subject>05A15</dc:subject>
<dc:description>  We keep less.</dc:description><dc:description>Comment: 12 pages</dc:description>
<dc:date>2024-01-01</dc:date><dc:date>2024-05-02</dc:date><dc:identifier>http://arxiv.org/abs/2401.00001</dc:identifier>
<dc:identifier>doi:10.1000/XYZ.1</dc:identifier></oai_dc:dc></metadata></record></ListRecords></OAI-PMH>"""
ARXIV_RSS = """<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:atom="http://www.w3.org/2005/Atom" version="2.0"><channel><title>cs.LG updates on arXiv.org</title>
<atom:link href="http://rss.arxiv.org/rss/cs.LG" rel="self"/>
<item><title>Small caches</title><link>https://arxiv.org/abs/2401.00001</link>
<description>arXiv:2401.00001v1 Announce Type: new
Abstract: We keep less.</description><guid isPermaLink="false">oai:arXiv.org:2401.00001v1</guid>
<category>cs.LG</category><category>cs.CL</category><pubDate>Tue, 02 Jan 2024 00:00:00 -0500</pubDate>
<arxiv:announce_type>new</arxiv:announce_type><dc:creator>Ada Byron (Hive), José García</dc:creator></item>
<item><title>Second</title><link>https://arxiv.org/abs/2312.00002</link><description>arXiv:2312.00002v3 Announce Type:
replace Abstract: Text.</description><pubDate>Tue, 02 Jan 2024 00:00:00 -0500</pubDate>
<arxiv:announce_type>replace</arxiv:announce_type></item></channel></rss>"""
ARXIV_RSS_1 = """<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="http://arxiv.org/">
<title>cs.LG updates</title></channel>
<item rdf:about="http://arxiv.org/abs/2301.00001"><title>Small caches. (arXiv:2301.00001v2 [cs.LG] UPDATED)</title>
<link>http://arxiv.org/abs/2301.00001</link><description rdf:parseType="Literal">We keep less.</description>
<dc:creator> &lt;a href="http://arxiv.org/find/cs/1/au:+Byron_A/0/1/0"&gt;Ada Byron&lt;/a&gt;, &lt;a
href="http://arxiv.org/find/cs/1/au:+Garcia_J/0/1/0"&gt;José García&lt;/a&gt;</dc:creator></item></rdf:RDF>"""
ARXIV_NEWS_ATOM = """<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns="http://www.w3.org/2005/Atom"><id>http://rss.arxiv.org/atom/cs.LG</id><title>cs.LG updates on arXiv.org</title>
<entry><id>oai:arXiv.org:2401.00001v1</id><title>Small caches</title><updated>2024-01-02T05:00:00+00:00</updated>
<link href="https://arxiv.org/abs/2401.00001" rel="alternate" type="text/html"/>
<summary>arXiv:2401.00001v1 Announce Type: new
Abstract: We keep less.</summary><category term="cs.LG"/><published>2024-01-02T00:00:00-05:00</published>
<arxiv:announce_type>new</arxiv:announce_type><dc:creator>Ada Byron, José García</dc:creator></entry></feed>"""
DBLP = """<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE dblp SYSTEM "dblp.dtd">
<dblp>
<www mdate="2020-01-01" key="homepages/b/Byron"><author>Ada Byron 0001</author><title>Home Page</title></www>
<article mdate="2024-01-01" key="journals/lett/Byron24"><author>Ada Byron 0001</author><author>Jos&eacute; Garc&iacute;a
</author><title>Small caches in H<sub>2</sub>O.</title><pages>1-9</pages><year>2024</year><month>March</month>
<journal>Letters</journal><ee>https://doi.org/10.1000/XYZ.1</ee><ee>https://arxiv.org/abs/2401.00001</ee></article>
<proceedings key="conf/lett/2024"><editor>Li Ming 0002</editor><title>Letters of Computing.</title><year>2024</year>
</proceedings>
<article publtype="informal withdrawn" key="journals/corr/abs-1"><title>Second.</title></article>
</dblp>"""
ENDNOTE_XML = """<?xml version="1.0" encoding="UTF-8" ?><xml><records>
<record><source-app name="EndNote">EndNote</source-app><ref-type name="Journal Article">17</ref-type><contributors>
<authors><author><style face="normal">Byron, Ada</style></author><author>Cache Group,</author></authors>
<secondary-authors><author>Ming, Li</author></secondary-authors></contributors>
<titles><title><style face="normal">Small </style><style face="italic">caches</style></title>
<secondary-title>Letters</secondary-title></titles><periodical><full-title>Letters</full-title></periodical>
<pages>1-9</pages><keywords><keyword>cache</keyword></keywords>
<dates><year>2024</year><pub-dates><date>Mar 2</date></pub-dates></dates><accession-num>123</accession-num>
<abstract><style>We keep less.</style></abstract><electronic-resource-num>10.1000/XYZ.1</electronic-resource-num>
<urls><related-urls><url>&lt;Go to ISI&gt;://1</url><url>https://arxiv.org/abs/2401.00001</url></related-urls></urls>
<remote-database-name>PubMed</remote-database-name></record>
<record><titles><title>Second</title></titles></record></records></xml>"""
REFER = """%0 Journal Article
%A Byron, Ada
%A Cache Group,
%E Ming, Li
%T Small caches
%J Letters
%D 2024
%8 2 March
%P 1-9
%X We keep less,
and lose little.
%K cache
context
%R 10.1000/XYZ.1
%U https://arxiv.org/abs/2401.00001

%0 Book
%T Second
"""
WEB_OF_SCIENCE = """FN Clarivate Analytics Web of Science
VR 1.0
PT J
AU Byron, A
   Ming, L
AF Byron, Ada
   Ming, Li
CA Cache Grp
TI Small caches
   and contexts
SO LETTERS
DT Article; Retracted Publication
DE cache; context
AB We keep less.
TC 7
PD MAR 2
PY 2024
BP 1
EP 9
DI 10.1000/XYZ.1
UT WOS:000000000000001
PM 123
ER

PT C
AU Doe, JA
TI Second
EA MAY 2025
ER

EF
"""
MODS = """<?xml version="1.0"?>
<modsCollection xmlns="http://www.loc.gov/mods/v3"><mods version="3.7">
<titleInfo type="abbreviated"><title>Sm. c.</title></titleInfo>
<titleInfo><nonSort>The</nonSort><title>small caches</title><subTitle>less is more</subTitle></titleInfo>
<name type="personal"><namePart type="given">Ada</namePart><namePart type="family">Byron</namePart>
<role><roleTerm type="code" authority="marcrelator">aut</roleTerm></role></name>
<name type="personal"><namePart>Ming, Li</namePart><role><roleTerm type="text">editor</roleTerm></role></name>
<name type="corporate"><namePart>The Group</namePart></name>
<abstract>We keep less.</abstract><subject><topic>cache</topic></subject>
<identifier type="doi">10.1000/XYZ.1</identifier>
<identifier type="issn">1234-5678</identifier><location><url>https://x.org/1</url></location>
<relatedItem type="host"><titleInfo><title>Letters</title></titleInfo><originInfo><dateIssued>2024-03</dateIssued>
</originInfo><part><extent unit="page"><start>1</start><end>9</end></extent></part></relatedItem></mods>
</modsCollection>"""
ZOTERO_RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:z="http://www.zotero.org/namespaces/export#" xmlns:dcterms="http://purl.org/dc/terms/"
 xmlns:bib="http://purl.org/net/biblio#" xmlns:foaf="http://xmlns.com/foaf/0.1/"
 xmlns:dc="http://purl.org/dc/elements/1.1/">
<bib:Article rdf:about="urn:1"><z:itemType>journalArticle</z:itemType><dcterms:isPartOf rdf:resource="urn:issn:1"/>
<bib:authors><rdf:Seq><rdf:li><foaf:Person><foaf:surname>Byron</foaf:surname><foaf:givenName>Ada</foaf:givenName>
</foaf:Person></rdf:li><rdf:li><foaf:Person><foaf:surname>The Group</foaf:surname></foaf:Person></rdf:li></rdf:Seq>
</bib:authors><dc:subject><z:AutomaticTag><rdf:value>cache</rdf:value></z:AutomaticTag></dc:subject>
<dc:title>Small caches</dc:title><dcterms:abstract>We keep less.</dcterms:abstract><dc:date>2024-03-02</dc:date>
<dc:identifier><dcterms:URI><rdf:value>https://arxiv.org/abs/2401.00001</rdf:value></dcterms:URI></dc:identifier>
<dc:description>PMID: 123</dc:description><bib:pages>1-9</bib:pages></bib:Article>
<bib:Journal rdf:about="urn:issn:1"><dc:title>Letters</dc:title><dc:identifier>DOI 10.1000/XYZ.1</dc:identifier>
<dc:identifier>ISSN 1234-5678</dc:identifier></bib:Journal>
<bib:BookSection rdf:about="#2"><z:itemType>bookSection</z:itemType><dcterms:isPartOf>
<bib:Book><dc:title>A book</dc:title>
<dc:identifier>DOI 10.1000/book</dc:identifier></bib:Book></dcterms:isPartOf>
<dc:title>Second</dc:title></bib:BookSection>
<z:Attachment rdf:about="#3"><z:itemType>attachment</z:itemType><dc:title>Full text</dc:title></z:Attachment>
<bib:Memo rdf:about="#4"><rdf:value>A note</rdf:value></bib:Memo>
</rdf:RDF>"""
ZOTERO_JSON = """[
  {"key": "ABCD2345", "version": 12, "library": {"type": "user", "id": 1, "name": "A"}, "links": {}, "meta": {},
   "data": {"key": "ABCD2345", "version": 12, "itemType": "journalArticle", "title": "Small caches",
    "creators": [{"creatorType": "author", "firstName": "Ada", "lastName": "Byron"},
     {"creatorType": "editor", "firstName": "Li", "lastName": "Ming"}, {"creatorType": "author", "name": "The Group"}],
    "abstractNote": "We keep less.", "publicationTitle": "Letters", "volume": "3", "issue": "4", "pages": "1-9",
    "date": "2024-03-02", "DOI": "10.1000/XYZ.1", "url": "https://arxiv.org/abs/2401.00001", "extra": "PMID: 123",
    "tags": [{"tag": "cache", "type": 1}], "collections": [], "relations": {}, "dateAdded": "2026-01-01T00:00:00Z"}},
  {"key": "EFGH2345", "version": 13, "library": {}, "data": {"itemType": "note", "note": "<p>A note</p>"}},
  {"key": "IJKL2345", "version": 14, "library": {}, "data": {"itemType": "preprint", "title": "Second",
    "creators": [], "repository": "arXiv", "archiveID": "arXiv:2402.00002", "date": "", "tags": []}}
]"""
PUBMED_BOOK = """<?xml version="1.0"?><PubmedArticleSet><PubmedBookArticle><BookDocument><PMID>123</PMID>
<ArticleIdList><ArticleId IdType="bookaccession">NBK1</ArticleId></ArticleIdList>
<Book><Publisher><PublisherName>P</PublisherName></Publisher><BookTitle>Caches in medicine</BookTitle>
<PubDate><Year>2020</Year></PubDate><AuthorList Type="editors"><Author><LastName>Ming</LastName><ForeName>Li</ForeName>
</Author></AuthorList></Book><ArticleTitle>Small caches</ArticleTitle><AuthorList Type="authors"><Author><LastName>Byron
</LastName><ForeName>Ada</ForeName></Author></AuthorList>
<Abstract><AbstractText Label="AIM">We keep less.</AbstractText>
</Abstract><ContributionDate><Year>2021</Year><Month>03</Month></ContributionDate></BookDocument><PubmedBookData>
<ArticleIdList><ArticleId IdType="doi">10.1000/XYZ.1</ArticleId></ArticleIdList></PubmedBookData></PubmedBookArticle>
<PubmedBookArticle><BookDocument><PMID>124</PMID><Book><BookTitle>Second</BookTitle><AuthorList Type="authors"><Author>
<CollectiveName>The Group</CollectiveName></Author></AuthorList></Book></BookDocument></PubmedBookArticle>
</PubmedArticleSet>"""
