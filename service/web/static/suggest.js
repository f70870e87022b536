// Authors and categories for the word being typed: an editable combobox with a list, as the ARIA Authoring Practices have it.
const box = document.getElementById("q");
const list = document.getElementById("suggestions");
const said = document.getElementById("said");
const fields = { au: "author", author: "author", a: "author", cat: "category", category: "category", primary: "category" };
let options = [];
let at = -1;
let waiting = 0;
let under_way = null;

list.setAttribute("role", "listbox");
list.setAttribute("aria-label", "Suggestions");
box.setAttribute("role", "combobox");
box.setAttribute("aria-expanded", "false");
box.setAttribute("aria-autocomplete", "list");
box.setAttribute("aria-controls", list.id);

// The word before the caret, where it starts, and the kind it can be.
function typed() {
  const before = box.value.slice(0, box.selectionStart);
  const match = /(?:^|[\s(])-?(?:(\w+):(\^?"[^"]*|[^\s"()]*)|([^\s"():]+))$/.exec(before);
  if (!match) return null;
  const [, field, value, word] = match;
  const text = (word ?? value).replace(/^[\^"]+/, "");
  const kind = field ? fields[field.toLowerCase()] : "any";
  if (!kind || text.trim().length < (field ? 1 : 2)) return null;
  return { text, kind, start: before.length - (word ?? `${field}:${value}`).length };
}

function close() {
  list.hidden = true;
  options = [];
  at = -1;
  box.setAttribute("aria-expanded", "false");
  box.removeAttribute("aria-activedescendant");
}

function choose(place) {
  at = place;
  options.forEach(({ element }, each) => element.setAttribute("aria-selected", String(each === place)));
  if (place < 0) box.removeAttribute("aria-activedescendant");
  else box.setAttribute("aria-activedescendant", options[place].element.id);
}

function pick(place) {
  const { text, start } = options[place];
  const rest = box.value.slice(box.selectionStart).replace(/^"?\s*/, "");
  box.value = `${box.value.slice(0, start)}${text} ${rest}`;
  const caret = start + text.length + 1;
  box.setSelectionRange(caret, caret);
  box.focus();
  close();
}

function show(found, { kind, start }) {
  const authors = kind === "category" ? [] : found.authors.map(({ value, papers }) => ({ shown: value, papers, text: `au:"${value.replaceAll('"', "")}"`, start }));
  const categories = kind === "author" ? [] : found.categories.map(({ code, name, papers }) => ({ shown: `${code}  ${name}`, papers, text: `cat:${code}`, start }));
  options = [...authors, ...categories].slice(0, 8);
  list.replaceChildren(...options.map((option, place) => {
    const element = document.createElement("div");
    element.id = `suggestion-${place}`;
    element.setAttribute("role", "option");
    element.setAttribute("aria-selected", "false");
    const name = document.createElement("span");
    name.textContent = option.shown;
    const papers = document.createElement("small");
    papers.textContent = option.papers.toLocaleString("en");
    element.append(name, " ", papers);
    option.element = element;
    return element;
  }));
  at = -1;
  list.hidden = options.length === 0;
  box.setAttribute("aria-expanded", String(!list.hidden));
  said.textContent = options.length ? `${options.length} suggestions` : "";
}

async function ask() {
  const word = typed();
  under_way?.abort();
  if (!word) return close();
  under_way = new AbortController();
  try {
    const answer = await fetch(`/v1/suggest?${new URLSearchParams({ q: word.text, limit: "8" })}`, { signal: under_way.signal });
    if (!answer.ok) return close();
    const found = await answer.json();
    if (document.activeElement === box) show(found, word);
  } catch (error) {
    if (error.name !== "AbortError") close();
  }
}

box.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(ask, 90);
});

box.addEventListener("keydown", (event) => {
  if (list.hidden) return;
  const last = options.length - 1;
  const moves = { ArrowDown: () => choose(at === last ? -1 : at + 1), ArrowUp: () => choose(at < 0 ? last : at - 1) };
  if (moves[event.key]) moves[event.key]();
  else if (event.key === "Enter" && at >= 0) pick(at);
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
});

list.addEventListener("pointerdown", (event) => {
  const option = event.target.closest('[role="option"]');
  event.preventDefault();
  if (option) pick(options.findIndex(({ element }) => element === option));
});

box.addEventListener("blur", () => { clearTimeout(waiting); close(); });
box.form.addEventListener("submit", () => { clearTimeout(waiting); under_way?.abort(); close(); });
