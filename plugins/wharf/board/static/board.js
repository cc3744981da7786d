"use strict";
const EVERY_MS = 60000;
const TYPING_MS = 250;
const PARTS = ["stamp", "banners", "states", "carried", "switches", "body", "files"];
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const ENDS = { Home: 0, End: -1 };
const SAID = {
  o: "on time", c: "came late", r: "at risk", l: "late", m: "missing", u: "unknown", n: "closed",
  e: "excused", d: "awaited", s: "scheduled", q: "in quarantine", k: "came late, in quarantine",
  L: "late, in quarantine", M: "missing, in quarantine", U: "unknown, in quarantine", R: "at risk, in quarantine",
};
const at = (id) => document.getElementById(id);
const board = at("board");
let tag = null;
let asked = 0;

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

function say(text, isBad = false) {
  at("news").textContent = text;
  at("news").className = isBad ? "banner late" : "soft";
}

/* Cells: one stop for the Tab key; from there on the arrow keys lead. */

const rows = () => [...board.querySelectorAll("#grid tbody tr, #list tbody tr")];
const linksOf = (row) => [...row.querySelectorAll("a")].filter((each) => each.offsetParent !== null);

function keepOneStop(link) {
  const links = [...board.querySelectorAll("#grid tbody a, #list tbody a")];
  const stop = link || links.find((each) => each.getAttribute("tabindex") === "0") || links.find((each) => each.closest("td") && each.offsetParent);
  for (const each of links) each.tabIndex = each === stop ? 0 : -1;
}

function moveTo(link, column) {
  keepOneStop(link);
  link.focus();
  if (link.matches("a.strip")) point(link, nearest(link, column ?? last(link)));
  link.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function beside(link, right) {
  if (link.matches("a.strip")) {
    const codes = link.dataset.codes;
    let column = Number(link.dataset.at) + right;
    while (codes[column] === " ") column += right;
    if (codes[column]) return { link, column };
  }
  const links = linksOf(link.closest("tr"));
  const next = links[links.indexOf(link) + right];
  return next && { link: next, column: next.matches("a.strip") ? edge(next, right) : undefined };
}

function below(link, down) {
  const place = link.closest("td, th").cellIndex;
  const all = rows().filter((each) => linksOf(each).length);
  const other = all[all.indexOf(link.closest("tr")) + down];
  if (!other) return undefined;
  const distance = (each) => Math.abs(each.closest("td, th").cellIndex - place);
  const found = linksOf(other).sort((a, b) => distance(a) - distance(b))[0];
  return { link: found, column: link.dataset.at && Number(link.dataset.at) };
}

function moveFocus(event) {
  const link = event.target.closest("#grid tbody a, #list tbody a");
  if (!link || !(event.key in STEPS || event.key in ENDS) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  let next;
  if (event.key in ENDS) {
    const found = link.matches("a.strip") ? link : linksOf(link.closest("tr")).filter((each) => each.closest("td")).at(ENDS[event.key]);
    next = { link: found, column: found.matches("a.strip") ? edge(found, ENDS[event.key] ? -1 : 1) : undefined };
  } else {
    const [down, right] = STEPS[event.key];
    next = right ? beside(link, right) : below(link, down);
  }
  if (next) moveTo(next.link, next.column);
}

/* Strips: the link of a whole strip leads to the day that is pointed at. */

const last = (strip) => strip.dataset.codes.trimEnd().length - 1;
const edge = (strip, right) => (right > 0 ? strip.dataset.codes.search(/\S/) : last(strip));

function nearest(strip, column) {
  const codes = strip.dataset.codes;
  for (let off = 0; off < codes.length; off++)
    for (const each of [column - off, column + off]) if (codes[each] && codes[each] !== " ") return each;
  return -1;
}

function periodAt(strip, column) {
  const keys = strip.dataset.keys ? JSON.parse(strip.dataset.keys) : {};
  if (keys[column]) return keys[column];
  const day = new Date(`${at("grid").dataset.first}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() + column);
  return day.toISOString().slice(0, 10);
}

function point(strip, column) {
  const code = strip.dataset.codes[column];
  if (!code || code === " ") return leave(strip);
  strip.dataset.home ??= strip.getAttribute("href");
  strip.dataset.at = column;
  const feed = strip.closest("tr").dataset.feed;
  const period = periodAt(strip, column);
  strip.setAttribute("href", `feeds/${encodeURIComponent(feed)}/${encodeURIComponent(period)}`);
  let mark = strip.querySelector(".pointer");
  if (!mark) {
    mark = document.createElement("span");
    mark.className = "pointer";
    strip.append(mark);
  }
  const unit = 1000 / (strip.dataset.codes.length * 10 - 2);
  mark.style.left = `calc(${column * unit}% - 2px)`;
  mark.style.width = `calc(${unit * 0.8}% + 4px)`;
  explain(`${feed} ${period}: ${SAID[code] ?? ""}`);
}

function leave(strip) {
  if (strip.dataset.home) strip.setAttribute("href", strip.dataset.home);
  strip.querySelector(".pointer")?.remove();
  delete strip.dataset.at;
}

function follow(event) {
  const strip = event.target.closest("a.strip");
  for (const each of board.querySelectorAll("a.strip[data-at]"))
    if (each !== strip && each !== document.activeElement) leave(each);
  if (!strip) return;
  const box = strip.getBoundingClientRect();
  const days = strip.dataset.codes.length;
  point(strip, Math.min(Math.floor((((event.clientX - box.left) / box.width) * (days * 10 - 2)) / 10), days - 1));
}

function explain(text) {
  const place = at("why");
  if (!place) return;
  place.textContent = text;
  place.hidden = false;
}

function explainLink(event) {
  const link = event.target.closest("#grid td a[title]");
  if (!link) return;
  const [feed, period] = link.getAttribute("href").split("/").slice(-2).map(decodeURIComponent);
  explain(`${feed} ${period}: ${link.title}`);
}

function explainFocus(event) {
  const link = event.target.closest("#grid tbody a");
  if (link) keepOneStop(link);
  if (link?.matches("a.strip") && !link.dataset.at) point(link, last(link));
  explainLink(event);
}

/* Another view, or the same one minute later, takes the place of this one without a new page. */

function whereIs(link) {
  if (!link || !board.contains(link)) return null;
  if (link.id) return { id: link.id };
  if (link.matches("a.strip")) return { feed: link.closest("tr").dataset.feed, column: Number(link.dataset.at) };
  return link.matches("a") ? { href: link.getAttribute("href"), inGrid: Boolean(link.closest("tbody")) } : null;
}

function findAgain(place) {
  if (place.id) return at(place.id);
  if (place.feed) return [...board.querySelectorAll("a.strip")].find((each) => each.closest("tr").dataset.feed === place.feed);
  return [...board.querySelectorAll("a")].find((each) => each.getAttribute("href") === place.href && Boolean(each.closest("tbody")) === place.inGrid);
}

const states = () => new Map([...board.querySelectorAll("#grid td a")].map((each) => [each.closest("tr").dataset.feed + (each.dataset.home ?? each.getAttribute("href")), each.dataset.codes ?? each.className]));

function replaceParts(fresh) {
  const place = whereIs(document.activeElement);
  const before = states();
  const left = board.querySelector(".scroll")?.scrollLeft;
  for (const id of PARTS) {
    const then = fresh.getElementById(id);
    if (then && at(id)) at(id).replaceWith(document.adoptNode(then));
  }
  const region = board.querySelector(".scroll");
  if (region && left !== undefined) region.scrollLeft = left;
  keepOneStop();
  const link = place && findAgain(place);
  if (link && link !== document.activeElement) {
    if (link.closest("tbody")) keepOneStop(link);
    link.focus({ preventScroll: true });
    if (place.feed) point(link, place.column);
  }
  return [...states()].filter(([key, state]) => before.has(key) && before.get(key) !== state).length;
}

async function show(address, { push = false } = {}) {
  const turn = ++asked;
  const same = address === window.location.href;
  const answer = await fetch(address, { headers: same && tag ? { "If-None-Match": tag } : {} });
  if (turn !== asked || answer.status === 304) return 0;
  if (!answer.ok) throw new Error(answer.status === 401 ? "sign in again" : `the answer was ${answer.status}`);
  const text = await answer.text();
  if (turn !== asked) return 0;
  tag = answer.headers.get("ETag");
  if (push) window.history.pushState(null, "", address);
  return replaceParts(new DOMParser().parseFromString(text, "text/html"));
}

const trouble = (error) => say(`Not up to date: ${error.message}`, true);

async function refresh() {
  if (document.visibilityState !== "visible" || at("pause").getAttribute("aria-pressed") === "true") return;
  const changed = await show(window.location.href);
  if (changed) say(`${changed} ${changed === 1 ? "cell" : "cells"} changed at ${new Date().toLocaleTimeString()}`);
  else if (at("news").classList.contains("banner")) say("");
}

function askedFor(form) {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  const address = new URL(form.action);
  address.search = query.toString();
  return address.href;
}

function found() {
  const shown = board.querySelector("#body")?.dataset.found;
  say(shown === undefined ? "" : shown);
}

function turnPage(event) {
  const link = event.target.closest("#states a, #switches a, .pages a, a.toggle, a.clear");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  show(link.href, { push: true }).then(() => { readForm(); found(); }).catch(trouble);
}

function readForm() {
  const query = new URLSearchParams(window.location.search);
  if (document.activeElement !== at("q")) at("q").value = query.get("q") ?? "";
  at("state").value = query.get("state") ?? "";
}

function startSearch() {
  const form = at("find");
  if (!form) return;
  let timer;
  const go = () => show(askedFor(form), { push: true }).then(found).catch(trouble);
  form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(timer); go(); });
  at("q").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(go, TYPING_MS); });
  at("state").addEventListener("change", go);
  window.addEventListener("popstate", () => show(window.location.href).then(readForm).catch(trouble));
}

function hotKeys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && event.target === at("q")) return void board.querySelector("#grid tbody a[tabindex='0']")?.focus();
  if (event.target.closest("input, select, textarea, dialog")) return;
  if (event.key === "/" && at("q")) { event.preventDefault(); at("q").focus(); at("q").select(); }
  else if (event.key === "?") at("keys").showModal();
  else if (event.key === "g") board.querySelector("tbody a[tabindex='0']")?.focus();
}

function startBoard() {
  const pause = at("pause");
  pause.hidden = at("help").hidden = false;
  pause.addEventListener("click", () => pause.setAttribute("aria-pressed", String(pause.getAttribute("aria-pressed") !== "true")));
  at("help").addEventListener("click", () => at("keys").showModal());
  document.addEventListener("keydown", moveFocus);
  document.addEventListener("keydown", hotKeys);
  document.addEventListener("click", turnPage);
  document.addEventListener("focusin", explainFocus);
  document.addEventListener("pointerover", explainLink);
  document.addEventListener("pointermove", follow);
  document.addEventListener("pointerdown", follow);
  startSearch();
  keepOneStop();
  const region = board.querySelector(".scroll");
  if (region) region.scrollLeft = region.scrollWidth;
  setInterval(() => refresh().catch(trouble), EVERY_MS);
}

/* A story: its state follows; of the rest it only says that there is more, since forms stand there. */

async function followStory(own) {
  if (document.visibilityState !== "visible") return;
  const answer = await fetch(window.location.href);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const then = fresh.getElementById("state");
  if (!then) return;
  at("more").hidden = then.dataset.seen === own;
  at("state").replaceWith(document.adoptNode(then));
}

function startStory() {
  const own = at("state").dataset.seen;
  at("reload").addEventListener("click", () => window.location.reload());
  setInterval(() => followStory(own).catch(() => undefined), EVERY_MS);
}

document.addEventListener("click", openInAirflow);
if (at("state") && at("more")) startStory();
if (board) startBoard();
