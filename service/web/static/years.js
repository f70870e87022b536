// The histogram of years: selects a range by dragging, or by moving its two ends with the arrow keys.
const SVG = "http://www.w3.org/2000/svg";
const CHART_HEIGHT = 48;
const APPLY_DELAY_MS = 900;
const form = document.getElementById("search-form");

function appendRect(bars, attributes) {
  const rect = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries({ y: 0, height: CHART_HEIGHT, ...attributes })) rect.setAttribute(name, value);
  bars.append(rect);
  return rect;
}

function enableSelection(bars) {
  const first = Number(bars.dataset.first);
  const step = Number(bars.dataset.step);
  const last = first + Number(bars.dataset.years) - 1;
  const yearBars = [...bars.querySelectorAll("rect")];
  const { from, to } = form.elements;
  const clamp = (year) => Math.min(last, Math.max(first, year));
  const yearIn = (field, fallback) => clamp(Number.parseInt(field.value, 10) || fallback);
  const hasRange = Boolean(from.value || to.value);
  let ends = [yearIn(from, first), yearIn(to, last)];
  let dragStart = null;
  let timer = 0;
  const selection = appendRect(bars, { class: "selection" });
  bars.setAttribute("role", "group");
  const handleWidth = Math.max(step / 8, (last - first + 1) * step * 0.008); // visible even with many years
  const handles = ["First year", "Last year"].map((label) => {
    const handle = appendRect(bars, { class: "handle", width: handleWidth, role: "slider", tabindex: 0 });
    handle.setAttribute("aria-label", label);
    handle.setAttribute("aria-valuemin", first);
    handle.setAttribute("aria-valuemax", last);
    return handle;
  });

  function draw() {
    const [start, end] = [Math.min(...ends), Math.max(...ends)];
    selection.setAttribute("x", (start - first) * step);
    selection.setAttribute("width", (end - start + 1) * step - 1);
    yearBars.forEach((bar, index) => bar.classList.toggle("outside", first + index < start || first + index > end));
    const edges = [(start - first) * step, (end - first + 1) * step - 1];
    handles.forEach((handle, index) => handle.setAttribute("x", Math.max(0, edges[index] - (index ? handleWidth : handleWidth / 2))));
    [start, end].forEach((value, index) => handles[index].setAttribute("aria-valuenow", value));
  }

  function apply() {
    clearTimeout(timer);
    [from.value, to.value] = [Math.min(...ends), Math.max(...ends)];
    form.requestSubmit();
  }

  const yearAt = (event) => {
    const { left, width } = bars.getBoundingClientRect();
    return clamp(first + Math.floor(((event.clientX - left) / width) * (last - first + 1)));
  };

  bars.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    bars.setPointerCapture(event.pointerId);
    const index = handles.indexOf(event.target);
    dragStart = index < 0 ? yearAt(event) : ends[1 - index];
    ends = [dragStart, yearAt(event)];
    draw();
  });
  bars.addEventListener("pointermove", (event) => {
    if (dragStart === null) return;
    ends = [dragStart, yearAt(event)];
    draw();
  });
  bars.addEventListener("pointerup", () => {
    if (dragStart === null) return;
    dragStart = null;
    apply();
  });
  bars.addEventListener("pointercancel", () => { dragStart = null; });

  handles.forEach((handle, index) => handle.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5, Home: -9999, End: 9999 };
    if (event.key === "Enter") return apply();
    if (!(event.key in moves)) return undefined;
    event.preventDefault();
    const [low, high] = index ? [ends[0], last] : [first, ends[1]];
    ends[index] = Math.min(high, Math.max(low, ends[index] + moves[event.key]));
    draw();
    clearTimeout(timer);
    timer = setTimeout(apply, APPLY_DELAY_MS);
    return undefined;
  }));
  draw();
  bars.classList.toggle("has-range", hasRange);
  if (!hasRange) selection.setAttribute("width", 0);
}

const enableAll = () => document.querySelectorAll(".histogram:not(.static) .bars").forEach(enableSelection);
enableAll();
document.addEventListener("swapped", enableAll);
