// The back office's pulse: regions that listen with hx-trigger="tick from:body" ask again while someone is looking.

const EVERY_MS = 15_000;
const LATE_MS = 45_000;
let lastAnswer = performance.now();

setInterval(() => {
  mark();
  if (!document.hidden && !isTyping()) document.body.dispatchEvent(new CustomEvent("tick"));
}, EVERY_MS);

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.successful) lastAnswer = performance.now();
  mark();
});

for (const name of ["online", "offline"]) window.addEventListener(name, mark);

function isTyping() {
  const active = document.activeElement;
  return active.matches("textarea, select, [contenteditable]") || (active.matches("input") && !active.matches("[type=checkbox], [type=radio]"));
}

function mark() {
  const dot = document.querySelector("[data-live]");
  if (!dot) return;
  const late = performance.now() - lastAnswer > LATE_MS;
  dot.dataset.tone = navigator.onLine ? (late ? "warning" : "success") : "danger";
}
