// The labels of the map: within what is visible of it, near their themes, and not on each other. Each time the view or
// the marked themes change, they are placed again, those of marked themes first, then those of larger ones
// (search/maps/labels.py places them for pages without scripts).
const map = document.querySelector(".map-frame > svg");
if (map) placeLabelsOf(map);

function placeLabelsOf(map) {
  const pixels = 13;
  const heightOfSize = 1.4;
  const marginOfSize = 0.5;
  const shifts = [0, -0.5, 0.5].flatMap((right) => [0, -1, 1, -2, 2].map((down) => [right, down]))
    .sort((one, other) => Math.abs(one[0]) + Math.abs(one[1]) - Math.abs(other[0]) - Math.abs(other[1]));
  map.querySelector(".map-labels.small-screen")?.remove();
  const group = map.querySelector(".map-labels");
  group.style.fontSize = "100px";
  const labels = [...group.children].map((text) => ({
    text, theme: text.dataset.theme, width: text.getComputedTextLength() / 100 + 2 * marginOfSize,
    x: Number(text.dataset.x), y: Number(text.dataset.y), points: pointsOf(text.dataset.theme),
  }));

  function pointsOf(theme) {
    const uses = map.querySelectorAll(`.map-theme[data-theme="${theme}"] use`);
    return [...uses].map((use) => [Number(use.getAttribute("x")), Number(use.getAttribute("y"))]);
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
    for (const label of order) {
      const anchor = anchorOf(label, view, height);
      const width = label.width * size;
      const boxes = anchor ? shifts.map(([right, down]) => ({
        x: Math.min(Math.max(anchor[0] + right * width, view.x + width / 2), view.x + view.width - width / 2),
        y: Math.min(Math.max(anchor[1] + down * height, view.y + height / 2), view.y + view.height - height / 2),
        width,
      })) : [];
      const free = boxes.find((box) => taken.every((other) =>
        Math.abs(box.x - other.x) >= (box.width + other.width) / 2 || Math.abs(box.y - other.y) >= height));
      label.text.setAttribute("visibility", free ? "visible" : "hidden");
      if (!free) continue;
      taken.push(free);
      label.text.setAttribute("x", free.x);
      label.text.setAttribute("y", free.y + 0.35 * size);
    }
  }

  let last = null;
  map.addEventListener("viewchange", (event) => { last = event.detail; place(last); });
  map.addEventListener("markchange", () => { if (last) place(last); });
}
