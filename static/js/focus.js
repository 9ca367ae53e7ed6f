// Where the focus goes when an answer replaces what was focused.
import { on } from "./app.js";

const CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
let before = {};
let firstNew = 0;

// After "Show more" the reader goes on with the first card that was not there before.
on("htmx:beforeRequest", ({ elt, target }) => {
  firstNew = elt.id === "more-link" ? target.children.length : 0;
});

on("htmx:beforeSwap", ({ target }) => {
  const active = document.activeElement;
  const row = target.contains(active) && active.closest("li, tr");
  before = {
    active,
    target,
    id: active.id,
    caret: active.selectionStart,
    neighbours: row ? [row.nextElementSibling, row.previousElementSibling] : [],
  };
});

on("htmx:afterSettle", ({ elt }) => {
  const { active, target, id, caret, neighbours } = before;
  if (!active) return;
  const region = target.isConnected ? target : (document.getElementById(target.id) ?? elt);
  const newCard = firstNew && document.getElementById("grid").children[firstNew];
  const problem = newCard ? newCard.querySelector("a") : region.querySelector("[data-focus]");
  const twin = id && document.getElementById(id);
  if (problem) focusOn(problem);
  else if (active.isConnected) return;
  else if (twin) focusTwin(twin, caret);
  else focusNear(region, neighbours);
  before = {};
});

// HX-Trigger-After-Settle: {"focus": "#id"}; htmx hands a plain value over as detail.value.
on("focus", (detail) => {
  if (detail?.value) focusOn(document.querySelector(detail.value));
});

function focusTwin(twin, caret) {
  twin.focus({ preventScroll: true });
  if (caret != null && twin.selectionStart != null) twin.setSelectionRange(caret, caret);
}

function focusNear(region, neighbours) {
  const row = neighbours.find((candidate) => candidate?.isConnected);
  focusOn(row?.querySelector(CONTROLS) ?? region.querySelector("h1, h2, h3") ?? document.querySelector("h1"));
}

function focusOn(element) {
  if (!element.matches(CONTROLS)) element.tabIndex = -1;
  element.focus();
}
