// Loads the themes of an answer into its filters as soon as these are visible: the page does not wait for them.
const load = async (section) => {
  const response = await fetch(section.dataset.source).catch(() => null);
  if (!response?.ok || !section.isConnected) return; // the link to the themes stays
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const values = page.querySelector("#theme-values").content;
  if (!values.childElementCount) return section.remove(); // all papers are "other papers"
  const hadFocus = section.contains(document.activeElement);
  section.querySelector("p")?.replaceWith(values);
  if (hadFocus) section.querySelector("a")?.focus();
};

const observer = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    observer.unobserve(target);
    load(target);
  }
});

const observe = () => document.querySelectorAll("[data-source]").forEach((section) => observer.observe(section));
document.addEventListener("swapped", observe);
observe();
