// The search box with suggestions as a WAI-ARIA combobox. Suggestions are real links; without this file they stay so.
import { announce, on } from "./app.js";

for (const input of document.querySelectorAll("[data-combobox]")) connect(input, document.querySelector(input.dataset.combobox));

on("click", (_, event) => {
  const opener = event.target.closest("[data-search-open]");
  if (!opener) return;
  event.preventDefault();
  opener.ariaExpanded = opener.closest("header").toggleAttribute("data-search");
  document.getElementById("q").focus();
});

function connect(input, panel) {
  input.role = "combobox";
  input.setAttribute("aria-controls", panel.id);
  input.ariaAutoComplete = "list";
  panel.role = "listbox";
  panel.ariaLabel = input.labels[0].textContent;
  const show = (open) => {
    panel.hidden = !open;
    input.ariaExpanded = open;
    input.removeAttribute("aria-activedescendant");
  };
  show(false);
  panel.addEventListener("htmx:afterSettle", () => offer(input, panel, show));
  input.addEventListener("keydown", (event) => steer(event, input, panel, show));
  input.addEventListener("input", () => { if (input.value.trim().length < 2) show(false); });
  input.addEventListener("blur", () => setTimeout(show, 150, false));
}

function offer(input, panel, show) {
  const links = [...panel.querySelectorAll("a")];
  links.forEach((link, index) => {
    link.id = `${panel.id}-${index}`;
    link.role = "option";
    link.ariaSelected = false;
    link.tabIndex = -1;
  });
  for (const element of panel.querySelectorAll("ul, li")) element.role = "presentation";
  show(links.length > 0 && document.activeElement === input);
  if (!panel.hidden) announce(input.dataset.count.replace("{n}", links.length));
}

function steer(event, input, panel, show) {
  if (panel.hidden) return;
  const links = [...panel.querySelectorAll("a")];
  const now = links.findIndex((link) => link.ariaSelected === "true");
  const last = links.length - 1;
  const next = {
    ArrowDown: now < last ? now + 1 : 0,
    ArrowUp: now > 0 ? now - 1 : last,
    Home: now < 0 ? undefined : 0,
    End: now < 0 ? undefined : last,
  }[event.key];
  if (event.key === "Escape") show(false);
  else if (event.key === "Enter" && now >= 0) links[now].click();
  else if (next === undefined) return;
  else choose(input, links, next);
  event.preventDefault();
}

function choose(input, links, index) {
  links.forEach((link, n) => { link.ariaSelected = n === index; });
  links[index].scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", links[index].id);
}
