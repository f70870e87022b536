// Before the first paint, so that nothing flashes: the theme that was chosen, and that scripts run.
const root = document.documentElement;
root.classList.add("scripted");
try {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
} catch {
  // a browser that keeps nothing follows the system
}
