// A chat whose answers survive a lost connection and a reload: each is a stream with a name, kept by the
// service, and this page knows how far it has read.

import { Refused, eventsOf } from "./events.js";

const $ = (id) => document.getElementById(id);
const [log, empty, form, prompt, send, stop, clear, state, model] = [
  "log", "empty", "form", "prompt", "send", "stop", "clear", "state", "model",
].map($);

const STORE = "rxstream-chat";
const ATTEMPTS = 8;

// What is kept: text and position of the answer are written together, so that neither can be ahead.
let chat = { messages: [], stream: null, after: 0 };
let key = sessionStorage.getItem("rxstream-key");
let reading = null;
let waiting = null;

// ---------------------------------------------------------------- what is kept

function save() {
  clearTimeout(waiting);
  waiting = null;
  sessionStorage.setItem(STORE, JSON.stringify(chat));
}

function saveSoon() {
  waiting ??= setTimeout(save, 200);
}

function load() {
  try {
    chat = JSON.parse(sessionStorage.getItem(STORE)) ?? chat;
  } catch {
    sessionStorage.removeItem(STORE);
  }
}

addEventListener("pagehide", save);

// ---------------------------------------------------------------- what is shown

let words = null; // the text node of the answer that is being written

function show(message) {
  empty.hidden = true;
  const block = document.createElement("div");
  block.className = "message";
  block.dataset.role = message.role;
  const text = document.createTextNode(message.content);
  block.append(text);
  log.append(block);
  if (message.note) note(message.note.text, message.note.kind);
  return text;
}

function note(text, kind = "") {
  const atEnd = isAtEnd();
  const line = document.createElement("p");
  line.className = "note";
  line.dataset.kind = kind;
  line.textContent = text;
  log.append(line);
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function say(text, kind = "") {
  state.textContent = text;
  state.dataset.kind = kind;
}

function isAtEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 60;
}

function append(text) {
  const atEnd = isAtEnd();
  words.appendData(text);
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function setLive(live) {
  const block = words?.parentElement;
  if (block) block.toggleAttribute("data-live", live);
  log.setAttribute("aria-busy", String(live));
  send.hidden = live;
  stop.hidden = !live;
  stop.disabled = false;
  clear.disabled = live;
}

// ---------------------------------------------------------------- the service

function headers(more = {}) {
  return key ? { Authorization: `Bearer ${key}`, ...more } : more;
}

async function askForKey() {
  $("ask-key").showModal();
  await new Promise((resolve) => $("ask-key").addEventListener("close", resolve, { once: true }));
  key = $("key").value;
  sessionStorage.setItem("rxstream-key", key);
}

function begin(signal) {
  return fetch("v1/stream/raw", {
    method: "POST",
    headers: headers({ "Content-Type": "application/json" }),
    body: JSON.stringify({
      messages: chat.messages.slice(0, -1).map(({ role, content }) => ({ role, content })),
      stream_id: chat.stream,
    }),
    signal,
  });
}

function resume(signal) {
  const position = chat.after ? { "Last-Event-ID": `${chat.stream}-${chat.after}` } : {};
  return fetch(`v1/stream/${chat.stream}`, { headers: headers(position), signal });
}

// ---------------------------------------------------------------- an answer

/** Read the answer to its end, through as many connections as it takes. */
async function read(open) {
  reading = new AbortController();
  setLive(true);
  say("");
  let failures = 0;
  for (;;) {
    const before = chat.after;
    try {
      const response = await open(reading.signal);
      if (response.status === 204) return finish();
      for await (const event of eventsOf(response)) {
        if (take(event)) return finish();
        say("");
      }
      // It ended, and the answer has not: as good as a lost connection.
    } catch (error) {
      if (reading.signal.aborted) return;
      if (error instanceof Refused) {
        if (error.status === 401) {
          await askForKey();
          continue;
        }
        // Somebody has it already: the first request came through, and its answer did not.
        if (error.status === 409) open = resume;
        // Our name for it never arrived, so nothing of it was ever begun.
        else if (error.status === 404 && open === resume && !chat.after && failures < 2) open = begin;
        else if (error.status < 500 && error.status !== 429) return finish(error.message, "fault");
        else say(error.message, "fault");
      }
    }
    failures = chat.after > before ? 1 : failures + 1;
    if (failures > ATTEMPTS) return finish("The connection is lost. Reload to try again.", "fault", true);
    if (open === begin) open = resume;
    say("Connecting again…");
    await new Promise((resolve) => setTimeout(resolve, Math.min(8000, 150 * 2 ** failures)));
    if (reading.signal.aborted) return;
  }
}

/** Take an event; return whether the answer ends with it. */
function take({ event, data, id }) {
  const answer = chat.messages.at(-1);
  const value = JSON.parse(data);
  if (event === "chunk") {
    append(value.content);
    answer.content += value.content;
  } else if (event === "restart") {
    words.data = answer.content = "";
  } else if (event === "gap") {
    append("\n[…]\n");
    answer.content += "\n[…]\n";
  } else if (event === "error") {
    answer.note = { text: value.error.message, kind: "fault" };
  } else if (event === "done" && value.stopped) {
    answer.note = { text: "Stopped.", kind: "" };
  }
  if (id) chat.after = Number(id.slice(id.lastIndexOf("-") + 1));
  saveSoon();
  return event === "done" || event === "error";
}

function finish(text = "", kind = "", resumable = false) {
  const answer = chat.messages.at(-1);
  if (text && !resumable) answer.note = { text, kind };
  if (answer.note) note(answer.note.text, answer.note.kind);
  say(resumable ? text : "", kind);
  setLive(false);
  if (!resumable) {
    chat.stream = null;
    chat.after = 0;
  }
  reading = null;
  save();
  prompt.focus();
}

// ---------------------------------------------------------------- what the reader does

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const content = prompt.value.trim();
  if (!content || reading) return;
  prompt.value = "";
  fit();
  chat.messages.push({ role: "user", content }, { role: "assistant", content: "" });
  chat.stream = crypto.randomUUID?.() ?? `s${Date.now()}${Math.random().toString(36).slice(2)}`;
  chat.after = 0;
  save();
  show(chat.messages.at(-2));
  words = show(chat.messages.at(-1));
  log.scrollTop = log.scrollHeight;
  read(begin);
});

stop.addEventListener("click", async () => {
  stop.disabled = true;
  // The stream's own last event says that it has stopped: whatever came before it is shown.
  const response = await fetch(`v1/stream/${chat.stream}`, { method: "DELETE", headers: headers() }).catch(
    () => null,
  );
  if (!response?.ok && response?.status !== 404) {
    say("It could not be stopped. Try again.", "fault");
    stop.disabled = false;
  }
});

clear.addEventListener("click", () => {
  chat = { messages: [], stream: null, after: 0 };
  save();
  for (const shown of log.querySelectorAll(".message, .note")) shown.remove();
  empty.hidden = false;
  say("");
  prompt.focus();
});

prompt.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

function fit() {
  prompt.style.height = "auto";
  prompt.style.height = `${prompt.scrollHeight}px`;
}
prompt.addEventListener("input", fit);

// ---------------------------------------------------------------- the beginning

load();
for (const message of chat.messages) words = show(message);
log.scrollTop = log.scrollHeight;
if (chat.stream) read(resume);

fetch("v1/models", { headers: headers() })
  .then((response) => (response.ok ? response.json() : { data: [] }))
  .then(({ data }) => {
    model.textContent = data[0]?.id ?? "";
  })
  .catch(() => {});
