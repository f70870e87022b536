// The selected papers: kept in the session storage of this tab, so that they outlast a search, a page and "back", and
// shown in a bar with what can be done with them. Without this script, the form has the papers ticked on one page.
const KEY = "selection";
const FORMAT_KEY = "export-format";
const SHOWN_MS = 4000;
const BOXES = 'input[form="selection-form"]';
const form = document.getElementById("selection-form");
const status = form?.querySelector(".selection-status");
const announce = (text) => { document.getElementById("live-region").textContent = text; };
let selected = []; // the ID and the title of each paper, in the order of their selection

function restore() {
  try {
    const stored = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    selected = stored.filter(({ id, title }) => typeof id === "string" && typeof title === "string");
  } catch { /* without session storage, the selection ends with the page */ }
}

function select(papers) {
  selected = papers;
  try { sessionStorage.setItem(KEY, JSON.stringify(papers)); } catch { /* see restore */ }
  show();
  status.textContent = "";
  announce(`${papers.length} selected`);
}

const without = (id) => selected.filter((each) => each.id !== id);

function titleOf(box) {
  const paper = box.closest("article, li");
  return (paper.querySelector("h1, .title a") ?? paper.querySelector(".title, a")).textContent.trim();
}

// Ticks the boxes of the page, and fills the bar.
function show() {
  const ids = new Set(selected.map(({ id }) => id));
  for (const box of document.querySelectorAll(BOXES)) box.checked = ids.has(box.value);
  form.toggleAttribute("data-shown", selected.length > 0);
  form.querySelector("summary").textContent = `${selected.length} selected`;
  form.querySelector("ol").replaceChildren(...selected.map(({ id, title }) => {
    const [item, link, remove] = ["li", "a", "button"].map((name) => document.createElement(name));
    [link.href, link.textContent] = [`/paper/${id.split("/").map(encodeURIComponent).join("/")}`, title];
    [remove.type, remove.value, remove.textContent] = ["button", id, "×"];
    remove.setAttribute("aria-label", `Remove from the selection: ${title}`);
    item.append(link, remove);
    return item;
  }));
  form.querySelector("pre").hidden = true;
}

function toggle(box) {
  const { limit } = form.dataset;
  if (!box.checked) select(without(box.value));
  else if (selected.length < limit) select([...selected, { id: box.value, title: titleOf(box) }]);
  else {
    box.checked = false;
    status.textContent = `At most ${limit} papers can be selected.`;
  }
}

// Returns the selected papers as BibTeX.
async function fetchBibtex() {
  const fields = [["do", "export"], ["format", "bibtex"], ...selected.map(({ id }) => ["id", id])];
  const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(fields) });
  if (response.ok) return response.text();
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  throw new Error(page.querySelector(".problem")?.textContent.trim() ?? `the server answered ${response.status}`);
}

// Says on the button that it has copied, where nothing moves.
function confirmCopied(count) {
  const button = form.querySelector(".copy");
  button.textContent = count === 1 ? "Copied 1 entry" : `Copied ${count} entries`;
  announce(button.textContent);
  setTimeout(() => { button.textContent = "Copy BibTeX"; }, SHOWN_MS);
}

// Some browsers copy only what a click promises; others, and insecure connections, only what the user has selected.
async function copy() {
  const bibtex = fetchBibtex();
  const count = selected.length;
  try {
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": bibtex.then((text) => new Blob([text], { type: "text/plain" })) })]);
    confirmCopied(count);
  } catch {
    try {
      const field = form.querySelector("pre");
      Object.assign(field, { textContent: await bibtex, hidden: false });
      getSelection().selectAllChildren(field);
      status.textContent = "Press Ctrl+C or ⌘C to copy";
    } catch (error) {
      status.textContent = `Not copied: ${error.message}`;
    }
  }
}

function clear() {
  const back = document.querySelector(`.current ${BOXES}`) ?? document.getElementById("main");
  select([]);
  back.focus({ preventScroll: true });
}

// Removes a paper with a button of the list, and moves the focus to the next button.
function remove(button) {
  const index = [...form.querySelectorAll("li button")].indexOf(button);
  select(without(button.value));
  const buttons = form.querySelectorAll("li button");
  if (buttons.length) buttons[Math.min(index, buttons.length - 1)].focus();
  else clear();
}

function refresh() {
  restore();
  show();
}

if (form) {
  const format = form.elements.format;
  try { format.value = localStorage.getItem(FORMAT_KEY) ?? format.value; } catch { /* the first format */ }
  format.addEventListener("change", () => { try { localStorage.setItem(FORMAT_KEY, format.value); } catch { /* for this page only */ } });
  document.addEventListener("change", ({ target }) => { if (target.matches(BOXES)) toggle(target); });
  form.addEventListener("formdata", ({ formData }) => {
    formData.delete("id");
    for (const { id } of selected) formData.append("id", id);
  });
  form.querySelector(".copy").addEventListener("click", copy);
  form.querySelector(".clear").addEventListener("click", clear);
  form.querySelector("ol").addEventListener("click", ({ target }) => { if (target.matches("button")) remove(target); });
  document.addEventListener("swapped", refresh);
  addEventListener("pageshow", refresh); // the browser may have kept the page, or its ticks
  refresh();
}
