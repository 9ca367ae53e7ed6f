// The countdown of the stock lock. The server says how long is left; this counts that duration down and never decides.
import { announce, alertNow } from "./app.js";

const MINUTE = 60_000;
const RESYNC_MS = MINUTE;
const SPEECH = [
  { below: 30_000, key: "sayLast", aloud: alertNow },
  { below: 2 * MINUTE, key: "sayTwo", aloud: announce },
  { below: 5 * MINUTE, key: "sayFive", aloud: announce },
  { below: Infinity, key: "sayHeld", aloud: announce },
];

let lock = null;
let receivedAt = 0;
let remainingAtReceipt = 0;
let askedAt = 0;
const said = new Set();

function adopt() {
  const found = document.querySelector("[data-lock]");
  if (found === lock) return;
  const renewed = lock && found && Number(found.dataset.remainingMs) > remaining() + MINUTE;
  if (renewed) said.clear();
  lock = found;
  if (!lock) return;
  receivedAt = askedAt = performance.now();
  remainingAtReceipt = Number(lock.dataset.remainingMs);
  beat();
}

function remaining() {
  return remainingAtReceipt - (performance.now() - receivedAt);
}

function beat() {
  if (!lock?.isConnected) return;
  const { state } = lock.dataset;
  if (state === "paying") speakOnce("sayPaying", announce);
  if (state === "held") showTime(Math.max(0, remaining()));
  if (performance.now() - askedAt >= askingPause(state)) askServer();
}

// Near zero the server may already have an answer; elsewhere once a minute is enough.
function askingPause(state) {
  return state === "held" && remaining() <= 0 ? 5000 : RESYNC_MS;
}

function askServer() {
  if (document.hidden || !lock) return;
  askedAt = performance.now();
  document.body.dispatchEvent(new CustomEvent("tick"));
}

function showTime(ms) {
  const phase = ms < 30_000 ? "last" : ms < 2 * MINUTE ? "soon" : "calm";
  if (lock.dataset.phase !== phase) lock.dataset.phase = phase;
  const words = phase === "calm" ? lock.dataset.minutes.replace("{n}", Math.ceil(ms / MINUTE)) : exact(ms);
  const place = lock.querySelector("[data-lock-left]");
  if (place && place.textContent !== words) place.textContent = words;
  const due = SPEECH.find(({ below }) => ms < below);
  speakOnce(due.key, due.aloud);
}

function exact(ms) {
  const seconds = Math.ceil(ms / 1000);
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return lock.dataset.exact.replace("{n}", clock);
}

// Whoever opens the page with one minute left hears that, not the sentences of the minutes before.
function speakOnce(key, aloud) {
  if (said.has(key)) return;
  said.add(key);
  for (const { key: earlier } of SPEECH.slice(SPEECH.findIndex((step) => step.key === key) + 1)) said.add(earlier);
  if (lock.dataset[key]) aloud(lock.dataset[key]);
}

document.addEventListener("htmx:afterSettle", adopt);
document.addEventListener("visibilitychange", askServer);
window.addEventListener("pageshow", (event) => { if (event.persisted) askServer(); });
setInterval(beat, 1000);
adopt();
