"""Limits of the services, each with the page that it comes from, and those of our own client."""

ARXIV_INTERVAL_S = 3.0
"""Seconds between two requests to arXiv, over one connection, for all of its interfaces and all machines of a user
(https://info.arxiv.org/help/api/tou.html#rate-limits)."""
ARXIV_OAI_PAGE_RECORDS = 2_000
"""Records of a page of arXiv's OAI-PMH interface (``RECORDS_LIMIT`` of https://github.com/arXiv/oaipmh)."""
ARXIV_API_PAGE_RECORDS = 500
"""Records that a request to arXiv's API asks for; at most 2,000 are allowed, and smaller slices are recommended
(https://info.arxiv.org/help/api/user-manual.html, section 3.1.1.2)."""
ARXIV_API_MAX_RECORDS = 30_000
"""Records that one query of arXiv's API can page through (section 3.1.1.2 of the same manual)."""
OAI_INTERVAL_S = 1.0
"""Seconds between two requests to a repository; OAI-PMH leaves it to Retry-After
(https://www.openarchives.org/OAI/2.0/guidelines-harvester.htm#FlowControl)."""
OAI_PAGE_RECORDS = 100
"""Records of a page of a repository, to estimate times: the usual size in DSpace, EPrints and Invenio."""
OPENALEX_INTERVAL_S = 0.2
"""Seconds between two requests to OpenAlex, which allows 100 a second and counts what they cost
(https://developers.openalex.org/api-reference/authentication)."""
OPENALEX_PAGE_RECORDS = 100
"""Works of a page of OpenAlex, the most allowed (https://developers.openalex.org/guides/page-through-results)."""
CROSSREF_INTERVAL_S = 1.0
"""Seconds between two requests to Crossref without a contact address
(https://www.crossref.org/documentation/retrieve-metadata/rest-api/access-and-authentication/); the headers of a
response may ask for more."""
CROSSREF_POLITE_INTERVAL_S = 0.35
"""The same with a contact address: lists may be requested three times a second."""
CROSSREF_PAGE_RECORDS = 1_000
"""Works of a page of Crossref, the most allowed (https://api.crossref.org/swagger-ui/index.html)."""
CROSSREF_MAX_OFFSET = 10_000
"""Works of a list of Crossref up to the end of a page with an offset, the most allowed (the same page)."""
PUBMED_INTERVAL_S = 0.34
"""Seconds between two requests to the E-utilities: three a second are allowed without a key
(https://www.ncbi.nlm.nih.gov/books/NBK25497/#chapter2.Usage_Guidelines_and_Requirements)."""
PUBMED_KEY_INTERVAL_S = 0.11
"""The same with a key: ten a second."""
PUBMED_PAGE_RECORDS = 200
"""Records of a page of PubMed, the most that are requested by IDs in an address
(https://www.ncbi.nlm.nih.gov/books/NBK25499/#chapter4.EFetch)."""
PUBMED_MAX_RECORDS = 9_999
"""IDs that one search of PubMed lists (https://www.ncbi.nlm.nih.gov/books/NBK25499/#chapter4.ESearch)."""
S2_INTERVAL_S = 1.0
"""Seconds between two requests to Semantic Scholar with a key (https://www.semanticscholar.org/product/api)."""
S2_PAGE_RECORDS = 1_000
"""Papers of a page of Semantic Scholar's bulk search (https://api.semanticscholar.org/api-docs/graph)."""
ZOTERO_INTERVAL_S = 0.2
"""Seconds between two requests to zotero.org, which asks for more by the header Backoff
(https://www.zotero.org/support/dev/web_api/v3/basics#rate_limiting)."""
ZOTERO_PAGE_RECORDS = 100
"""Items of a page of zotero.org, the most allowed
(https://www.zotero.org/support/dev/web_api/v3/basics#sorting_and_pagination)."""
ZOTERO_LOCAL_PAGE_RECORDS = 1_000
"""Items of a page of a local Zotero, which has no limit
(https://www.zotero.org/support/dev/web_api/v3/local_api)."""

MAX_BODY_BYTES = 2**27
"""Bytes of a page, decompressed. The largest known pages, 2,000 records of arXiv, have about 6 MB."""
CONNECT_S = 30.0
"""Seconds to connect."""
READ_S = 120.0
"""Seconds without a byte; arXiv's OAI-PMH interface may take a minute to start a page."""
BODY_S = 900.0
"""Seconds for a whole page."""
MAX_REDIRECTS = 5
"""Redirects of one request."""
MAX_TRIES = 6
"""Tries of one request."""
FIRST_BACKOFF_S = 2.0
"""Seconds before the second try, if the service names none; they double with each try."""
MAX_BACKOFF_S = 120.0
"""Seconds between two tries, if the service names none."""
MAX_RETRY_AFTER_S = 1_800.0
"""Seconds that we wait because a service asks for it; a longer wait ends the harvest, which a later run continues."""
