// Server-sent events over fetch. EventSource can neither POST nor set a header, and it hides the HTTP status.

/** Decode text/event-stream, cut anywhere, into {event, data, id}. */
export class EventDecoder {
  #bytes = new TextDecoder();
  #text = "";
  #data = [];
  #event = "";
  #id = null;

  feed(bytes) {
    // A CR at the very end may be half a line end: it waits for what follows.
    this.#text += this.#bytes.decode(bytes, { stream: true });
    const lines = this.#text.split(/\r\n|\n|\r(?!$)/);
    this.#text = lines.pop();
    return lines.map((line) => this.#line(line)).filter((event) => event !== null);
  }

  #line(line) {
    if (line === "") {
      const found = this.#data.length
        ? { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id }
        : null;
      this.#data = [];
      this.#event = "";
      return found;
    }
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    return null;
  }
}

/** A response that is none of a stream. */
export class Refused extends Error {
  constructor(status, message, retryAfter) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Read the events of a response; the connection is closed however the loop is left. */
export async function* eventsOf(response) {
  if (response.status === 204) return;
  if (!response.ok) throw await refusal(response);
  const decoder = new EventDecoder();
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* decoder.feed(value);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function refusal(response) {
  const text = await response.text();
  let message = `${response.status} ${response.statusText}`;
  try {
    message = JSON.parse(text).error.message;
  } catch {
    // A proxy's own page: its status says enough.
  }
  return new Refused(response.status, message, Number(response.headers.get("retry-after")) || 0);
}
