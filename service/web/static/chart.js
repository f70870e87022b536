// The points of a chart of trends: their values appear at once under the pointer and with the focus, and the arrow keys
// go from point to point. Without this script the browser shows the values after a while, and the table has them.
const figure = document.querySelector(".chart");
if (figure) figure.querySelectorAll(".trend-chart").forEach((chart) => enableChart(chart, figure.querySelector(".chart-tip")));

function enableChart(chart, tip) {
  const gap = 10; // pixels
  const lines = [...chart.querySelectorAll(":scope > g")].map((line) => [...line.querySelectorAll(":scope > a")]).filter((line) => line.length);
  const points = lines.flat();
  for (const point of points) {
    const title = point.querySelector("title");
    point.setAttribute("aria-label", title.textContent);
    point.removeAttribute("aria-hidden");
    title.remove(); // the tip shows it at once
  }
  let current = lines[0]?.at(-1);
  current?.setAttribute("tabindex", "0");

  const middleOf = (point) => {
    const box = point.querySelector("circle").getBoundingClientRect();
    return [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  };

  function show(point) {
    const frame = figure.getBoundingClientRect();
    const [x, y] = middleOf(point);
    tip.textContent = point.getAttribute("aria-label");
    tip.hidden = false;
    tip.style.left = `${Math.min(Math.max(0, x - frame.left - tip.offsetWidth / 2), Math.max(0, frame.width - tip.offsetWidth))}px`;
    tip.style.top = `${y - frame.top - tip.offsetHeight - gap}px`;
  }
  const showFocused = () => { if (chart.contains(document.activeElement)) show(current); else tip.hidden = true; };

  function nearest(candidates, [x]) {
    const distance = (point) => Math.abs(middleOf(point)[0] - x);
    return candidates.reduce((best, point) => (distance(point) < distance(best) ? point : best));
  }

  function neighbour(key) {
    const at = lines.findIndex((line) => line.includes(current));
    const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (step) return lines[at][lines[at].indexOf(current) + step];
    const others = lines[at + { ArrowUp: -1, ArrowDown: 1 }[key]];
    return others && nearest(others, middleOf(current));
  }

  chart.addEventListener("pointerover", ({ target }) => { const point = target.closest("a"); if (point) show(point); });
  chart.addEventListener("pointerout", showFocused);
  chart.addEventListener("focusin", ({ target }) => {
    const point = target.closest("a");
    if (!point) return;
    current.setAttribute("tabindex", "-1");
    current = point;
    point.setAttribute("tabindex", "0");
    show(point);
  });
  chart.addEventListener("focusout", () => { tip.hidden = true; });
  chart.addEventListener("keydown", (event) => {
    if (!event.key.startsWith("Arrow") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    neighbour(event.key)?.focus();
  });
}
