// Buttons that copy the text of another element. Browsers allow it on secure connections only; elsewhere the text is
// selected, so that the keyboard can copy it. Without this script the text is in its fold.
const SHOWN_MS = 4000;
let timer = 0;

function report(status, text) {
  status.textContent = text;
  clearTimeout(timer);
  timer = setTimeout(() => { status.textContent = ""; }, SHOWN_MS);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copies);
  const status = document.getElementById("copy-status");
  try {
    await navigator.clipboard.writeText(source.textContent);
    report(status, "Copied");
  } catch {
    source.closest("details").open = true;
    getSelection().selectAllChildren(source);
    report(status, "Selected: press Ctrl+C or ⌘C to copy");
  }
});
