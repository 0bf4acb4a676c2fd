// The portal's one script: live rows and sections by server-sent events, ticking times, theme and keys.
// Every page works without it; nothing here builds HTML of its own, the server renders every fragment.

const body = document.body;
const strings = document.getElementById("strings").dataset;
const skew = Number(body.dataset.now) - Date.now();
const now = () => Date.now() + skew;

/* ---- Times ---- */

function duration(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  const two = (value) => String(value).padStart(2, "0");
  if (days > 0) return `${days}d ${two(hours % 24)}h`;
  if (hours > 0) return `${hours}h ${two(minutes % 60)}m`;
  if (minutes > 0) return `${minutes}m ${two(seconds % 60)}s`;
  return `${seconds}s`;
}

function ago(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 2) return strings.justNow;
  const units = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];
  const [size, unit] = units.find(([size]) => seconds >= size);
  return strings.ago.replace("{}", `${Math.floor(seconds / size)}${unit}`);
}

function tick(root = document) {
  for (const element of root.querySelectorAll("time[data-ago]")) {
    setText(element, ago(now() - Number(element.dataset.ago)));
  }
  for (const element of root.querySelectorAll("[data-since]")) {
    setText(element, duration(now() - Number(element.dataset.since)));
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function localTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    element.title = `${new Date(element.dateTime).toLocaleString()}\n${element.dateTime}`;
  }
}

/* ---- Live updates ---- */

const badge = document.getElementById("connection");
const rows = document.getElementById("rows");
const newer = document.getElementById("newer");
const held = [];

function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  localTimes(template.content);
  tick(template.content);
  return template.content;
}

function show(state) {
  badge.dataset.state = state;
  badge.textContent = strings[state];
}

function onRow(event) {
  const incoming = fragment(event.data).querySelector("tr");
  const present = document.getElementById(incoming.id);
  if (present) {
    incoming.classList.toggle("selected", present.classList.contains("selected"));
    present.replaceWith(incoming);
  } else if (!incoming.classList.contains("departed") && rows.dataset.live === "top") {
    if (window.scrollY > 160) hold(incoming);
    else insert(incoming);
  }
}

function insert(row) {
  document.getElementById("empty")?.remove();
  document.getElementById("sheet").hidden = false;
  const order = (element) => Number(element.dataset.order);
  const after = [...rows.children].find((element) => order(element) <= order(row));
  row.classList.add("fresh");
  rows.insertBefore(row, after ?? null);
  while (rows.children.length > Number(rows.dataset.limit)) rows.lastElementChild.remove();
}

// Rows that arrive while the reader is further down wait behind a button instead of moving the page.
function hold(row) {
  const index = held.findIndex((element) => element.id === row.id);
  if (index >= 0) held[index] = row; else held.push(row);
  newer.hidden = false;
  newer.querySelector("button").textContent = strings.newer.replace("{}", String(held.length));
}

function release() {
  newer.hidden = true;
  for (const row of held.splice(0)) insert(row);
  window.scrollTo({ top: 0 });
}

function onSections(event) {
  for (const section of [...fragment(event.data).children]) {
    const present = document.getElementById(section.id);
    if (present && present.innerHTML !== section.innerHTML) present.replaceWith(section);
  }
}

function connect() {
  const address = body.dataset.events;
  if (!address) return;
  const source = new EventSource(address);
  source.addEventListener("open", () => show("live"));
  source.addEventListener("error", () => {
    show("reconnecting");
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  });
  source.addEventListener("row", onRow);
  source.addEventListener("sections", onSections);
  source.addEventListener("reset", () => location.reload());
  window.addEventListener("pagehide", () => source.close(), { once: true });
}

/* ---- Theme ---- */

const remembered = localStorage.getItem("theme");
if (remembered && !new URLSearchParams(location.search).has("theme")) document.documentElement.dataset.theme = remembered;

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  // The server reads the cookie, so the next page is painted in the right theme from its first frame.
  document.cookie = `pilothouse_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=strict`;
}

/* ---- Keys ---- */

function select(step) {
  if (!rows) return;
  const all = [...rows.children];
  const current = all.findIndex((row) => row.classList.contains("selected"));
  const next = all[Math.min(all.length - 1, Math.max(0, current + step))];
  if (!next) return;
  all[current]?.classList.remove("selected");
  next.classList.add("selected");
  next.scrollIntoView({ block: "nearest" });
}

const help = document.getElementById("help");
const keys = {
  "/": () => document.getElementById("search")?.focus(),
  j: () => select(1),
  k: () => select(-1),
  Enter: () => rows?.querySelector(".selected a")?.click(),
  n: () => document.getElementById("submit-link")?.click(),
  g: () => document.getElementById("jobs-link")?.click(),
  t: toggleTheme,
  "?": () => help.showModal(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, dialog, a, button");
  if (event.key === "Escape" && typing?.id === "search") typing.blur();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing && (typing.matches("input, textarea, select, dialog") || event.key === "Enter")) return;
  const action = keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

/* ---- Start ---- */

document.getElementById("theme")?.addEventListener("click", (event) => { event.preventDefault(); toggleTheme(); });
document.getElementById("help-button")?.addEventListener("click", (event) => { event.preventDefault(); help.showModal(); });
newer?.addEventListener("click", release);
document.addEventListener("change", (event) => { if (event.target.matches("[data-apply]")) event.target.form.requestSubmit(); });
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});
localTimes();
tick();
setInterval(tick, 1000);
connect();
