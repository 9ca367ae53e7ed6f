// Where the focus goes when an answer replaces what was focused.

const CONTROLS = 'a[href], button, input:not([type="hidden"]), select, textarea, summary';
let before = null;

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const active = document.activeElement;
  const row = active.closest?.("li, tr");
  before = {
    active,
    id: active.id,
    caret: caretOf(active),
    neighbours: row && detail.target.contains(active) ? [row.nextElementSibling, row.previousElementSibling] : [],
  };
});

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.elt.id === "more" || !before) return;
  const { active, id, caret, neighbours } = before;
  before = null;
  if (wantsFirstNew(active)) return focusFirstNew();
  const problem = detail.elt.querySelector?.(".error-summary, [data-focus]");
  if (problem) return focusOn(problem);
  if (active.isConnected && active !== document.body) return;
  const twin = id && document.getElementById(id);
  if (twin) {
    twin.focus({ preventScroll: true });
    return restoreCaret(twin, caret);
  }
  if (active === document.body) return;
  focusNear(detail.elt, neighbours);
});

// HX-Trigger-After-Settle: {"focus": "#id"}; htmx wraps a plain value as {value: …}.
document.addEventListener("focus", ({ detail }) => {
  const element = typeof detail?.value === "string" && document.querySelector(detail.value);
  if (element) focusOn(element);
});

// After "Show more" the reader goes on with the first card that was not there before.
let grown = 0;

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  grown = wantsFirstNew(detail.elt) ? detail.target.children.length : 0;
});

function wantsFirstNew(element) {
  return element.id === "more-link";
}

function focusFirstNew() {
  document.getElementById("grid")?.children[grown]?.querySelector("a")?.focus();
}

function focusNear(region, neighbours) {
  const row = neighbours.find((candidate) => candidate?.isConnected);
  const target = region.isConnected && (region.matches(CONTROLS) ? region : region.querySelector("h1, h2, h3"));
  const control = row?.querySelector(CONTROLS) ?? target ?? document.querySelector("main h1");
  if (control) focusOn(control);
}

function focusOn(element) {
  if (!element.matches(CONTROLS) && !element.hasAttribute("tabindex")) {
    element.setAttribute("tabindex", "-1");
    element.addEventListener("blur", () => element.removeAttribute("tabindex"), { once: true });
  }
  element.focus();
}

function caretOf(element) {
  try {
    return [element.selectionStart, element.selectionEnd];
  } catch {
    return null;
  }
}

function restoreCaret(element, caret) {
  if (caret?.[0] == null || !element.setSelectionRange) return;
  try {
    element.setSelectionRange(...caret);
  } catch {
    // Number and e-mail inputs have no caret to set.
  }
}
