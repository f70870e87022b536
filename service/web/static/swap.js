// Refines a search in place: fetches the page that a link or the form leads to, and replaces the parts that differ.
const form = document.getElementById("search-form");
const parts = () => document.querySelectorAll("[data-part]");
const results = () => document.querySelector('[data-part="results"]');
const FOCUSABLE = "a, select, input, button, [role=slider]".split(", ").map((each) => `[data-part] ${each}`).join(", ");
let pendingRequest = null;
const address = () => location.pathname + location.search;
let shownAddress = address();

const canSwap = (url) => results() && url.origin === location.origin && url.pathname === "/" && location.pathname === "/";

// Identifies an element across pages by its part and its label without counts.
const labelOf = (element) => element && [element.closest("[data-part]")?.dataset.part, element.getAttribute("aria-label") || element.name || element.textContent.replace(/[\d,]+\s*$/, "").trim()].join("|");

// Replaces the parts of the page, and restores the focus to the same element if it still exists.
function replaceParts(page, url) {
  const focusedLabel = labelOf(document.activeElement);
  const focusWasInside = document.activeElement?.closest("[data-part]");
  const filtersOpen = document.querySelector(".filters")?.open;
  for (const part of parts()) {
    const replacement = page.querySelector(`[data-part="${part.dataset.part}"]`);
    if (part.getAttribute("role") === "status") part.textContent = replacement.textContent;
    else part.replaceChildren(...replacement.childNodes);
  }
  shownAddress = address();
  document.querySelectorAll('input[name="back"]').forEach((each) => { each.value = shownAddress; });
  document.title = page.title;
  const feed = page.querySelector('link[rel="alternate"]');
  document.querySelector('link[rel="alternate"]')?.remove();
  if (feed) document.head.append(feed);
  const { value } = page.getElementById("q");
  Object.assign(document.getElementById("q"), { value, defaultValue: value });
  const filters = document.querySelector(".filters");
  if (filters && filtersOpen) filters.open = true;
  document.dispatchEvent(new CustomEvent("swapped", { detail: url }));
  if (!focusWasInside) return;
  const focused = [...document.querySelectorAll(FOCUSABLE)].find((each) => labelOf(each) === focusedLabel);
  (focused ?? document.getElementById("main")).focus({ preventScroll: true });
}

async function load(url, { push = true, top = false, scroll = null } = {}) {
  pendingRequest?.abort();
  pendingRequest = new AbortController();
  const main = document.getElementById("main");
  main.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(url, { signal: pendingRequest.signal });
    const type = response.headers.get("content-type") ?? "";
    if (type.startsWith("application/problem+json")) return showProblem(await response.json());
    if (!type.startsWith("text/html")) throw new TypeError("not a page");
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!page.querySelector('[data-part="results"]')) throw new TypeError("not a results page");
    if (push) {
      history.replaceState({ ...history.state, scroll: scrollY }, "");
      const shown = new URL(url);
      if (shown.searchParams.has("show")) shown.searchParams.delete("show"); // a cookie remembers it
      if (shown.href === location.href) history.replaceState({ scroll: 0 }, "");
      else history.pushState({ scroll: 0 }, "", shown);
    }
    replaceParts(page, url);
    if (top) scrollTo(0, 0);
    if (scroll !== null) scrollTo(0, scroll);
    main.removeAttribute("aria-busy");
  } catch (error) {
    if (error.name !== "AbortError") location.assign(url);
  }
  return undefined;
}

// Shows an error of the server itself, such as a rate limit or a missing key, above the current results.
function showProblem({ title, detail }) {
  document.getElementById("main").removeAttribute("aria-busy");
  document.querySelector('[data-part="results"] > .problem')?.remove();
  const problem = document.createElement("div");
  problem.className = "problem";
  problem.setAttribute("role", "alert");
  const heading = document.createElement("strong");
  heading.textContent = `${title}:`;
  problem.append(heading, ` ${detail}`);
  results().prepend(problem);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-swap]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const url = new URL(link.href);
  if (!canSwap(url)) return;
  event.preventDefault();
  load(url, { top: link.closest(".facets") === null }); // whoever toggles one facet may toggle another
});

// Submits no empty fields and no defaults, and with other words no theme, since that belongs to the former answer.
const defaults = { sort: "relevance", mode: "hybrid" };
form.addEventListener("formdata", ({ formData }) => {
  const { q } = form.elements;
  if (q.value !== q.defaultValue) formData.delete("theme");
  for (const [name, value] of [...formData]) if (!value.trim() || defaults[name] === value) formData.delete(name);
});

form.addEventListener("submit", (event) => {
  const url = new URL(form.action);
  url.search = new URLSearchParams(new FormData(form));
  if (!canSwap(url) || !url.search) return;
  event.preventDefault();
  load(url, { top: true });
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) form.requestSubmit();
});

addEventListener("popstate", (event) => {
  if (address() === shownAddress) return; // a link to a part of this page
  const url = new URL(location.href);
  if (canSwap(url) && url.search) load(url, { push: false, scroll: event.state?.scroll ?? 0 });
  else location.reload();
});

// A click outside an open menu closes it, and so does the choice of one of its links.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!event.composedPath().includes(menu) || event.target.closest("a")) menu.open = false;
});
