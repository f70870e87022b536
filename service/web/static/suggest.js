// Suggests authors and categories for the word being typed, and recent searches in the empty box: an editable combobox
// with a listbox popup, following the ARIA Authoring Practices.
const searchBox = document.getElementById("q");
const list = document.getElementById("suggestions");
const liveRegion = document.getElementById("live-region");
const kindByField = { au: "author", author: "author", a: "author", cat: "category", category: "category", primary: "category" };
const DEBOUNCE_MS = 90;
const MAX_OPTIONS = 8;
const NAME_LIKE = /^\p{L}[\p{L}.'’-]*$/u;
let options = [];
let selected = -1;
let timer = 0;
let pendingRequest = null;

list.setAttribute("role", "listbox");
list.setAttribute("aria-label", "Suggestions");
searchBox.setAttribute("role", "combobox");
searchBox.setAttribute("aria-expanded", "false");
searchBox.setAttribute("aria-autocomplete", "list");
searchBox.setAttribute("aria-controls", list.id);

// Returns what may be completed before the caret: a value after a field, or else the last two words and the last one.
// Each has its text, where it starts, and the kinds of name that it can be. Plain words may be names of categories; only
// two words, or one with a capital letter, may be a person.
function partsAtCaret() {
  const before = searchBox.value.slice(0, searchBox.selectionStart);
  const field = /(?:^|[\s(])-?(\w+):(\^?"[^"]*|[^\s"()]*)$/.exec(before);
  if (field) {
    const [, name, value] = field;
    const kind = kindByField[name.toLowerCase()];
    const text = value.replace(/^[\^"]+/, "");
    return kind && text.trim() ? [{ text, kinds: [kind], start: before.length - `${name}:${value}`.length }] : [];
  }
  const [, first, last] = /(?:^|[\s(])(?:([^\s"():]{2,})\s+)?([^\s"():]{2,})$/.exec(before) ?? [];
  if (!last) return [];
  const parts = [{ text: last, kinds: /^\p{Lu}/u.test(last) ? ["category", "author"] : ["category"], start: before.length - last.length }];
  if (first && NAME_LIKE.test(first) && NAME_LIKE.test(last)) {
    const start = before.lastIndexOf(first, before.length - last.length - 1);
    parts.unshift({ text: before.slice(start), kinds: ["category", "author"], start });
  }
  return parts;
}

function closeList() {
  list.hidden = true;
  options = [];
  selected = -1;
  searchBox.setAttribute("aria-expanded", "false");
  searchBox.removeAttribute("aria-activedescendant");
}

function select(index) {
  selected = index;
  options.forEach(({ element }, each) => element.setAttribute("aria-selected", String(each === index)));
  if (index < 0) searchBox.removeAttribute("aria-activedescendant");
  else searchBox.setAttribute("aria-activedescendant", options[index].element.id);
}

function insert(index) {
  const { text, start, href } = options[index];
  if (href) return location.assign(href);
  const rest = searchBox.value.slice(searchBox.selectionStart).replace(/^"?\s*/, "");
  searchBox.value = `${searchBox.value.slice(0, start)}${text} ${rest}`;
  const caret = start + text.length + 1;
  searchBox.setSelectionRange(caret, caret);
  searchBox.focus();
  return closeList();
}

function optionElement({ kind, label, papers }, index) {
  const element = document.createElement("div");
  element.id = `suggestion-${index}`;
  element.setAttribute("role", "option");
  element.setAttribute("aria-selected", "false");
  const [kindLabel, name, count] = ["small", "span", "small"].map((tag) => document.createElement(tag));
  kindLabel.textContent = kind;
  name.textContent = label;
  count.textContent = `${papers.toLocaleString("en")} paper${papers === 1 ? "" : "s"}`;
  element.append(kindLabel, " ", name, " ", count);
  return element;
}

// Shows the names found: those that match two words first, of each part categories before people.
function show(found) {
  const byText = new Map();
  for (const [{ kinds, start }, { authors, categories }] of found) {
    const people = kinds.includes("author") ? authors.map(({ value, papers }) => ({ kind: "author", label: value, papers, text: `au:"${value.replaceAll('"', "")}"`, start })) : [];
    const topics = kinds.includes("category") ? categories.map(({ code, name, papers }) => ({ kind: "category", label: `${name ?? ""} ${code}`.trim(), papers, text: `cat:${code}`, start })) : [];
    for (const option of [...topics.slice(0, people.length ? MAX_OPTIONS / 2 : MAX_OPTIONS), ...people]) if (!byText.has(option.text)) byText.set(option.text, option);
  }
  options = [...byText.values()].slice(0, MAX_OPTIONS).map((option, index) => ({ ...option, element: optionElement(option, index) }));
  openList("suggestion", "suggestions");
}

// Opens the list with the present options, or closes it if there are none.
function openList(singular, plural) {
  list.replaceChildren(...options.map(({ element }) => element));
  list.hidden = options.length === 0;
  select(-1);
  searchBox.setAttribute("aria-expanded", String(!list.hidden));
  liveRegion.textContent = options.length ? `${options.length} ${options.length === 1 ? singular : plural}` : "";
}

// Offers the recent searches of history.js in the empty box. Delete removes the selected one.
function showRecent() {
  const recent = [];
  document.dispatchEvent(new CustomEvent("recent-searches", { detail: recent }));
  options = recent.slice(0, MAX_OPTIONS).map(({ href, label, remove }, index) => ({ href, remove, element: recentElement(label, index) }));
  openList("recent search", "recent searches");
}

function recentElement(label, index) {
  const element = document.createElement("div");
  element.id = `suggestion-${index}`;
  element.setAttribute("role", "option");
  element.setAttribute("aria-selected", "false");
  const [kind, name, cross] = ["small", "span", "span"].map((tag) => document.createElement(tag));
  kind.textContent = "recent";
  name.textContent = label;
  Object.assign(cross, { className: "forget", textContent: "×", title: "Remove (Delete)" });
  cross.setAttribute("aria-hidden", "true");
  element.append(kind, " ", name, " ", cross);
  return element;
}

function removeRecent(index) {
  options[index].remove();
  const next = Math.min(index, options.length - 2);
  showRecent();
  if (next >= 0) select(next);
}

async function fetchNames(text, signal) {
  const response = await fetch(`/v1/suggest?${new URLSearchParams({ q: text, limit: MAX_OPTIONS })}`, { signal });
  if (!response.ok) throw new Error(response.statusText);
  return response.json();
}

async function suggest() {
  pendingRequest?.abort();
  if (!searchBox.value) return showRecent();
  const parts = partsAtCaret();
  if (!parts.length) return closeList();
  pendingRequest = new AbortController();
  const { signal } = pendingRequest;
  try {
    const found = await Promise.all(parts.map(async (part) => [part, await fetchNames(part.text, signal)]));
    if (document.activeElement === searchBox) show(found);
  } catch (error) {
    if (error.name !== "AbortError") closeList();
  }
}

searchBox.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(suggest, DEBOUNCE_MS);
});

searchBox.addEventListener("click", () => { if (!searchBox.value && list.hidden) showRecent(); });

searchBox.addEventListener("keydown", (event) => {
  if (list.hidden && event.key === "ArrowDown" && !searchBox.value) showRecent();
  if (list.hidden) return;
  const last = options.length - 1;
  const moves = { ArrowDown: () => select(selected === last ? -1 : selected + 1), ArrowUp: () => select(selected < 0 ? last : selected - 1) };
  if (moves[event.key]) moves[event.key]();
  else if (event.key === "Enter" && selected >= 0) insert(selected);
  else if (event.key === "Delete" && options[selected]?.remove) removeRecent(selected);
  else if (event.key === "Escape") closeList();
  else return;
  event.preventDefault();
});

list.addEventListener("pointerdown", (event) => {
  const option = event.target.closest('[role="option"]');
  event.preventDefault();
  if (option && event.target.closest(".forget")) removeRecent(options.findIndex(({ element }) => element === option));
  else if (option) insert(options.findIndex(({ element }) => element === option));
});

searchBox.addEventListener("blur", () => { clearTimeout(timer); closeList(); });
searchBox.form.addEventListener("submit", () => { clearTimeout(timer); pendingRequest?.abort(); closeList(); });
