// The product's pictures: which one is in view, thumbnails, and one large view in a dialog.
import { open } from "./dialog.js";

document.querySelectorAll("[data-gallery]").forEach(connect);
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const region = detail.elt.closest?.("[data-gallery]") ?? detail.elt.querySelector?.("[data-gallery]");
  if (region) connect(region);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-zoom], [data-gallery-thumb]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.matches("[data-zoom]")) enlarge(link);
  else show(link);
});

function connect(gallery) {
  const strip = gallery.querySelector(".gallery-strip");
  if (!strip || strip.dataset.watched) return;
  strip.dataset.watched = "true";
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) mark(gallery, [...strip.children].indexOf(entry.target));
  }, { root: strip, threshold: 0.6 });
  [...strip.children].forEach((picture) => watcher.observe(picture));
}

function mark(gallery, index) {
  const counter = gallery.querySelector("[data-gallery-now]");
  if (counter) counter.textContent = index + 1;
  gallery.querySelectorAll("[data-gallery-thumb]").forEach((thumb, n) => {
    if (n === index) thumb.setAttribute("aria-current", "true");
    else thumb.removeAttribute("aria-current");
  });
}

// Scrolling the strip by its own position leaves the page where it is, unlike scrollIntoView().
function show(thumb) {
  const picture = document.querySelector(thumb.hash);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  picture.parentElement.scrollTo({ left: picture.offsetLeft, behavior: still ? "instant" : "smooth" });
}

function enlarge(link) {
  const dialog = link.closest("[data-gallery]").querySelector("dialog");
  const small = link.querySelector("img");
  const large = new Image(small.width, small.height);
  large.src = link.href;
  large.alt = small.alt;
  dialog.querySelector(".dialog-body").replaceChildren(large);
  open(dialog, link);
}
