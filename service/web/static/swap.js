// Refining in place: a link or the form asks for the page it would lead to, and only what differs is put in.
const form = document.getElementById("asked");
const parts = () => document.querySelectorAll("[data-part]");
const here = () => document.querySelector('[data-part="found"]');
let under_way = null;

const refines = (url) => here() && url.origin === location.origin && url.pathname === "/" && location.pathname === "/";

// What was in focus is so again where it is still there, by its words and its group; else the heading of the answer.
const mark = (element) => element && [element.closest("[data-part]")?.dataset.part, element.getAttribute("aria-label") || element.name || element.textContent.replace(/[\d,]+\s*$/, "").trim()].join("|");

function put(fresh, url) {
  const focused = mark(document.activeElement);
  const inside = document.activeElement?.closest("[data-part]");
  const open = document.querySelector(".narrow")?.open;
  for (const part of parts()) {
    const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (part.getAttribute("role") === "status") part.textContent = other.textContent;
    else part.replaceChildren(...other.childNodes);
  }
  document.title = fresh.title;
  document.getElementById("q").value = fresh.getElementById("q").value;
  const narrow = document.querySelector(".narrow");
  if (narrow && open) narrow.open = true;
  document.dispatchEvent(new CustomEvent("swapped", { detail: url }));
  if (!inside) return;
  const again = [...document.querySelectorAll("[data-part] a, [data-part] select, [data-part] input, [data-part] button, [data-part] [role=slider]")].find((each) => mark(each) === focused);
  (again ?? document.getElementById("main")).focus({ preventScroll: true });
}

async function go(url, { push = true, top = false, scroll = null } = {}) {
  under_way?.abort();
  under_way = new AbortController();
  const main = document.getElementById("main");
  main.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(url, { signal: under_way.signal });
    if (answer.headers.get("content-type")?.startsWith("application/problem+json")) return refuse(await answer.json());
    if (!answer.headers.get("content-type")?.startsWith("text/html")) throw new TypeError("no page");
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!fresh.querySelector('[data-part="found"]')) throw new TypeError("another page");
    if (push) {
      history.replaceState({ scroll: scrollY }, "");
      history.pushState({ scroll: 0 }, "", url);
    }
    put(fresh, url);
    if (top) scrollTo(0, 0);
    if (scroll !== null) scrollTo(0, scroll);
    main.removeAttribute("aria-busy");
  } catch (error) {
    if (error.name !== "AbortError") location.assign(url);
  }
  return undefined;
}

// The guard before the page refused: too much is asked, or a key is needed. What is there stays.
function refuse({ title, detail }) {
  document.getElementById("main").removeAttribute("aria-busy");
  document.querySelector('[data-part="found"] > .problem')?.remove();
  const problem = document.createElement("div");
  problem.className = "problem";
  problem.setAttribute("role", "alert");
  const strong = document.createElement("strong");
  strong.textContent = title;
  problem.append(strong, ` ${detail}`);
  here().prepend(problem);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-swap]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const url = new URL(link.href);
  if (!refines(url)) return;
  event.preventDefault();
  go(url, { top: link.closest(".facets") === null }); // who toggles facets may toggle another
});

// An address without what is empty or usual.
const usual = { sort: "relevance", mode: "hybrid" };
form.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (!value.trim() || usual[name] === value) formData.delete(name);
});

form.addEventListener("submit", (event) => {
  const url = new URL(form.action);
  url.search = new URLSearchParams(new FormData(form));
  if (!refines(url) || !url.search) return;
  event.preventDefault();
  go(url, { top: true });
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) form.requestSubmit();
});

addEventListener("popstate", (event) => {
  const url = new URL(location.href);
  if (refines(url) && url.search) go(url, { push: false, scroll: event.state?.scroll ?? 0 });
  else location.reload();
});

// A menu closes when one looks elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
