// Suggests authors and categories for the word being typed: an editable combobox with a listbox popup, following the
// ARIA Authoring Practices.
const searchBox = document.getElementById("q");
const list = document.getElementById("suggestions");
const liveRegion = document.getElementById("live-region");
const kindByField = { au: "author", author: "author", a: "author", cat: "category", category: "category", primary: "category" };
const DEBOUNCE_MS = 90;
const MAX_OPTIONS = 8;
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

// Returns the word before the caret, where it starts, and the kind of name that it can be.
function wordAtCaret() {
  const before = searchBox.value.slice(0, searchBox.selectionStart);
  const match = /(?:^|[\s(])-?(?:(\w+):(\^?"[^"]*|[^\s"()]*)|([^\s"():]+))$/.exec(before);
  if (!match) return null;
  const [, field, value, word] = match;
  const text = (word ?? value).replace(/^[\^"]+/, "");
  const kind = field ? kindByField[field.toLowerCase()] : "any";
  if (!kind || text.trim().length < (field ? 1 : 2)) return null;
  return { text, kind, start: before.length - (word ?? `${field}:${value}`).length };
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
  const { text, start } = options[index];
  const rest = searchBox.value.slice(searchBox.selectionStart).replace(/^"?\s*/, "");
  searchBox.value = `${searchBox.value.slice(0, start)}${text} ${rest}`;
  const caret = start + text.length + 1;
  searchBox.setSelectionRange(caret, caret);
  searchBox.focus();
  closeList();
}

function optionElement({ label, papers }, index) {
  const element = document.createElement("div");
  element.id = `suggestion-${index}`;
  element.setAttribute("role", "option");
  element.setAttribute("aria-selected", "false");
  const name = document.createElement("span");
  name.textContent = label;
  const count = document.createElement("small");
  count.textContent = papers.toLocaleString("en");
  element.append(name, " ", count);
  return element;
}

function show(suggestions, { kind, start }) {
  const authors = kind === "category" ? [] : suggestions.authors.map(({ value, papers }) => ({ label: value, papers, text: `au:"${value.replaceAll('"', "")}"`, start }));
  const categories = kind === "author" ? [] : suggestions.categories.map(({ code, name, papers }) => ({ label: `${code}  ${name}`, papers, text: `cat:${code}`, start }));
  options = [...authors, ...categories].slice(0, MAX_OPTIONS).map((option, index) => ({ ...option, element: optionElement(option, index) }));
  list.replaceChildren(...options.map(({ element }) => element));
  selected = -1;
  list.hidden = options.length === 0;
  searchBox.setAttribute("aria-expanded", String(!list.hidden));
  liveRegion.textContent = options.length ? `${options.length} suggestion${options.length === 1 ? "" : "s"}` : "";
}

async function suggest() {
  const word = wordAtCaret();
  pendingRequest?.abort();
  if (!word) return closeList();
  pendingRequest = new AbortController();
  try {
    const response = await fetch(`/v1/suggest?${new URLSearchParams({ q: word.text, limit: MAX_OPTIONS })}`, { signal: pendingRequest.signal });
    if (!response.ok) return closeList();
    const suggestions = await response.json();
    if (document.activeElement === searchBox) show(suggestions, word);
  } catch (error) {
    if (error.name !== "AbortError") closeList();
  }
}

searchBox.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(suggest, DEBOUNCE_MS);
});

searchBox.addEventListener("keydown", (event) => {
  if (list.hidden) return;
  const last = options.length - 1;
  const moves = { ArrowDown: () => select(selected === last ? -1 : selected + 1), ArrowUp: () => select(selected < 0 ? last : selected - 1) };
  if (moves[event.key]) moves[event.key]();
  else if (event.key === "Enter" && selected >= 0) insert(selected);
  else if (event.key === "Escape") closeList();
  else return;
  event.preventDefault();
});

list.addEventListener("pointerdown", (event) => {
  const option = event.target.closest('[role="option"]');
  event.preventDefault();
  if (option) insert(options.findIndex(({ element }) => element === option));
});

searchBox.addEventListener("blur", () => { clearTimeout(timer); closeList(); });
searchBox.form.addEventListener("submit", () => { clearTimeout(timer); pendingRequest?.abort(); closeList(); });
