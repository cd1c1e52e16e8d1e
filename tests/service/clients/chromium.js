// What a page does: put into a page of the service's own origin, where each check is called by its name.

const user = (text) => ({ role: "user", content: text });

const post = (body, options = {}) =>
  fetch("/v1/stream/raw", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...options,
  });

/** Begin an answer that goes on whoever reads it, and leave it. */
async function begin(model, text, stream_id) {
  const left = new AbortController();
  const response = await post({ model, messages: [user(text)], stream_id }, { signal: left.signal });
  left.abort();
  return response.status;
}

/** Listen until the EventSource has given up for good; `cut` when so many events are there. */
function listen(path, { cutAt = Infinity } = {}) {
  return new Promise((resolve) => {
    const got = { events: [], errors: [] };
    const source = new EventSource(path);
    for (const type of ["message", "chunk", "done", "gap"])
      source.addEventListener(type, (event) => {
        got.events.push({ id: event.lastEventId, event: event.type, data: event.data });
        if (got.events.length === cutAt) window.cut();
      });
    // The protocol's own name for an error in the stream is the browser's for one of the connection.
    source.addEventListener("error", (event) => {
      got.errors.push({ state: source.readyState, data: event.data ?? null });
      if (source.readyState === EventSource.CLOSED) resolve(got);
    });
  });
}

/** Read a body piece by piece, as pages with a parser of their own do. */
async function pieces(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const found = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return found;
    found.push(value);
  }
}

/** Ask several things over one WebSocket; note who begins and who ends. */
function overWebSocket(model, names) {
  return new Promise((resolve, reject) => {
    const got = { order: [], texts: {}, protocol: null };
    const socket = new WebSocket(location.origin.replace("http", "ws") + "/v1/ws/stream", ["rxstream.v1"]);
    let left = names.length;
    socket.onopen = () => {
      got.protocol = socket.protocol;
      for (const id of names) {
        const data = { model, messages: [user(`a page's ${id}`)] };
        socket.send(JSON.stringify({ type: "complete", id, data }));
      }
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "chunk") {
        if (!(message.id in got.texts)) got.order.push(`begin ${message.id}`);
        got.texts[message.id] = (got.texts[message.id] ?? "") + (message.data.content ?? "");
      } else if (message.type === "done" || message.type === "error") {
        got.order.push(`${message.type} ${message.id}`);
        left -= 1;
        if (!left) socket.close(1000);
      }
    };
    socket.onclose = ({ code }) => resolve({ ...got, code });
    socket.onerror = () => reject(new Error("the WebSocket failed"));
  });
}

window.checks = {
  async comesBack() {
    const begun = await begin("slow", "a page comes back", "a-page-that-comes-back");
    return { begun, ...(await listen("/v1/stream/a-page-that-comes-back", { cutAt: 10 })) };
  },
  async waits() {
    const begun = await begin("waits", "a page waits", "a-page-that-waits");
    return { begun, ...(await listen("/v1/stream/a-page-that-waits")) };
  },
  async finished() {
    const response = await post({ model: "quick", messages: [user("a page comes late")], stream_id: "a-page-late" });
    const body = (await pieces(response)).join("");
    const last = body.match(/^id: ?(.*)$/gm).at(-1).replace(/^id: ?/, "");
    return listen(`/v1/stream/a-page-late?last_event_id=${last}`);
  },
  async reads() {
    const response = await post({ model: "quick", messages: [user("a page reads")] });
    return { pieces: await pieces(response), type: response.headers.get("content-type") };
  },
  async aborts() {
    const left = new AbortController();
    const body = { model: "rambles", messages: [user("a page aborts")], resumable: false };
    const response = await post(body, { signal: left.signal });
    const reader = response.body.getReader();
    await reader.read();
    left.abort();
    return reader.read().then(
      () => "more",
      (error) => error.name,
    );
  },
  several: () => overWebSocket("slow", ["a", "b"]),
  async sevenOfSix() {
    const order = [];
    const texts = await Promise.all(
      [...Array(7).keys()].map(async (number) => {
        const response = await post({ model: "slow", messages: [user(`a page's fetch ${number}`)] });
        order.push("begin");
        const text = (await pieces(response)).join("");
        order.push("end");
        return text;
      }),
    );
    return { order, whole: texts.every((text) => text.includes("event: done")) };
  },
  sevenOverOne: () => overWebSocket("slow", ["1", "2", "3", "4", "5", "6", "7"]),
};
