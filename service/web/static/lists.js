// Stars and lists without leaving the page: toggles stars, and opens the choice of a list in a dialog. Without this script the same forms load the next page.
const dialog = document.getElementById("lists-dialog");
const liveRegion = document.getElementById("live-region");
const announce = (text) => { liveRegion.textContent = text; };
const parse = async (response) => new DOMParser().parseFromString(await response.text(), "text/html");

// Shows a star or its absence on every card of the paper.
function showStar(id, starred) {
  for (const button of document.querySelectorAll("button.star")) {
    if (button.value !== id) continue;
    button.name = starred ? "remove" : "add";
    button.setAttribute("aria-pressed", String(starred));
  }
}

async function toggleStar(button) {
  const starred = button.name === "add";
  const path = `/v1/lists/starred${starred ? "" : `/papers/${encodeURIComponent(button.value)}`}`;
  const options = starred ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ids: [button.value] }) } : { method: "DELETE" };
  showStar(button.value, starred); // at once; taken back if the server refuses
  try {
    const response = await fetch(path, options);
    if (!response.ok && response.status !== 404) throw new Error((await response.json()).detail);
    if (starred) document.getElementById("sharing")?.removeAttribute("hidden"); // the first of a profile that others share
    announce(starred ? "Starred" : "Star removed");
  } catch (error) {
    showStar(button.value, !starred);
    announce(`Not saved: ${error.message}`);
  }
}

async function openDialog(form, submitter) {
  const fields = new URLSearchParams(new FormData(form, submitter));
  const isPost = form.method === "post";
  try {
    const page = await parse(await (isPost ? fetch(form.action, { method: "POST", body: fields }) : fetch(`${form.action}?${fields}`)));
    const content = page.querySelector("[data-dialog-content]");
    if (!content) throw new TypeError("not a choice of lists");
    const heading = document.createElement("h2");
    heading.textContent = content.querySelector("h1").textContent;
    content.querySelector("h1").replaceWith(heading);
    content.querySelector(".no-script-link")?.remove();
    const close = document.createElement("button");
    close.textContent = "Cancel";
    const closing = document.createElement("form");
    closing.method = "dialog";
    closing.append(close);
    dialog.replaceChildren(...content.childNodes, closing);
    dialog.showModal();
  } catch {
    if (isPost) form.submit();
    else location.assign(`${form.action}?${fields}`);
  }
}

// Submits a form of the dialog; the page that the server shows next says what was done, and which lists each paper is on.
async function submitInPlace(form, submitter) {
  try {
    const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, submitter)) });
    const page = await parse(response);
    const problem = page.querySelector(".problem");
    if (problem) {
      dialog.querySelector(".problem")?.remove();
      dialog.prepend(problem);
      return;
    }
    for (const lists of page.querySelectorAll("[data-lists-of]")) {
      for (const each of document.querySelectorAll("[data-lists-of]")) if (each.dataset.listsOf === lists.dataset.listsOf) each.replaceChildren(...lists.cloneNode(true).childNodes);
    }
    for (const star of page.querySelectorAll("button.star")) showStar(star.value, star.name === "remove");
    dialog.close();
    if (page.querySelector(".notice a")) document.getElementById("sharing")?.removeAttribute("hidden");
    announce(page.querySelector(".notice")?.textContent ?? "Saved");
  } catch {
    form.submit();
  }
}

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (event.defaultPrevented) return;
  const id = form.getAttribute("id"); // form.id would be the field named "id"
  if (id === "star-form" && submitter) toggleStar(submitter);
  else if (id === "list-form" || (id === "selection-form" && submitter?.value === "list")) openDialog(form, submitter);
  else if (dialog.contains(form) && form.method === "post") submitInPlace(form, submitter);
  else return;
  event.preventDefault();
});
