"use strict";
// Keys, for those who live in the queue; every one presses something that is on the page, so that pages work
// without this file. Nothing is read while somebody types, or holds Ctrl, Alt or Meta.
const typing = (at) => at.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]") ?? null;
const sheet = document.getElementById("sheet");
const bulk = document.getElementById("bulk");
const rows = () => [...document.querySelectorAll("[data-row]")];
const boxOf = (row) => row.querySelector("input[type=checkbox]");
const kept = sessionStorage; // where one was in the queue, so that q leads back to it
let current = bulk ? kept.getItem("row") : null; // by id: rows are swapped while one looks at them

const rowNow = () => rows().find((row) => boxOf(row).value === current) ?? null;

// Somebody comes back to a row that has moved meanwhile: the next one is what slid into its place.
function comeBack() {
  const all = rows();
  const place = Number(kept.getItem("place"));
  if (current === null || all.indexOf(rowNow()) === place) return;
  current = all[place - 1] ? boxOf(all[place - 1]).value : null;
}

function hold(row) {
  current = boxOf(row).value;
  kept.setItem("row", current);
  kept.setItem("place", rows().indexOf(row));
}

function go(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(rowNow());
  const row = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  all.forEach((other) => other.classList.toggle("here", other === row));
  hold(row);
  row.querySelector(".who a").focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function tell() {
  const chosen = bulk?.querySelectorAll("[data-row] input:checked").length ?? 0;
  const place = document.getElementById("chosen");
  if (place) place.textContent = chosen ? place.dataset.some.replace("{}", chosen) : place.dataset.none;
}

function choose(all) {
  const row = rowNow();
  const boxes = all ? rows().map(boxOf) : row ? [boxOf(row)] : [];
  const to = boxes.some((box) => !box.checked);
  boxes.forEach((box) => { box.checked = to; });
  tell();
}

function act(name) {
  const action = document.getElementById("action");
  if (!action) return;
  const none = !bulk.querySelector("[data-row] input:checked, [name=everything]:checked");
  if (none && rowNow()) choose(false);
  action.value = name;
  fit();
  const field = bulk.querySelector(`[data-for~=${name}] input`);
  if (field) field.focus();
  else bulk.requestSubmit();
}

function fit() {
  const action = document.getElementById("action");
  if (!action) return;
  bulk.querySelectorAll("[data-for]").forEach((label) => {
    const actions = label.dataset.for.split(" ");
    label.hidden = !actions.includes(action.value);
    label.querySelector("input").required = !label.hidden && !actions.includes("assign"); // to nobody gives back
  });
}

function press(key) {
  const part = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!part) return false;
  if (part.matches("input")) part.focus();
  else part.click();
  part.closest("details[open]")?.querySelector("form input:not([type=hidden])")?.focus();
  return true;
}

const ACTS = { r: "retry", s: "snooze", a: "assign", n: "note" };
function queueKey(key) {
  if (key === "j" || key === "k") go(key === "j" ? 1 : -1);
  else if (key === "x" || key === "X") choose(key === "X");
  else if (ACTS[key]) act(ACTS[key]);
  else return false;
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
  if (event.key === "Escape" && typing(event.target)) event.target.blur();
  if (typing(event.target) || sheet?.open) return;
  if (event.key === "?" && sheet) sheet.showModal();
  else if (!(bulk && queueKey(event.key)) && !press(event.key)) return;
  event.preventDefault();
});

document.addEventListener("change", (event) => {
  if (event.target.id === "action") fit();
  if (event.target.matches("[data-row] input")) tell();
});
document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.("[data-row]");
  if (row) hold(row);
});
// Where the reader's own clock shows another time than the page, it is told beside the pointer.
document.addEventListener("pointerover", (event) => {
  const time = event.target.closest?.("time[datetime]");
  if (time && !time.title) time.title = document.body.dataset.clock.replace("{}", new Date(time.dateTime).toLocaleString(document.documentElement.lang));
});
for (const button of document.querySelectorAll("[data-sheet]")) {
  button.hidden = !sheet;
  button.addEventListener("click", () => sheet.showModal());
}
const back = document.querySelector("a[data-key=q]");
if (bulk) kept.setItem("queue", location.href);
else if (back && kept.getItem("queue")) back.href = kept.getItem("queue");
comeBack();
fit();
tell();
