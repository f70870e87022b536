// The labels of the map: within what is visible of it, near their themes, not on each other, and on few papers. Each time the view or
// the marked themes change, they are placed again, those of marked themes first, then those of larger ones
// (search/maps/labels.py places them for pages without scripts).
const map = document.querySelector(".map-frame > svg");
if (map) placeLabelsOf(map);

function placeLabelsOf(map) {
  const pixels = 13;
  const heightOfSize = 1.4;
  const marginOfSize = 0.5;
  const labelsOnSmall = 5;
  const costOfShift = 3; // papers
  const shifts = [0, -0.5, 0.5].flatMap((right) => [0, -1, 1, -2, 2, -3, 3, -4, 4].map((down) => [right, down]));
  map.querySelector(".map-labels.small-screen")?.remove();
  const group = map.querySelector(".map-labels");
  group.style.fontSize = "100px";
  const labels = [...group.children].map((text) => ({
    text, theme: text.dataset.theme, width: text.getComputedTextLength() / 100 + 2 * marginOfSize,
    x: Number(text.dataset.x), y: Number(text.dataset.y), points: placesOf(`.map-theme[data-theme="${text.dataset.theme}"] use`),
  }));

  const papers = placesOf(".map-theme use");

  function placesOf(selector) {
    return [...map.querySelectorAll(selector)].map((use) => [Number(use.getAttribute("x")), Number(use.getAttribute("y"))]);
  }

  // Where a label belongs: its own place or, if that is not visible, above the paper in the middle of those that are.
  function anchorOf(label, view, height) {
    const isVisible = ([x, y]) => x > view.x && x < view.x + view.width && y > view.y && y < view.y + view.height;
    if (isVisible([label.x, label.y])) return [label.x, label.y];
    const visible = label.points.filter(isVisible);
    if (!visible.length) return null;
    const [middleX, middleY] = [0, 1].map((axis) => visible.reduce((sum, point) => sum + point[axis], 0) / visible.length);
    const distance = ([x, y]) => Math.hypot(x - middleX, y - middleY);
    const [x, y] = visible.reduce((nearest, point) => (distance(point) < distance(nearest) ? point : nearest));
    return [x, y - height];
  }

  function place({ view, unit, isSmall }) {
    const size = pixels * unit * (isSmall ? 0.85 : 1);
    const height = size * heightOfSize;
    const taken = [];
    group.style.fontSize = `${size}px`;
    group.style.strokeWidth = 4 * unit;
    const order = [...labels].sort((one, other) => other.text.classList.contains("marked") - one.text.classList.contains("marked"));
    order.forEach((label, number) => {
      const isWanted = !isSmall || number < labelsOnSmall || label.text.classList.contains("marked");
      const anchor = isWanted ? anchorOf(label, view, height) : null;
      const width = label.width * size;
      const hidden = (box) => papers.filter(([x, y]) => Math.abs(x - box.x) < width / 2 && Math.abs(y - box.y) < height / 2).length;
      const isFree = (box) => taken.every((other) =>
        Math.abs(box.x - other.x) >= (width + other.width) / 2 || Math.abs(box.y - other.y) >= height);
      const boxes = anchor ? shifts.map(([right, down]) => ({
        x: Math.min(Math.max(anchor[0] + right * width, view.x + width / 2), view.x + view.width - width / 2),
        y: Math.min(Math.max(anchor[1] + down * height, view.y + height / 2), view.y + view.height - height / 2),
        width, shifted: 2 * Math.abs(right) + Math.abs(down),
      })).filter(isFree) : [];
      for (const box of boxes) box.cost = costOfShift * box.shifted + hidden(box);
      label.text.setAttribute("visibility", boxes.length ? "visible" : "hidden");
      if (!boxes.length) return;
      const best = boxes.reduce((one, other) => (other.cost < one.cost ? other : one));
      taken.push(best);
      label.text.setAttribute("x", best.x);
      label.text.setAttribute("y", best.y + 0.35 * size);
    });
  }

  let last = null;
  map.addEventListener("viewchange", (event) => { last = event.detail; place(last); });
  map.addEventListener("markchange", () => { if (last) place(last); });
}
