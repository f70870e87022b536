// Loads the theme of a paper when the reader gets to it, because it takes longer than the page.
const place = document.getElementById("place");

async function load() {
  const response = await fetch(place.dataset.loads);
  if (!response.ok) return;
  const fragment = new DOMParser().parseFromString(await response.text(), "text/html");
  place.prepend(...fragment.body.childNodes);
}

if (place) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    load().catch(() => {}); // the link to the themes remains
  }, { rootMargin: "300px" });
  observer.observe(place);
}
