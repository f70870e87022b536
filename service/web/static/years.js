// The histogram of years: drag over it, or move its two ends by the arrow keys.
const SVG = "http://www.w3.org/2000/svg";
const form = document.getElementById("asked");

function rect(bars, attributes) {
  const made = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries({ y: 0, height: 48, ...attributes })) made.setAttribute(name, value);
  bars.append(made);
  return made;
}

function equip(bars) {
  const first = Number(bars.dataset.first);
  const step = Number(bars.dataset.step);
  const last = first + Number(bars.dataset.years) - 1;
  const drawn = [...bars.querySelectorAll("rect")];
  const { from, to } = form.elements;
  const year = (field, otherwise) => Math.min(last, Math.max(first, Number.parseInt(field.value, 10) || otherwise));
  let ends = [year(from, first), year(to, last)];
  let held = null;
  let waiting = 0;
  const given = () => from.value || to.value;
  const chosen = rect(bars, { class: "chosen" });
  bars.setAttribute("role", "group");
  const thick = Math.max(step / 8, (last - first + 1) * step * 0.008); // to be seen where years are many
  const holds = ["First year", "Last year"].map((said) => {
    const hold = rect(bars, { class: "hold", width: thick, role: "slider", tabindex: 0 });
    hold.setAttribute("aria-label", said);
    hold.setAttribute("aria-valuemin", first);
    hold.setAttribute("aria-valuemax", last);
    return hold;
  });

  function draw() {
    const [start, end] = [Math.min(...ends), Math.max(...ends)];
    chosen.setAttribute("x", (start - first) * step);
    chosen.setAttribute("width", (end - start + 1) * step - 1);
    drawn.forEach((bar, place) => bar.classList.toggle("out", first + place < start || first + place > end));
    const edges = [(start - first) * step, (end - first + 1) * step - 1];
    holds.forEach((hold, place) => hold.setAttribute("x", Math.max(0, edges[place] - (place ? thick : thick / 2))));
    [start, end].forEach((value, place) => holds[place].setAttribute("aria-valuenow", value));
  }

  function apply() {
    clearTimeout(waiting);
    [from.value, to.value] = [Math.min(...ends), Math.max(...ends)];
    form.requestSubmit();
  }

  const under = (event) => {
    const { left, width } = bars.getBoundingClientRect();
    return Math.min(last, Math.max(first, first + Math.floor(((event.clientX - left) / width) * (last - first + 1))));
  };

  bars.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    bars.setPointerCapture(event.pointerId);
    const place = holds.indexOf(event.target);
    held = place < 0 ? under(event) : ends[1 - place];
    ends = [held, under(event)];
    draw();
  });
  bars.addEventListener("pointermove", (event) => {
    if (held === null) return;
    ends = [held, under(event)];
    draw();
  });
  bars.addEventListener("pointerup", () => {
    if (held === null) return;
    held = null;
    apply();
  });
  bars.addEventListener("pointercancel", () => { held = null; });

  holds.forEach((hold, place) => hold.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5, Home: -9999, End: 9999 };
    if (event.key === "Enter") return apply();
    if (!(event.key in moves)) return undefined;
    event.preventDefault();
    const [low, high] = place ? [ends[0], last] : [first, ends[1]];
    ends[place] = Math.min(high, Math.max(low, ends[place] + moves[event.key]));
    draw();
    clearTimeout(waiting);
    waiting = setTimeout(apply, 900);
    return undefined;
  }));
  draw();
  bars.classList.toggle("given", Boolean(given()));
  if (!given()) chosen.setAttribute("width", 0);
}

const equip_all = () => document.querySelectorAll(".histogram:not(.still) .bars").forEach(equip);
equip_all();
document.addEventListener("swapped", equip_all);
