"use strict";
const EVERY_MS = 30000;
const PARTS = ["#now", "#grid tbody", "#grid thead", "#stamp"];
const grid = document.getElementById("grid");
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const ENDS = { Home: 0, End: -1 };
let tag = null;
let shown = "";

function followTheme() {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}

// The board stands in a frame that may not navigate Airflow's own page by itself.
function openInAirflow(event) {
  const link = event.target.closest("a[data-airflow]");
  if (!link || window.parent === window) return;
  const target = new URL(link.href);
  if (target.origin !== window.location.origin) return;
  event.preventDefault();
  const outer = window.parent.document.createElement("a");
  outer.href = target.href;
  outer.click();
}

function say(text) {
  document.getElementById("news").textContent = text;
}

function filterLines() {
  const wanted = document.getElementById("filter").value.trim().toLowerCase();
  const lines = [...grid.querySelectorAll("tr[data-feed]")];
  for (const line of lines) {
    const named = line.dataset.feed.toLowerCase().includes(wanted);
    line.hidden = !(named && (!shown || line.dataset.tones.split(" ").includes(shown)));
  }
  for (const button of document.querySelectorAll("[data-show]"))
    button.setAttribute("aria-pressed", String(button.dataset.show === shown));
  const left = lines.filter((line) => !line.hidden).length;
  say(left < lines.length ? `${left} of ${lines.length} feeds shown` : "");
  keepOneStop();
}

// One stop for the Tab key; from there on the arrow keys lead.
function keepOneStop(link) {
  const links = [...grid.querySelectorAll("tbody a")];
  const seen = links.filter((each) => !each.closest("tr").hidden);
  const stop = link || seen.find((each) => each.tabIndex === 0 && each.hasAttribute("tabindex")) || seen[0];
  for (const each of links) each.tabIndex = each === stop ? 0 : -1;
}

function next(link, key) {
  const line = link.closest("tr");
  const links = [...line.querySelectorAll("td a")];
  if (key in ENDS) return links.at(ENDS[key]);
  const [down, right] = STEPS[key];
  if (right) return links[links.indexOf(link) + right];
  const column = link.closest("td").cellIndex;
  const lines = [...line.parentElement.rows].filter((each) => !each.hidden && each.querySelector("td a"));
  const other = lines[lines.indexOf(line) + down];
  if (!other) return undefined;
  const distance = (each) => Math.abs(each.closest("td").cellIndex - column);
  return [...other.querySelectorAll("td a")].sort((a, b) => distance(a) - distance(b))[0];
}

function moveFocus(event) {
  const link = event.target.closest("#grid td a");
  if (!link || !(event.key in STEPS || event.key in ENDS)) return;
  event.preventDefault();
  const found = next(link, event.key);
  if (!found) return;
  keepOneStop(found);
  found.focus();
  found.scrollIntoView({ block: "nearest", inline: "center" });
}

function explain(event) {
  const link = event.target.closest("#grid td a");
  if (!link) return;
  const [feed, period] = link.getAttribute("href").split("/").slice(-2).map(decodeURIComponent);
  const place = document.getElementById("why");
  place.textContent = `${feed} ${period}: ${link.title}`;
  place.hidden = false;
}

function replaceParts(fresh) {
  const held = document.activeElement?.closest("#grid a")?.getAttribute("href");
  const before = new Map([...grid.querySelectorAll("td a")].map((each) => [each.getAttribute("href"), each.className]));
  for (const part of PARTS) {
    const then = fresh.querySelector(part);
    if (then) document.querySelector(part).replaceWith(then);
  }
  const changed = [...grid.querySelectorAll("td a")].filter((each) => before.get(each.getAttribute("href")) !== each.className);
  filterLines();
  const link = held && [...grid.querySelectorAll("td a")].find((each) => each.getAttribute("href") === held);
  if (link) {
    keepOneStop(link);
    link.focus({ preventScroll: true });
  }
  if (changed.length) say(`${changed.length} ${changed.length === 1 ? "cell" : "cells"} changed at ${new Date().toLocaleTimeString()}`);
}

async function refresh() {
  const paused = document.getElementById("pause").getAttribute("aria-pressed") === "true";
  if (document.visibilityState !== "visible" || paused) return;
  const answer = await fetch(window.location.href, { headers: tag ? { "If-None-Match": tag } : {} });
  if (answer.status === 304) return;
  if (!answer.ok) throw new Error(answer.status === 401 ? "sign in again" : `the answer was ${answer.status}`);
  tag = answer.headers.get("ETag");
  replaceParts(new DOMParser().parseFromString(await answer.text(), "text/html"));
}

function startGrid() {
  const pause = document.getElementById("pause");
  pause.hidden = false;
  pause.addEventListener("click", () => pause.setAttribute("aria-pressed", String(pause.getAttribute("aria-pressed") !== "true")));
  document.getElementById("filter").addEventListener("input", filterLines);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-show]");
    if (!button) return;
    shown = shown === button.dataset.show ? "" : button.dataset.show;
    filterLines();
  });
  document.addEventListener("keydown", moveFocus);
  document.addEventListener("focusin", explain);
  document.addEventListener("pointerover", explain);
  keepOneStop();
  const region = grid.closest(".scroll");
  region.scrollLeft = region.scrollWidth;
  setInterval(() => refresh().catch((error) => say(`Not up to date: ${error.message}`)), EVERY_MS);
}

followTheme();
window.addEventListener("storage", followTheme);
document.addEventListener("click", openInAirflow);
if (grid) startGrid();
