"use strict";
const EVERY_MS = 30000;

function followTheme() {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}

function openInAirflow(event) {
  const link = event.target.closest("a[data-airflow]");
  if (!link || window.parent === window) return;
  const target = new URL(link.getAttribute("href"), window.location.origin);
  if (target.origin !== window.location.origin) return;
  event.preventDefault();
  const outer = window.parent.document.createElement("a");
  outer.href = target.href;
  outer.click();
}

function filterLines() {
  const box = document.getElementById("filter");
  const wanted = box.value.trim().toLowerCase();
  for (const line of document.querySelectorAll("tr[data-feed]"))
    line.hidden = !line.dataset.feed.toLowerCase().includes(wanted);
}

function moveFocus(event) {
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const cell = event.target.closest("td");
  if (!steps[event.key] || !cell) return;
  const [down, right] = steps[event.key];
  const line = cell.parentElement.parentElement.rows[cell.parentElement.sectionRowIndex + down];
  const next = line && line.cells[cell.cellIndex + right];
  const link = next && next.querySelector("a");
  if (!link) return;
  event.preventDefault();
  link.focus();
}

let tag = null;
async function refresh() {
  if (document.visibilityState !== "visible") return;
  const answer = await fetch(window.location.href, { headers: tag ? { "If-None-Match": tag } : {} });
  if (!answer.ok) return;
  tag = answer.headers.get("ETag");
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const held = document.activeElement && document.activeElement.getAttribute("href");
  for (const part of ["table.grid tbody", "#stamp"]) {
    const now = document.querySelector(part), then = fresh.querySelector(part);
    if (now && then) now.replaceWith(then);
  }
  filterLines();
  if (held) document.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus();
}

followTheme();
window.addEventListener("storage", followTheme);
document.addEventListener("click", openInAirflow);
if (document.querySelector("table.grid")) {
  document.getElementById("filter").addEventListener("input", filterLines);
  document.addEventListener("keydown", moveFocus);
  setInterval(() => refresh().catch(() => {}), EVERY_MS);
}
