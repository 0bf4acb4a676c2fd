// The portal's one script: live rows and sections by server-sent events, ticking times, theme and keys.
// Every page works without it; nothing here builds HTML of its own, the server renders every fragment.

const body = document.body;
const strings = document.getElementById("strings").dataset;
const units = strings.units.split(",");
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
  const step = [60, 3600, 86400].filter((size) => seconds >= size).length;
  return strings.ago.replace("{}", `${Math.floor(seconds / [1, 60, 3600, 86400][step])}${units[step]}`);
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
  const departed = incoming.classList.contains("departed");
  if (present) {
    incoming.classList.toggle("selected", present.classList.contains("selected"));
    morph(present, incoming);
  } else if (!holdAnew(incoming, departed) && !departed && rows.dataset.live === "top") {
    if (window.scrollY > 160) hold(incoming);
    else insert(incoming);
  }
}

const order = (element) => Number(element.dataset.order);
const limit = () => Number(rows.dataset.limit);

function insert(row) {
  document.getElementById("empty")?.remove();
  document.getElementById("sheet").hidden = false;
  const after = [...rows.children].find((element) => order(element) <= order(row));
  row.classList.add("fresh");
  rows.insertBefore(row, after ?? null);
  while (rows.children.length > limit()) rows.lastElementChild.remove();
}

// Rows that arrive while the reader is further down wait behind a button instead of moving the page.
function hold(row) {
  held.push(row);
  // More than a page of them would push each other out again.
  if (held.length > limit()) held.splice(held.reduce((least, element, index) => order(element) < order(held[least]) ? index : least, 0), 1);
  announce();
}

// A row that waits is the newest of its job, or goes if the job has left the filter meanwhile.
function holdAnew(row, departed) {
  const index = held.findIndex((element) => element.id === row.id);
  if (index < 0) return false;
  held.splice(index, 1, ...(departed ? [] : [row]));
  announce();
  return true;
}

function announce() {
  newer.hidden = held.length === 0;
  newer.querySelector("button").textContent = strings.newer.replace("{}", held.length < limit() ? held.length : `${limit()}+`);
}

function release() {
  for (const row of held.splice(0)) insert(row);
  announce();
  window.scrollTo({ top: 0 });
}

function onSections(event) {
  for (const section of [...fragment(event.data).children]) {
    const present = document.getElementById(section.id);
    if (present) morph(present, section);
  }
}

// Makes `present` equal to `incoming` and leaves alone what is equal already, so that focus, selection and scrolled
// tables outlive an update.
function morph(present, incoming) {
  if (present.isEqualNode(incoming)) return;
  if (present.nodeType !== Node.ELEMENT_NODE || present.nodeName !== incoming.nodeName) {
    present.replaceWith(incoming);
    return;
  }
  for (const { name } of [...present.attributes]) if (!incoming.hasAttribute(name)) present.removeAttribute(name);
  for (const { name, value } of incoming.attributes) if (present.getAttribute(name) !== value) present.setAttribute(name, value);
  const [old, fresh] = [[...present.childNodes], [...incoming.childNodes]];
  fresh.forEach((node, index) => index < old.length ? morph(old[index], node) : present.append(node));
  for (const node of old.slice(fresh.length)) node.remove();
}

let source = null;
let seen = null;
let retries = 0;

// A hidden page does without: browsers allow few connections to one host, and there may be many such pages.
function follow() {
  if (document.hidden) disconnect();
  else if (!source) connect();
}

function disconnect() {
  source?.close();
  source = null;
}

function connect() {
  if (!body.dataset.events) return;
  const address = new URL(body.dataset.events, location.href);
  if (seen !== null) address.searchParams.set("after", seen);
  if (seen !== null) address.searchParams.delete("seen");
  source = new EventSource(address);
  const on = (name, action) => source.addEventListener(name, (event) => {
    if (event.lastEventId) seen = event.lastEventId;
    action(event);
  });
  on("open", () => { retries = 0; show("live"); });
  on("row", onRow);
  on("sections", onSections);
  on("reset", () => location.reload());
  source.addEventListener("error", (event) => {
    show("reconnecting");
    // The server refused; otherwise the browser tries again by itself.
    if (event.target.readyState !== EventSource.CLOSED) return;
    disconnect();
    setTimeout(follow, Math.min(30000, 1000 * 2 ** ++retries));
  });
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
document.querySelector("[aria-invalid]")?.focus();
localTimes();
tick();
setInterval(tick, 1000);
document.addEventListener("visibilitychange", follow);
window.addEventListener("pagehide", disconnect);
window.addEventListener("pageshow", follow);
follow();
