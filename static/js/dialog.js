// Dialogs, drawers and sheets on <dialog>: open, close, give the focus back, and let Back close the large ones.
import { on } from "./app.js";

on("click", (_, event) => {
  const { target } = event;
  const opener = target.closest("[data-open]");
  const dialog = opener ? document.querySelector(opener.dataset.open) : target.closest("dialog");
  if (!dialog) return;
  if (opener) {
    event.preventDefault();
    open(dialog, opener);
  } else if (dialog.open && (target === dialog || target.closest("[data-close]"))) {
    if (!target.closest("a")) event.preventDefault();
    close(dialog);
  }
});

on("htmx:afterSettle", ({ target }) => {
  const wide = matchMedia("(min-width: 48em)").matches;
  if (target.id === "dialog-root") open(target.querySelector("dialog"));
  // On a phone a toast is enough, unless something is asked back.
  if (target.id === "cart-drawer-body" && (wide || target.querySelector("#error-summary"))) open(target.closest("dialog"));
});

window.addEventListener("popstate", () => document.querySelector("[data-back-closes][open]")?.close());

/** Show a dialog as a modal; on close the focus returns to `opener` or to the element that took over its id. */
export function open(dialog, opener = document.activeElement) {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  if (dialog.matches("[data-back-closes]")) history.pushState({ dialog: dialog.id }, "");
  dialog.onclose = () => (opener.isConnected ? opener : document.getElementById(opener.id))?.focus();
}

// Going back undoes our own history entry; a list that pushed its filters in between keeps them.
function close(dialog) {
  if (dialog.matches("[data-back-closes]") && history.state?.dialog === dialog.id) history.back();
  else dialog.close();
}
