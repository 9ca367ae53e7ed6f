// The back office's pulse: regions that listen with hx-trigger="tick from:body" ask again while someone is looking.
import { announce, on } from "./app.js";

const EVERY_MS = 1000 * (document.querySelector("[data-tick]")?.dataset.tick ?? 15);
const LATE_MS = 45_000;
let answeredAt = performance.now();

setInterval(() => {
  mark();
  if (!document.hidden && !isTyping() && !isAiming()) document.body.dispatchEvent(new Event("tick"));
}, EVERY_MS);

on("htmx:afterRequest", ({ successful }) => {
  if (successful) answeredAt = performance.now();
  mark();
});

for (const name of ["online", "offline"]) window.addEventListener(name, mark);

on("click", async (_, { target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.parentElement.querySelector("[data-copy-source]").textContent);
  button.querySelector("span").textContent = button.dataset.copied;
  announce(button.dataset.copied);
});

function isTyping() {
  return document.activeElement.matches("textarea, select, input:not([type=checkbox], [type=radio])");
}

// Rows must not move under a pointer or away from the focus.
function isAiming() {
  return document.querySelector("[data-calm]:is(:hover, :focus-within)");
}

function mark() {
  const dot = document.querySelector("[data-live]");
  if (!dot) return;
  const late = performance.now() - answeredAt > LATE_MS;
  dot.dataset.tone = navigator.onLine ? (late ? "warning" : "success") : "danger";
}
