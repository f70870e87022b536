// Keys, the dialog that tells them, and the theme.
const dialog = document.getElementById("keys-dialog");
const box = document.getElementById("q");
const cards = () => [...document.querySelectorAll("article.card")];
const current = () => document.querySelector("article.current");

function move(step) {
  const all = cards();
  const place = all.indexOf(current());
  const next = all[place < 0 ? (step > 0 ? 0 : all.length - 1) : place + step];
  if (!next) return;
  current()?.classList.remove("current");
  next.classList.add("current");
  next.querySelector(".title a").focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

const keys = {
  "/": () => { box.focus(); box.select(); },
  "?": () => dialog.showModal(),
  j: () => move(1),
  k: () => move(-1),
  o: () => {
    const abstract = current()?.querySelector("details.abstract");
    if (abstract) abstract.open = !abstract.open;
  },
  s: () => (current() ?? document.querySelector("article.paper"))?.querySelector("a.similar")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  if (event.key === "Escape") {
    const menu = document.querySelector(".menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    else if (document.activeElement === box) box.blur();
    return;
  }
  if (event.target.closest("input, select, textarea")) return;
  const act = keys[event.key];
  if (act) { event.preventDefault(); act(); }
});

// Whoever walks with Tab or the mouse takes the mark along.
document.addEventListener("focusin", (event) => {
  const card = event.target.closest("article.card");
  if (!card || card === current()) return;
  current()?.classList.remove("current");
  card.classList.add("current");
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (!opener) return;
  event.preventDefault();
  document.getElementById(opener.dataset.opens).showModal();
});

const theme = document.getElementById("theme");
const system = matchMedia("(prefers-color-scheme: dark)");
const dark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
const show = () => theme.setAttribute("aria-pressed", String(dark()));
theme.hidden = false;
show();
system.addEventListener("change", show);
theme.addEventListener("click", () => {
  const chosen = dark() ? "light" : "dark";
  document.documentElement.dataset.theme = chosen;
  try { localStorage.setItem("theme", chosen); } catch { /* kept for this page alone */ }
  show();
});
