// The map of papers: zoom and pan with wheel, pinch, drag, buttons and keys; the arrow keys go from paper to paper.
const svg = document.querySelector(".map-frame > svg");
if (svg) enableMap(svg);

function enableMap(map) {
  const frame = map.parentElement;
  const tip = frame.querySelector(".map-tip");
  const status = document.querySelector(".map-paper");
  const whole = map.viewBox.baseVal;
  const [width, height] = [whole.width, whole.height];
  const maxZoom = 24;
  const fingerRadius = 24; // pixels
  const tipGap = 16; // pixels
  const view = { x: 0, y: 0, zoom: 1 };
  const markers = [...map.querySelectorAll(".marker")];
  const points = [...map.querySelectorAll(".map-theme a")].map((link) => {
    const use = link.querySelector("use");
    const title = link.querySelector("title");
    const theme = link.closest("[data-theme]").dataset.theme;
    const point = { link, title: title.textContent, theme, x: Number(use.getAttribute("x")), y: Number(use.getAttribute("y")) };
    link.setAttribute("aria-label", point.title);
    title.remove(); // the tip shows it at once
    return point;
  });
  const pointOf = new Map(points.map((point) => [point.link, point]));
  const themeNames = [...document.querySelectorAll(".map-themes summary span:first-of-type")].map((each) => each.textContent);
  const ring = document.createElementNS(map.namespaceURI, "circle");
  ring.setAttribute("class", "map-ring");
  ring.setAttribute("visibility", "hidden");
  map.append(ring);
  let current = points.at(-1); // of the largest theme, which is drawn last
  current?.link.setAttribute("tabindex", "0");

  // Units of the drawing per pixel of the screen.
  const scale = () => width / view.zoom / (map.clientWidth || width);

  function draw() {
    const [w, h] = [width / view.zoom, height / view.zoom];
    view.x = Math.min(Math.max(view.x, 0), width - w);
    view.y = Math.min(Math.max(view.y, 0), height - h);
    map.setAttribute("viewBox", `${view.x} ${view.y} ${w} ${h}`);
    const unit = scale();
    const isSmall = map.clientWidth < 560;
    const size = unit * (isSmall ? 0.75 : 1) * view.zoom ** 0.3;
    for (const marker of markers) marker.style.transform = `scale(${size})`;
    ring.setAttribute("r", 9 * size);
    ring.style.strokeWidth = 2 * unit;
    map.style.touchAction = view.zoom > 1 ? "none" : "pan-y";
    map.dispatchEvent(new CustomEvent("viewchange", { detail: { view: { x: view.x, y: view.y, width: w, height: h }, unit, isSmall } }));
  }

  // Zooms so that a place on the screen keeps its place on the map.
  function zoomBy(factor, clientX, clientY) {
    const box = map.getBoundingClientRect();
    const [atX, atY] = [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
    const [x, y] = [view.x + (atX * width) / view.zoom, view.y + (atY * height) / view.zoom];
    view.zoom = Math.min(maxZoom, Math.max(1, view.zoom * factor));
    view.x = x - (atX * width) / view.zoom;
    view.y = y - (atY * height) / view.zoom;
    draw();
  }

  function zoomAtMiddle(factor) {
    const box = map.getBoundingClientRect();
    zoomBy(factor, box.left + box.width / 2, box.top + box.height / 2);
  }

  function reset() {
    Object.assign(view, { x: 0, y: 0, zoom: 1 });
    draw();
  }

  const commands = { in: () => zoomAtMiddle(1.5), out: () => zoomAtMiddle(1 / 1.5), reset };
  frame.querySelectorAll("[data-map]").forEach((button) => button.addEventListener("click", commands[button.dataset.map]));

  map.addEventListener("wheel", (event) => {
    if (event.deltaY > 0 && view.zoom === 1) return; // scrolls the page
    event.preventDefault();
    zoomBy(Math.exp(-Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 100) / 300), event.clientX, event.clientY);
  }, { passive: false });

  const pointers = new Map();
  let moved = 0;
  let pointerType = "";
  let tapped = null;
  map.addEventListener("pointerdown", (event) => {
    pointerType = event.pointerType;
    pointers.set(event.pointerId, event);
    moved = pointers.size > 1 ? Infinity : 0;
  });
  window.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const other = [...pointers.values()].find((each) => each.pointerId !== event.pointerId);
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    moved += Math.hypot(dx, dy);
    if (moved < 5) return;
    pointers.set(event.pointerId, event);
    hideTip();
    view.x -= dx * scale() / (other ? 2 : 1);
    view.y -= dy * scale() / (other ? 2 : 1);
    if (!other) return void draw();
    const distance = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
    zoomBy(distance(event) / distance(before), (event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2);
  });
  for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, (event) => pointers.delete(event.pointerId));
  map.addEventListener("dragstart", (event) => event.preventDefault());
  // A finger is wider than a marker: the first tap names the nearest paper, the second one opens it.
  map.addEventListener("click", (event) => {
    const isTap = pointerType === "touch" && moved < 5;
    const point = isTap ? nearestTo(event.clientX, event.clientY) : null;
    if (moved >= 5 || isTap) event.preventDefault();
    if (point && point === tapped) location.assign(point.link.getAttribute("href"));
    else if (point) focusPoint(point);
    tapped = point;
  }, true);
  function nearestTo(clientX, clientY) {
    const box = map.getBoundingClientRect();
    const [x, y] = [view.x + (clientX - box.left) * scale(), view.y + (clientY - box.top) * scale()];
    let best = null;
    let least = fingerRadius * scale();
    for (const point of points) {
      const distance = Math.hypot(point.x - x, point.y - y);
      if (distance < least) [best, least] = [point, distance];
    }
    return best;
  }

  // Shows the title of a paper beside it, on the side where it hides the fewest papers.
  function showTip(point) {
    const box = map.getBoundingClientRect();
    const [x, y] = [(point.x - view.x) / scale(), (point.y - view.y) / scale()];
    const theme = document.createElement("span");
    theme.textContent = themeNames.length > 1 ? themeNames[point.theme] : "";
    tip.replaceChildren(point.title, theme);
    tip.hidden = false;
    const [w, h] = [tip.offsetWidth, tip.offsetHeight];
    const [alongX, alongY] = [within(x - w / 2, box.width - w), within(y - h / 2, box.height - h)];
    const places = [[alongX, y - h - tipGap], [alongX, y + tipGap], [x + tipGap, alongY], [x - w - tipGap, alongY]];
    const inside = places.filter(([left, top]) => left >= 0 && top >= 0 && left + w <= box.width && top + h <= box.height);
    const hidden = ([left, top]) => points.filter((each) => {
      const [atX, atY] = [(each.x - view.x) / scale(), (each.y - view.y) / scale()];
      return atX > left && atX < left + w && atY > top && atY < top + h;
    }).length;
    const [[left, top]] = (inside.length ? inside : places).map((place) => [...place, hidden(place)]).sort((one, other) => one[2] - other[2]);
    tip.style.left = `${left}px`;
    tip.style.top = `${top}px`;
    markPoint(point);
  }
  const within = (value, most) => Math.min(Math.max(0, value), Math.max(0, most));
  function markPoint({ x, y }) {
    ring.setAttribute("cx", x);
    ring.setAttribute("cy", y);
    ring.setAttribute("visibility", "visible");
  }
  function hideTip() { tip.hidden = true; }
  function hideRing() { ring.setAttribute("visibility", "hidden"); }

  map.addEventListener("pointerover", (event) => {
    const point = pointOf.get(event.target.closest("a"));
    if (point && !pointers.size && event.pointerType !== "touch") showTip(point);
  });
  map.addEventListener("pointerout", () => { hideTip(); if (map.contains(document.activeElement)) markPoint(current); else hideRing(); });
  map.addEventListener("focusin", (event) => {
    const point = pointOf.get(event.target.closest("a"));
    if (!point) return;
    current.link.setAttribute("tabindex", "-1");
    current = point;
    point.link.setAttribute("tabindex", "0");
    markPoint(point);
    if (pointerType !== "touch") showTip(point); // it would hide much of a small map, and the line below it says the same
    const link = document.createElement("a");
    link.href = point.link.getAttribute("href");
    link.textContent = point.title;
    status.replaceChildren(link, themeNames.length > 1 ? ` · ${themeNames[point.theme]}` : "");
  });
  map.addEventListener("focusout", () => { hideRing(); hideTip(); });

  // Brings a point into view, then moves the focus to it.
  function focusPoint(point) {
    const [w, h] = [width / view.zoom, height / view.zoom];
    const isVisible = point.x > view.x && point.x < view.x + w && point.y > view.y && point.y < view.y + h;
    if (!isVisible) { view.x = point.x - w / 2; view.y = point.y - h / 2; draw(); }
    point.link.focus({ preventScroll: true });
  }

  const directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function nearestIn([dx, dy]) {
    let best = null;
    let least = Infinity;
    for (const point of points) {
      const [x, y] = [point.x - current.x, point.y - current.y];
      const along = x * dx + y * dy;
      const across = Math.abs(x * dy - y * dx);
      const cost = along + 2 * across;
      if (along > 0 && across <= 2 * along && cost < least) [best, least] = [point, cost];
    }
    return best;
  }

  map.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key === "=" ? "+" : event.key;
    if (key in directions) {
      const next = nearestIn(directions[key]);
      if (next) focusPoint(next);
    } else if (key === "+") commands.in();
    else if (key === "-") commands.out();
    else if (key === "0") reset();
    else return;
    if (document.activeElement === current.link) { if (!(key in directions)) { keepVisible(); } }
    event.preventDefault();
  });
  function keepVisible() { focusPoint(current); showTip(current); }

  // The theme under the pointer or with the focus in the list, else an open one, stands out.
  const items = [...document.querySelectorAll(".map-themes details")];
  let hovered = null;
  function markTheme() {
    const opened = items.length > 1 ? items.filter((each) => each.open).map((each) => each.dataset.theme) : [];
    const marked = hovered === null ? opened : [hovered];
    map.classList.toggle("has-marked", marked.length > 0);
    map.querySelectorAll("[data-theme]").forEach((each) => each.classList.toggle("marked", marked.includes(each.dataset.theme)));
    map.dispatchEvent(new Event("markchange"));
  }
  for (const item of items) {
    item.addEventListener("toggle", markTheme);
    if (items.length < 2) continue;
    for (const name of ["pointerenter", "focusin"]) item.addEventListener(name, () => { hovered = item.dataset.theme; markTheme(); });
    for (const name of ["pointerleave", "focusout"]) item.addEventListener(name, () => { hovered = null; markTheme(); });
  }

  new ResizeObserver(draw).observe(map);
  draw();
  markTheme();
}
