"use strict";
// Airflow keeps the chosen theme under this key; without a choice the system's holds.
function followTheme() {
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    chosen = null;
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}
followTheme();
window.addEventListener("storage", followTheme);
