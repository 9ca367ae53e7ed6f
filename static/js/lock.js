// The countdown of the stock lock. The server says how long is left; this counts that duration down and never decides.
import { announce, on } from "./app.js";

const MINUTE = 60_000;
const SOON = 2 * MINUTE;
const LAST = MINUTE / 2;
// What is spoken, from the least time left to the most; each once.
const SPEECH = [[LAST, "sayLast", "alert"], [SOON, "sayTwo"], [5 * MINUTE, "sayFive"], [Infinity, "sayHeld"]];

const said = new Set();
let lock;
let endsAt = 0;
let askedAt = 0;

on("htmx:afterSettle", adopt);
on("visibilitychange", askServer);
window.addEventListener("pageshow", ({ persisted }) => { if (persisted) askServer(); });
setInterval(beat, 1000);
adopt();

// performance.now() counts on through a wrong or changed clock of the telephone.
function adopt() {
  const found = document.querySelector("[data-lock]");
  if (!found || found === lock) return;
  lock = found;
  const end = performance.now() + Number(lock.dataset.remainingMs);
  const renewed = end > endsAt + MINUTE;
  if (renewed) said.clear();
  endsAt = end;
  askedAt = performance.now();
  beat();
}

function beat() {
  if (!lock) return;
  const { state } = lock.dataset;
  const left = Math.max(0, endsAt - performance.now());
  if (state === "paying") speak("sayPaying");
  if (state === "held") show(left);
  // At zero the answer is near; before that once a minute corrects any drift.
  const pause = state === "held" && !left ? 5000 : MINUTE;
  if (performance.now() - askedAt >= pause) askServer();
}

function askServer() {
  if (document.hidden || !lock) return;
  askedAt = performance.now();
  document.body.dispatchEvent(new Event("tick"));
}

function show(left) {
  lock.dataset.phase = left < LAST ? "last" : left < SOON ? "soon" : "calm";
  const words = left < SOON ? lock.dataset.exact.replace("{n}", clock(left)) : lock.dataset.minutes.replace("{n}", Math.ceil(left / MINUTE));
  const place = lock.querySelector("[data-lock-left]");
  if (place.textContent !== words) place.textContent = words;
  const due = SPEECH.findIndex(([below]) => left < below);
  speak(SPEECH[due][1], SPEECH[due][2]);
  // Whoever comes with one minute left hears that, not the sentences of the minutes before.
  for (const [, key] of SPEECH.slice(due)) said.add(key);
}

function clock(ms) {
  const seconds = Math.ceil(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function speak(key, region) {
  if (said.has(key)) return;
  said.add(key);
  announce(lock.dataset[key], region);
}
