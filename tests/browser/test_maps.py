"""The map in a browser: keys, wheel, buttons and labels."""

from collections.abc import Callable

from chromium import Visit, expect

COVERED_OR_CUT = """() => {
  const frame = document.querySelector(".paper-map").getBoundingClientRect();
  const labels = [...document.querySelectorAll(".map-labels text[visibility=visible]")];
  const boxes = labels.map((each) => each.getBoundingClientRect());
  const isIn = (box) => box.left >= frame.left && box.right <= frame.right && box.top >= frame.top - 1
    && box.bottom <= frame.bottom + 1;
  const isFree = (box) => boxes.every((other) => other === box || box.left >= other.right || other.left >= box.right
    || box.top >= other.bottom - 2 || other.top >= box.bottom - 2);
  return labels.filter((each, index) => !isIn(boxes[index]) || !isFree(boxes[index])).map((each) => each.textContent);
}"""
"""The labels that others cover, or that extend beyond the map."""
MAP = "/map?q=attention in language models"


def test_keys_and_wheel_move_through_the_map(visit: Callable[..., Visit]) -> None:
    page = visit().open(MAP)
    drawing, paper = page.locator(".paper-map"), page.locator(".map-paper")
    whole = drawing.get_attribute("viewBox")
    drawing.locator("a[tabindex='0']").focus()
    first = paper.inner_text()
    assert first
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(paper).not_to_have_text("")
    assert drawing.locator("a[tabindex='0']").count() == 1
    page.keyboard.press("+")
    expect(drawing).not_to_have_attribute("viewBox", whole or "")
    page.keyboard.press("0")
    expect(drawing).to_have_attribute("viewBox", whole or "")
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Show the whole map").click()
    expect(drawing).to_have_attribute("viewBox", whole or "")
    tip = page.locator(".map-tip")
    for point in drawing.locator(".map-theme a").all()[:6]:
        point.hover(force=True)
        shown, pointed = tip.bounding_box(), drawing.locator(".map-ring").bounding_box()
        assert shown
        assert pointed
        assert (
            shown["x"] >= pointed["x"] + pointed["width"] / 2
            or shown["x"] + shown["width"] <= pointed["x"] + pointed["width"] / 2
            or shown["y"] >= pointed["y"] + pointed["height"] / 2
            or shown["y"] + shown["height"] <= pointed["y"] + pointed["height"] / 2
        ), "the tip covers the paper"
    drawing.hover()
    page.mouse.wheel(0, -300)
    expect(drawing).not_to_have_attribute("viewBox", whole or "")
    link = drawing.locator("a[tabindex='0']")
    target = link.get_attribute("href")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{target}")
    page.goto(page.url.partition("/paper")[0] + "/map?category=cs")
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 740})
        themes = page.locator(".map-themes summary").filter(has_not_text="other papers")
        assert themes.count() > 1
        for number in range(themes.count()):
            themes.nth(number).hover()
            expect(drawing.locator(".map-labels text").nth(number)).to_have_attribute("visibility", "visible")
            assert page.evaluate(COVERED_OR_CUT) == []
