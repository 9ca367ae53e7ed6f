// The product page: which picture is in view, thumbnails, one large view, and the bar with the button that scrolled away.
import { on } from "./app.js";
import { open } from "./dialog.js";

const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) mark(target);
}, { threshold: 0.6 });

const buttonWatcher = new IntersectionObserver((entries) => {
  const bar = document.querySelector("[data-buy-bar]");
  for (const { isIntersecting, target } of entries) if (bar && target.isConnected) bar.hidden = isIntersecting;
});

watch();
on("htmx:afterSettle", watch);

on("click", (_, event) => {
  const link = event.target.closest("[data-zoom], [data-gallery-thumb]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.matches("[data-zoom]")) enlarge(link);
  else show(document.querySelector(link.hash));
});

function watch() {
  for (const picture of document.querySelectorAll(".gallery-strip > li")) watcher.observe(picture);
  for (const button of document.querySelectorAll("[data-buy]")) buttonWatcher.observe(button);
}

function mark(picture) {
  const gallery = picture.closest(".gallery");
  const index = [...picture.parentElement.children].indexOf(picture);
  const counter = gallery.querySelector("[data-gallery-now]");
  if (counter) counter.textContent = index + 1;
  gallery.querySelectorAll("[data-gallery-thumb]").forEach((thumb, n) => { thumb.ariaCurrent = n === index; });
}

// Scrolling the strip by its own position leaves the page where it is, unlike scrollIntoView().
function show(picture) {
  picture.parentElement.scrollTo({ left: picture.offsetLeft });
}

function enlarge(link) {
  const dialog = link.closest(".gallery").querySelector("dialog");
  const small = link.querySelector("img");
  const large = new Image(small.width, small.height);
  large.src = link.href;
  large.alt = small.alt;
  dialog.querySelector(".dialog-body").replaceChildren(large);
  open(dialog, link);
}
