// Recent searches, kept in the local storage of this browser and never sent to the server: the last ones on the start page,
// and all of them offered by suggest.js in the empty search box. Without this script nothing is kept, and the list stays hidden.
const KEY = "searches";
const OFF_KEY = "searches-off";
const MAX_SEARCHES = 20;
const MAX_SHOWN = 5; // on the start page
const PAGE_PARAMS = ["page", "cursor", "show"];
const ORDER_PARAMS = ["sort", "mode", "verbatim"];
const section = document.getElementById("recent");

const isOff = () => localStorage.getItem(OFF_KEY) !== null;
const save = (searches) => (searches.length ? localStorage.setItem(KEY, JSON.stringify(searches)) : localStorage.removeItem(KEY));

// Identifies a search: by its words, whatever their case and the filters, or if it has none, by its filters.
function keyOf(href) {
  const params = new URLSearchParams(href.slice(2));
  const words = (params.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean).join(" ");
  for (const name of ["q", ...ORDER_PARAMS]) params.delete(name);
  params.sort();
  return words || `?${params}`;
}

// Returns the searches, latest first and each once; what another version has stored is ignored.
function read() {
  try {
    const found = new Map();
    for (const { href, label } of JSON.parse(localStorage.getItem(KEY) ?? "[]")) {
      if (typeof href !== "string" || !href.startsWith("/?") || typeof label !== "string") continue;
      if (!found.has(keyOf(href))) found.set(keyOf(href), { href, label });
    }
    return [...found.values()];
  } catch {
    return [];
  }
}

const remove = (href) => save(read().filter((each) => each.href !== href));

// Keeps the search that the page shows, unless it is invalid or has neither text nor filter.
function keep() {
  const results = document.querySelector('[data-part="results"]');
  const chips = [...document.querySelectorAll(".chips li > span")].map((chip) => chip.textContent);
  if (!results || results.querySelector(".problem") || !chips.length || isOff()) return;
  const params = new URLSearchParams(location.search);
  for (const name of PAGE_PARAMS) params.delete(name);
  const href = `/?${params}`;
  const label = [...params.keys()].join() === "q" ? params.get("q").trim().slice(0, 200) : chips.join(", ");
  save([{ href, label }, ...read()].slice(0, MAX_SEARCHES));
}

function button(text, label, action) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  if (label) element.setAttribute("aria-label", label);
  element.addEventListener("click", action);
  return element;
}

// Fills the section of the start page.
function show() {
  const searches = read();
  const [list, note] = [section.querySelector("ul"), section.querySelector("p")];
  list.replaceChildren(...searches.slice(0, MAX_SHOWN).map(({ href, label }, index) => {
    const [item, link] = [document.createElement("li"), document.createElement("a")];
    [link.href, link.textContent, link.title] = [href, label, label];
    item.append(link, " ", button("×", `Remove from the recent searches: ${label}`, () => {
      remove(href);
      show();
      (list.querySelectorAll("button")[Math.min(index, read().length - 1)] ?? note.querySelector("button")).focus();
    }));
    return item;
  }));
  const text = isOff() ? "Not kept." : searches.length ? "Kept in this browser only." : "None yet. They are kept in this browser only.";
  const toggle = button(isOff() ? "Keep them" : "Turn off", isOff() ? "Keep recent searches" : "Turn off recent searches", () => {
    if (isOff()) localStorage.removeItem(OFF_KEY);
    else { save([]); localStorage.setItem(OFF_KEY, "1"); }
    show();
    note.querySelector("button:last-child").focus();
  });
  const clear = searches.length ? [" ", button("Clear", "Clear the recent searches", () => { save([]); show(); note.querySelector("button").focus(); })] : [];
  note.replaceChildren(text, ...clear, " ", toggle);
  section.hidden = false;
}

try {
  keep();
  document.addEventListener("swapped", keep);
  // suggest.js asks with an empty list, which is filled here.
  document.addEventListener("recent-searches", ({ detail }) => detail.push(...read().map((each) => ({ ...each, remove: () => remove(each.href) }))));
  if (section) {
    show();
    addEventListener("pageshow", show); // a page that the browser has kept may be out of date
  }
} catch { /* without local storage, no search is kept */ }
