// Runs before the first paint, so that the chosen theme does not flash; also marks that scripts run.
const root = document.documentElement;
root.classList.add("scripted");
try {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
} catch {
  // without local storage the page follows the system's theme
}
