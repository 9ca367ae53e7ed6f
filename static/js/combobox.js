// The search box with suggestions as a WAI-ARIA combobox. Suggestions are real links; without this file they stay so.
import { announce } from "./app.js";

const MOVES = { ArrowDown: 1, ArrowUp: -1 };

for (const input of document.querySelectorAll("[data-combobox]")) {
  const panel = document.querySelector(input.dataset.combobox);
  connect(input, panel);
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-search-open]");
  if (!opener) return;
  event.preventDefault();
  const open = opener.closest("header").toggleAttribute("data-search");
  opener.setAttribute("aria-expanded", open);
  if (open) document.getElementById("q").focus();
});

function connect(input, panel) {
  const attributes = { role: "combobox", "aria-expanded": "false", "aria-controls": panel.id, "aria-autocomplete": "list" };
  for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
  panel.setAttribute("role", "listbox");
  panel.setAttribute("aria-label", input.labels[0].textContent);
  panel.addEventListener("htmx:afterSettle", () => offer(input, panel));
  input.addEventListener("keydown", (event) => steer(event, input, panel));
  input.addEventListener("input", () => { if (input.value.trim().length < 2) hide(input, panel); });
  input.addEventListener("blur", (event) => { if (!panel.contains(event.relatedTarget)) setTimeout(hide, 150, input, panel); });
}

function offer(input, panel) {
  const links = options(panel);
  links.forEach((link, index) => {
    link.id = `${panel.id}-${index}`;
    link.setAttribute("role", "option");
    link.setAttribute("aria-selected", "false");
    link.tabIndex = -1;
  });
  panel.querySelectorAll("ul, li").forEach((element) => element.setAttribute("role", "presentation"));
  const open = links.length > 0 && document.activeElement === input;
  panel.hidden = !open;
  input.setAttribute("aria-expanded", open);
  input.removeAttribute("aria-activedescendant");
  if (open) announce(input.dataset.count.replace("{n}", links.length));
}

function steer(event, input, panel) {
  if (event.key === "Escape" && !panel.hidden) {
    event.preventDefault();
    return hide(input, panel);
  }
  if (panel.hidden || !options(panel).length) return undefined;
  const links = options(panel);
  const now = links.findIndex((link) => link.getAttribute("aria-selected") === "true");
  if (event.key === "Enter" && now >= 0) {
    event.preventDefault();
    return links[now].click();
  }
  const next = nextIndex(event.key, now, links.length);
  if (next === undefined) return undefined;
  event.preventDefault();
  return select(input, links, next);
}

function nextIndex(key, now, count) {
  if (key in MOVES) return (now + MOVES[key] + count + (now < 0 && key === "ArrowUp" ? 1 : 0)) % count;
  if (now < 0) return undefined;
  return { Home: 0, End: count - 1 }[key];
}

function select(input, links, index) {
  links.forEach((link, n) => link.setAttribute("aria-selected", n === index));
  links[index].scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", links[index].id);
}

function hide(input, panel) {
  panel.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function options(panel) {
  return [...panel.querySelectorAll("a")];
}
