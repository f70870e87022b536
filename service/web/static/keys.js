// Keyboard shortcuts, the dialog that lists them, and the theme button.
const dialog = document.getElementById("keys-dialog");
const searchBox = document.getElementById("q");
const CARD = "article.card, .paper-line";
const BOX = 'input[form="selection-form"]';
const cards = () => [...document.querySelectorAll(CARD)];
const currentCard = () => document.querySelector(`:is(${CARD}).current`);
const currentPaper = () => currentCard() ?? document.querySelector("article.paper");

// Moves to another paper: the focus goes to its title, or to its check box from that of a paper.
function moveBy(step, target = "a") {
  const all = cards();
  const index = all.indexOf(currentCard());
  const next = all[index < 0 ? (step > 0 ? 0 : all.length - 1) : index + step];
  if (!next) return;
  makeCurrent(next);
  next.querySelector(target)?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

// The entry of the history keeps the current paper, so that "back" returns to it.
function makeCurrent(card) {
  currentCard()?.classList.remove("current");
  card.classList.add("current");
  try {
    history.replaceState({ ...history.state, paper: card.querySelector(BOX)?.value }, "");
  } catch { /* some browsers limit how often it changes */ }
}

function restoreCurrent() {
  const paper = history.state?.paper;
  if (!paper || currentCard()) return;
  const card = cards().find((each) => each.querySelector(BOX)?.value === paper);
  card?.classList.add("current");
  if (document.activeElement === document.body) card?.querySelector("a")?.focus({ preventScroll: true });
}

// Presses a button of the selection, which is the current paper if none is selected.
function useSelection(button) {
  const form = document.getElementById("selection-form");
  if (!form) return;
  if (!form.hasAttribute("data-shown")) shortcuts.x();
  if (form.hasAttribute("data-shown")) form.querySelector(button).click();
}

const shortcuts = {
  "/": () => { searchBox.focus(); searchBox.select(); },
  "?": () => dialog.showModal(),
  j: () => moveBy(1),
  k: () => moveBy(-1),
  o: () => {
    const abstract = currentCard()?.querySelector("details.abstract");
    if (abstract) abstract.open = !abstract.open;
  },
  s: () => currentPaper()?.querySelector("a.similar")?.click(),
  t: () => currentPaper()?.querySelector("button.star")?.click(),
  l: () => (document.querySelector('#selection-form[data-shown] [value="list"]') ?? currentPaper()?.querySelector("button.add-to-list"))?.click(),
  x: () => currentPaper()?.querySelector(BOX)?.click(),
  y: () => useSelection(".copy"),
  e: () => useSelection('[value="export"]'),
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    const menu = document.querySelector(".menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    else if (document.activeElement === searchBox) searchBox.blur();
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && event.target.matches(BOX)) {
    event.preventDefault();
    moveBy(step, BOX);
    return;
  }
  if (event.target.closest('input:not([type="checkbox"]), select, textarea')) return;
  const action = shortcuts[event.key];
  if (action) { event.preventDefault(); action(); }
});

// The current card follows the focus, whether it moves by Tab or by mouse.
document.addEventListener("focusin", (event) => {
  const card = event.target.closest(CARD);
  if (!card || card === currentCard()) return;
  makeCurrent(card);
});
document.addEventListener("swapped", restoreCurrent);
addEventListener("pageshow", restoreCurrent);

// The browser's own way back has the place on the page, too.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-back]");
  if (!link || document.referrer !== link.href || location.hash || history.length < 2 || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  history.back();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (!opener) return;
  event.preventDefault();
  document.getElementById(opener.dataset.opens).showModal();
});

const themeButton = document.getElementById("theme");
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (systemDark.matches ? "dark" : "light")) === "dark";
const updateThemeButton = () => themeButton.setAttribute("aria-pressed", String(isDark()));
themeButton.hidden = false;
updateThemeButton();
systemDark.addEventListener("change", updateThemeButton);
themeButton.addEventListener("click", () => {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try { localStorage.setItem("theme", theme); } catch { /* without local storage, for this page only */ }
  updateThemeButton();
});
