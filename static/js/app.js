// Every page: the CSRF header, waiting regions, failures as toasts, no double submits, spoken messages.

const WAIT_MS = 150;
const SLOW_MS = 8000;
const BUSY_MS = 15000;
const MOST_TOASTS = 3;

/** Say something politely to a screen reader. Emptying first makes a repeated sentence audible again. */
export function announce(text) {
  speak("announce", text);
}

/** Say something at once, over whatever is being read. */
export function alertNow(text) {
  speak("alert", text);
}

function speak(id, text) {
  const region = document.getElementById(id);
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}

/** Show a copy of a `<template>` toast; returns the toast. */
export function showToast(templateId) {
  const toast = document.getElementById(templateId).content.firstElementChild.cloneNode(true);
  document.getElementById("toasts").append(toast);
  return toast;
}

/* Requests ------------------------------------------------------------------------------------------------------- */

const timers = new WeakMap();

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.verb !== "get") {
    detail.headers["X-CSRF-Token"] = document.querySelector('meta[name="csrf-token"]').content;
  }
});

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  const { elt, xhr, target } = detail;
  const silent = elt.hasAttribute("data-lock") || elt.hasAttribute("data-quiet");
  if (silent) return;
  const region = waitingRegion(elt, target);
  const wait = setTimeout(() => {
    region.setAttribute("aria-busy", "true");
    region.setAttribute("data-wait", "");
  }, WAIT_MS);
  const slow = setTimeout(() => offerCancel(elt, xhr), SLOW_MS);
  timers.set(xhr, { wait, slow, region });
  if (elt.matches("form")) markBusy(elt, detail.requestConfig.triggeringEvent?.submitter);
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const { wait, slow, region } = timers.get(detail.xhr) ?? {};
  clearTimeout(wait);
  clearTimeout(slow);
  region?.removeAttribute("aria-busy");
  region?.removeAttribute("data-wait");
  document.querySelector(".toast[data-slow]")?.remove();
  if (detail.elt.matches("form")) clearBusy(detail.elt);
});

function waitingRegion(elt, target) {
  const named = elt.closest("[hx-indicator]")?.getAttribute("hx-indicator");
  return (named && document.querySelector(named)) || target;
}

function offerCancel(elt, xhr) {
  const toast = showToast("toast-slow");
  toast.setAttribute("data-slow", "");
  toast.querySelector("[data-cancel]").addEventListener("click", () => {
    xhr.abort();
    toast.remove();
  });
}

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, ({ detail }) => offerRetry("toast-failed", detail));
}

document.addEventListener("htmx:responseError", ({ detail }) => {
  const silent = detail.xhr.status === 429 && detail.requestConfig.verb === "get";
  if (!silent) offerRetry("toast-refused", detail);
});

// The same form is sent again, so its one-time key goes with it and the server does the work once.
function offerRetry(template, { elt, requestConfig }) {
  if (elt.hasAttribute("data-lock")) return;
  const toast = showToast(template);
  toast.querySelector("[data-retry]").addEventListener("click", () => {
    toast.remove();
    if (elt.matches("form")) elt.requestSubmit();
    else window.htmx.trigger(elt, requestConfig.triggeringEvent?.type ?? "click");
  });
}

/* Double submits --------------------------------------------------------------------------------------------------- */

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "get" || form.method === "dialog") return;
  if (form.hasAttribute("data-busy")) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  if (!form.matches("[hx-post]")) markBusy(form, event.submitter);
}, true);

function markBusy(form, submitter) {
  form.setAttribute("data-busy", "");
  setTimeout(() => clearBusy(form), BUSY_MS);
  if (!submitter?.matches("button")) return;
  submitter.setAttribute("aria-disabled", "true");
  const label = submitter.querySelector("span") ?? submitter;
  if (submitter.dataset.busyLabel) {
    submitter.dataset.idleLabel = label.textContent;
    label.textContent = submitter.dataset.busyLabel;
    announce(submitter.dataset.busyLabel);
  }
}

function clearBusy(form) {
  if (!form.hasAttribute("data-busy")) return;
  form.removeAttribute("data-busy");
  for (const button of form.querySelectorAll('button[aria-disabled="true"]:not([data-step])')) {
    button.removeAttribute("aria-disabled");
    if (button.dataset.idleLabel) (button.querySelector("span") ?? button).textContent = button.dataset.idleLabel;
  }
}

// A page that comes back out of the back-forward cache would still be busy with the submit that left it.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("form[data-busy]").forEach(clearBusy);
});

/* Toasts ------------------------------------------------------------------------------------------------------------ */

const toasts = document.getElementById("toasts");

function keepToasts() {
  while (toasts.children.length > MOST_TOASTS) toasts.firstElementChild.remove();
  for (const toast of toasts.querySelectorAll(".toast:not([data-timed], [data-tone=danger], [data-slow])")) {
    toast.setAttribute("data-timed", "");
    dismissLater(toast, toast.hasAttribute("data-undo") ? 8000 : 5000);
  }
}

function dismissLater(toast, ms) {
  let timer = setTimeout(() => toast.remove(), ms);
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["pointerleave", "focusout"]) {
    toast.addEventListener(name, () => {
      clearTimeout(timer);
      timer = setTimeout(() => toast.remove(), ms);
    });
  }
}

new MutationObserver(keepToasts).observe(toasts, { childList: true });
keepToasts();

/* Small controls ------------------------------------------------------------------------------------------------------ */

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-close-toast], [data-copy], [data-step], [data-error-link], .menu");
  closeMenus(target);
  if (!target) return;
  if (target.matches("[data-close-toast]")) target.closest(".toast").remove();
  if (target.matches("[data-copy]")) copy(target);
  if (target.matches('[data-step][type="button"]')) step(target);
  if (target.matches("[data-error-link]")) followErrorLink(event, target);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest(".menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

function closeMenus(except) {
  for (const menu of document.querySelectorAll(".menu[open]")) if (menu !== except) menu.open = false;
}

async function copy(button) {
  await navigator.clipboard.writeText(button.parentElement.querySelector("[data-copy-source]").textContent);
  announce(button.dataset.copied);
  button.querySelector("span").textContent = button.dataset.copied;
}

function step(button) {
  const input = button.parentElement.querySelector("input");
  const before = input.value;
  if (button.dataset.step === "1") input.stepUp();
  else input.stepDown();
  if (input.value !== before) input.dispatchEvent(new Event("change", { bubbles: true }));
}

// The question comes into view first, then the focus: otherwise the label may stand above the screen's edge.
function followErrorLink(event, link) {
  const field = document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  const control = field.matches("fieldset") ? field.querySelector("input, select, textarea") : field;
  const question = field.matches("fieldset") ? field.querySelector("legend") : field.labels?.[0];
  (question ?? control).scrollIntoView({ block: "start" });
  control.focus({ preventScroll: true });
}

document.querySelector("main [data-focus]")?.focus();
