"use strict";
// Pages work without this file. It fetches the page again every few seconds and swaps the parts marked
// data-live that have changed, unless somebody is using them; it reads charts out and copies links.
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const busy = (part) => part.contains(document.activeElement) || part.querySelector("details[open], input:checked") !== null;

function say(queue) {
  const place = document.getElementById("told");
  const count = queue.querySelectorAll("[data-row]").length;
  if (place) place.textContent = place.dataset.changed.replace("{}", count);
}

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { "x-live": "1" }, redirect: "error" });
  if (!answer.ok) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = next.getElementById(part.id);
    if (!fresh || busy(part) || fresh.innerHTML === part.innerHTML) continue;
    const grown = part.matches("#timeline, #queue") && fresh.childElementCount !== part.childElementCount;
    part.innerHTML = fresh.innerHTML;
    if (part.id === "queue") say(part);
    if (grown && !calm.matches) part.firstElementChild?.classList.add("fresh");
  }
}

// On a phone a row of tabs is longer than the screen: the one that is open comes into view.
for (const open of document.querySelectorAll(".tabs a[aria-current]")) {
  const row = open.parentElement;
  row.scrollLeft = open.offsetLeft - row.offsetLeft - (row.clientWidth - open.offsetWidth) / 2;
}

function schedule() {
  const pause = calm.matches ? 15000 : document.getElementById("demo") ? 2000 : 5000;
  setTimeout(() => refresh().catch(() => {}).finally(schedule), pause);
}
if (document.querySelector("[data-live]")) schedule();

for (const here of document.querySelectorAll(".tabs [aria-current], .top nav [aria-current]")) {
  here.scrollIntoView({ block: "nearest", inline: "center" });
}

document.addEventListener("pointerover", (event) => {
  const told = event.target.closest?.("[data-told]");
  const readout = event.target.closest?.("[data-chart]")?.querySelector("[data-readout]");
  if (readout) readout.textContent = told ? told.dataset.told : "";
});

for (const button of document.querySelectorAll("[data-copy-of]")) {
  const field = document.getElementById(button.dataset.copyOf);
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    button.textContent = document.body.dataset.copied;
  });
}
