"""The pictures in the documentation: taken when asked (PAPERS_SCREENSHOTS=1), there and spoken of always."""

import os
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from chromium import DESKTOP, PHONE, Visit

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "screenshots"
PAGES = {
    "start": "/",
    "results": "/?q=models for video and images",
    "narrowed": "/?q=models for video and images&author=Guorui Zhou&from=2026&to=2026",
    "paper": "/paper/arxiv:2604.24432",
    "author": "/author?name=Guorui Zhou",
    "nothing-close": "/?q=zebrafish embryo heart surgery",
    "refused": "/?q=attention&from=2026-02-30",
}
SCREENSHOTS = (
    "start-light-desktop.png",
    "start-dark-phone.png",
    "results-light-desktop.png",
    "results-dark-desktop.png",
    "results-light-phone.png",
    "results-dark-phone.png",
    "narrowed-dark-desktop.png",
    "paper-light-desktop.png",
    "paper-dark-phone.png",
    "author-light-desktop.png",
    "nothing-close-light-desktop.png",
    "refused-dark-desktop.png",
)
MAX_BYTES = 100_000


@pytest.mark.skipif(not os.environ.get("PAPERS_SCREENSHOTS"), reason="set PAPERS_SCREENSHOTS=1 to take them again")
@pytest.mark.parametrize("picture", SCREENSHOTS)
def test_take_screenshots(visit: Callable[..., Visit], picture: str) -> None:
    name, scheme, size = picture.removesuffix(".png").rsplit("-", 2)
    small = {"viewport": PHONE, "is_mobile": True, "has_touch": True}
    visitor = visit(color_scheme=scheme, **(small if size == "phone" else {"viewport": DESKTOP}))
    page = visitor.open(PAGES[name], 422 if name == "refused" else 200)
    drawn = Image.open(BytesIO(page.screenshot())).convert("RGB")
    drawn.quantize(256, dither=Image.Dither.NONE).save(FOLDER / picture, optimize=True)


@pytest.mark.parametrize("picture", SCREENSHOTS)
def test_screenshots_exist_and_are_small(picture: str) -> None:
    assert (FOLDER / picture).read_bytes().startswith(b"\x89PNG")
    assert (FOLDER / picture).stat().st_size < MAX_BYTES


def test_documentation_shows_every_screenshot() -> None:
    pages = (ROOT / "docs").glob("*.md")
    shown = {name for page in pages for name in re.findall(r"screenshots/([\w-]+\.png)", page.read_text("utf-8"))}
    assert shown == set(SCREENSHOTS)
    assert shown == {each.name for each in FOLDER.iterdir()}
