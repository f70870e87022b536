"""Reads pages of the web interface without a browser."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import lxml.html


def read_page(client: httpx.Client, url: str, status: int | None = None) -> Any:
    """Returns the element tree of a page."""
    response = client.get(url)
    assert response.headers["content-type"] == "text/html; charset=utf-8", url
    assert status in (None, response.status_code), url
    return lxml.html.fromstring(response.text)


def text_of(element: Any) -> str:
    return " ".join(element.text_content().split())


def query_pairs(url: str) -> set[tuple[str, str]]:
    return set(parse_qsl(urlsplit(url).query))


def titles(tree: Any) -> list[str]:
    return [text_of(link) for link in tree.xpath('//ol[@aria-label="Papers"]//article/*[@class="title"]/a')]
