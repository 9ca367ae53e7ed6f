// Every page: the CSRF header, waiting regions, failures as toasts, no double submits, spoken messages.

const WAIT_MS = 150;
const SLOW_MS = 8000;
const BUSY_MS = 15000;
const MOST_TOASTS = 3;
const toasts = document.getElementById("toasts");

/** Say something politely to a screen reader. Emptying first makes a repeated sentence audible again. */
export function announce(text, id = "announce") {
  const region = document.getElementById(id);
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}

/** Listen to an event anywhere on the page; htmx puts what matters into its detail. */
export function on(name, listener) {
  document.addEventListener(name, (event) => listener(event.detail, event));
}

/* Requests */

on("htmx:configRequest", ({ verb, headers, formData }) => {
  if (verb !== "get") headers["X-CSRF-Token"] = document.querySelector("meta[name=csrf-token]").content;
  // An address says what was chosen, not which fields were left empty.
  else for (const [name, value] of [...formData]) if (!value) formData.delete(name);
});

// A region that keeps its answer to itself (a timer's check) neither dims nor complains.
on("htmx:beforeRequest", ({ elt, xhr, target, requestConfig }) => {
  if (elt.matches("[data-lock], [data-quiet]")) return;
  const named = elt.closest("[hx-indicator]")?.getAttribute("hx-indicator");
  xhr.region = (named && document.querySelector(named)) || target;
  xhr.wait = setTimeout(wait, WAIT_MS, xhr.region, true);
  xhr.slow = setTimeout(offerCancel, SLOW_MS, xhr);
  if (elt.matches("form:not([hx-sync*=queue])")) setBusy(elt, requestConfig.triggeringEvent?.submitter);
});

on("htmx:afterRequest", ({ elt, xhr }) => {
  clearTimeout(xhr.wait);
  clearTimeout(xhr.slow);
  xhr.toast?.remove();
  if (xhr.region) wait(xhr.region, false);
  if (elt.matches("form")) setIdle(elt);
});

for (const name of ["sendError", "timeout"]) on(`htmx:${name}`, (detail) => offerRetry("toast-failed", detail));

on("htmx:responseError", (detail) => {
  const tooManyLooks = detail.xhr.status === 429 && detail.requestConfig.verb === "get";
  if (!tooManyLooks) offerRetry("toast-refused", detail);
});

function wait(region, waiting) {
  region.ariaBusy = waiting;
  region.toggleAttribute("data-wait", waiting);
}

function offerCancel(xhr) {
  xhr.toast = showToast("toast-slow", "[data-cancel]", () => xhr.abort());
}

// The same form is sent again, so its one-time key goes with it and the server does the work once.
function offerRetry(template, { elt, requestConfig }) {
  if (elt.matches("[data-lock]")) return;
  showToast(template, "[data-retry]", () => {
    if (elt.matches("form")) elt.requestSubmit();
    else window.htmx.trigger(elt, requestConfig.triggeringEvent?.type ?? "click");
  });
}

/* Double submits */

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.matches("[data-busy]")) {
    event.preventDefault();
    event.stopImmediatePropagation();
  } else if (!form.matches("[hx-post]")) setBusy(form, event.submitter);
}, true);

// aria-disabled, not disabled: a disabled button would lose the focus.
function setBusy(form, submitter) {
  form.setAttribute("data-busy", "");
  setTimeout(setIdle, BUSY_MS, form);
  if (!submitter) return;
  submitter.ariaDisabled = true;
  const { busyLabel } = submitter.dataset;
  if (!busyLabel) return;
  submitter.dataset.idleLabel = labelOf(submitter).textContent;
  labelOf(submitter).textContent = busyLabel;
  announce(busyLabel);
}

function setIdle(form) {
  form.removeAttribute("data-busy");
  for (const button of form.querySelectorAll("button[aria-disabled]")) {
    button.ariaDisabled = null;
    if (button.dataset.idleLabel) labelOf(button).textContent = button.dataset.idleLabel;
  }
}

function labelOf(button) {
  return button.querySelector("span") ?? button;
}

// A page that comes back out of the back-forward cache would still be busy with the submit that left it.
window.addEventListener("pageshow", () => document.querySelectorAll("[data-busy]").forEach(setIdle));

/* Toasts */

function showToast(template, control, action) {
  const toast = document.getElementById(template).content.firstElementChild.cloneNode(true);
  toast.setAttribute("data-timed", "");
  toast.querySelector(control).onclick = () => {
    toast.remove();
    action();
  };
  toasts.append(toast);
  return toast;
}

function keepToasts() {
  while (toasts.children.length > MOST_TOASTS) toasts.firstElementChild.remove();
  for (const toast of toasts.querySelectorAll(".toast:not([data-timed], [data-tone=danger])")) {
    toast.setAttribute("data-timed", "");
    setTimeout(dismiss, toast.matches("[data-undo]") ? 8000 : 5000, toast);
  }
}

function dismiss(toast) {
  if (toast.matches(":hover, :focus-within")) setTimeout(dismiss, 2000, toast);
  else toast.remove();
}

new MutationObserver(keepToasts).observe(toasts, { childList: true });
keepToasts();

/* Small controls */

on("click", (_, event) => {
  const { target } = event;
  for (const menu of document.querySelectorAll(".menu[open]")) menu.open = menu.contains(target);
  if (target.closest("[data-close-toast]")) target.closest(".toast").remove();
  const link = target.closest("[data-error-link]");
  if (link) showQuestion(event, document.getElementById(link.hash.slice(1)));
  const button = target.closest("[data-step]");
  if (button) step(button, event);
  const eye = target.closest("[data-reveal]");
  if (eye) eye.previousElementSibling.type = (eye.ariaPressed = eye.ariaPressed === "false") ? "text" : "password";
});

on("keydown", (_, { key, target }) => {
  const menu = key === "Escape" && target.closest(".menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// Where a change is sent by itself, − and + change the number and the newest one wins; else they submit.
function step(button, event) {
  if (button.type === "submit" && !button.form.matches("[hx-post]")) return;
  event.preventDefault();
  const input = button.parentElement.querySelector("input");
  const before = input.value;
  input.stepUp(Number(button.dataset.step));
  if (input.value !== before) input.dispatchEvent(new Event("change", { bubbles: true }));
}

// The question comes into view first, then the focus: otherwise the label may stand above the screen's edge.
function showQuestion(event, field) {
  if (!field) return;
  event.preventDefault();
  const control = field.matches("fieldset") ? field.querySelector("input, select") : field;
  const question = field.querySelector("legend") ?? field.labels?.[0] ?? control;
  question.scrollIntoView();
  control.focus({ preventScroll: true });
}

document.querySelector("main [data-focus]")?.focus();
