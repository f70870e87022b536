"""Settings of harvests, read from the environment; ``docs/settings.md`` lists them."""

import os
from urllib.parse import urlsplit

from search.errors import InvalidValue


def contact() -> str:
    """Returns PAPERS_CONTACT: the mail address or page that services find in each request; empty for none.

    Raises:
        InvalidValue: It has characters that a header cannot have.
    """
    found = os.environ.get("PAPERS_CONTACT", "").strip()
    if not (found.isascii() and found.isprintable()) or any(each in found for each in "()"):
        raise InvalidValue("PAPERS_CONTACT", found, "give a mail address or the address of a page, in ASCII")
    return found


def service_url(name: str, default: str) -> str:
    """Returns the base URL of a service: a setting such as PAPERS_ARXIV_API_URL, or else the default.

    Raises:
        InvalidValue: It is no address of HTTP.
    """
    found = os.environ.get(name, "").strip() or default
    if urlsplit(found).scheme not in ("http", "https") or not urlsplit(found).hostname:
        raise InvalidValue(name, found, "give an address that starts with https:// or http://")
    return found


def api_key(name: str) -> str:
    """Returns the key of a service: a setting such as PAPERS_NCBI_KEY; empty for none.

    Raises:
        InvalidValue: It has characters that no key has; the message does not contain it.
    """
    found = os.environ.get(name, "").strip()
    if not (found.isascii() and found.isprintable()) or " " in found:
        raise InvalidValue(name, "***", "give the key alone, without spaces or line breaks")
    return found


def mail_address(contact: str) -> str:
    """Returns the contact address if it is one for mail, as services expect it in a parameter; else an empty text."""
    return contact if "@" in contact and "/" not in contact else ""
