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
