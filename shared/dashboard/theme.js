// Light or dark: as the system says, until the reader chooses.

const STORED_THEME = "theme";
const SYSTEM = matchMedia("(prefers-color-scheme: dark)");

export function applyTheme() {
  const chosen = localStorage.getItem(STORED_THEME);
  if (chosen) document.documentElement.dataset.theme = chosen;
  document.getElementById("theme-button").setAttribute("aria-pressed", String(isDark()));
}

export function toggleTheme() {
  localStorage.setItem(STORED_THEME, isDark() ? "light" : "dark");
  applyTheme();
}

function isDark() {
  const chosen = localStorage.getItem(STORED_THEME);
  return chosen ? chosen === "dark" : SYSTEM.matches;
}

SYSTEM.addEventListener("change", applyTheme);
