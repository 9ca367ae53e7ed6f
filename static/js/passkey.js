// Passkeys: asks the browser for one when the button for it is pressed, and sends the answer along with the form. Where the
// browser has none the button stays away. With data-offer the browser is asked at once, and lists them at the e-mail field.

const GOOD_MS = 4 * 60_000; // the server forgets after five minutes what it has asked
const { PublicKeyCredential } = window;
const part = document.querySelector("[data-passkey]");
const button = part?.querySelector("button[formaction]");
const field = part?.querySelector("[name=credential]");
const said = part?.querySelector("[role=alert]");
let asking = new AbortController();
let timer;

/** A refusal of the server's, in its own words. */
class Refusal extends Error {}

if (part && PublicKeyCredential?.parseRequestOptionsFromJSON) {
  part.hidden = false;
  button.addEventListener("click", press);
  window.addEventListener("pageshow", ({ persisted }) => { if (persisted) field.value = ""; });
  if ("offer" in part.dataset) offer();
}

// The second click is our own: the form is sent, with the answer in it.
async function press(event) {
  if (field.value) return;
  event.preventDefault();
  clearTimeout(timer);
  said.replaceChildren();
  try {
    await answer();
  } catch (error) {
    if (error.name !== "AbortError") say(wordsFor(error));
  }
}

async function offer() {
  timer = setTimeout(offer, GOOD_MS);
  try {
    if (await PublicKeyCredential.isConditionalMediationAvailable?.()) await answer("conditional");
  } catch {
    // Nobody has pressed anything, so there is nobody to tell; the button still asks.
  }
}

async function answer(mediation) {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const options = await question(signal);
  const credential = "rp" in options
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options), signal })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options), mediation, signal });
  field.value = JSON.stringify(credential);
  button.form.requestSubmit(button);
}

async function question(signal) {
  const sent = button.form.elements[part.dataset.sends];
  const response = await fetch(part.dataset.passkey, {
    method: "POST",
    headers: { Accept: "application/json", "X-CSRF-Token": document.querySelector("meta[name=csrf-token]").content },
    body: new URLSearchParams(sent ? { [sent.name]: sent.value } : {}),
    signal,
  });
  const body = await response.json();
  if (!response.ok) throw new Refusal(body.title);
  return body;
}

function wordsFor(error) {
  if (error instanceof Refusal) return error.message;
  const { failed, stopped, known } = part.dataset;
  return { NotAllowedError: stopped, InvalidStateError: known }[error.name] ?? failed;
}

function say(words) {
  const line = document.createElement("p");
  line.className = "field-error";
  line.textContent = words;
  said.replaceChildren(line);
}
