// Dialogs, drawers and sheets on <dialog>: open, close, give the focus back, and let Back close the large ones.

const wide = matchMedia("(min-width: 48em)");
const openers = new WeakMap();

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) {
    const dialog = document.querySelector(opener.dataset.open);
    if (!dialog) return;
    event.preventDefault();
    open(dialog, opener);
    return;
  }
  const dialog = event.target.closest("dialog");
  if (!dialog) return;
  const onBackdrop = event.target === dialog && isOutside(dialog, event);
  if (onBackdrop || event.target.closest("[data-close]")) close(dialog);
});

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const { target } = detail;
  if (target?.id === "dialog-root") open(target.querySelector("dialog"), document.activeElement);
  if (target?.id === "cart-drawer-body" && wide.matches) open(target.closest("dialog"), document.activeElement);
});

window.addEventListener("popstate", () => {
  document.querySelector("dialog[data-back-closes][open]")?.close();
});

/** Show a dialog as a modal; on close the focus returns to `opener` or to the element that took over its id. */
export function open(dialog, opener) {
  if (!dialog || dialog.open) return;
  openers.set(dialog, opener);
  dialog.showModal();
  if (dialog.hasAttribute("data-back-closes")) history.pushState({ dialog: dialog.id }, "");
  dialog.addEventListener("close", () => returnFocus(dialog), { once: true });
}

// Going back undoes our own history entry; a list that pushed its filters in between keeps them.
function close(dialog) {
  const ours = dialog.hasAttribute("data-back-closes") && history.state?.dialog === dialog.id;
  if (ours) history.back();
  else dialog.close();
}

function returnFocus(dialog) {
  const opener = openers.get(dialog);
  const target = opener?.isConnected ? opener : document.getElementById(opener?.id);
  target?.focus();
}

function isOutside(dialog, { clientX, clientY }) {
  const box = dialog.getBoundingClientRect();
  return clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom;
}
