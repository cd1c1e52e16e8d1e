// Parsers of server-sent events: `eventsource-parser` over fetch, and the npm package `eventsource`.

import { EventSource } from "eventsource";
import { EventSourceParserStream } from "eventsource-parser/stream";

import { embedded, report, scripted, ticking, user } from "./checks.mjs";

const post = (url, body, query = "") =>
  fetch(`${url}/v1/stream/raw${query}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

/** Read events to the end of the body, or so many of them. */
async function read(response, leave = Infinity) {
  const got = { status: response.status, stream: response.headers.get("x-stream-id"), events: [], comments: 0, errors: [] };
  const parser = new EventSourceParserStream({
    onError: (error) => got.errors.push(error.message),
    onComment: () => (got.comments += 1),
    onRetry: () => {},
  });
  for await (const event of response.body.pipeThrough(new TextDecoderStream()).pipeThrough(parser)) {
    got.events.push(event);
    if (got.events.length === leave) break;
  }
  return got;
}

/** Read with an EventSource until the stream says that it is done. */
function listen(url, init) {
  return new Promise((resolve) => {
    const got = { events: [], errors: [] };
    const source = new EventSource(url, init);
    for (const type of ["message", "chunk", "done"])
      source.addEventListener(type, (event) => {
        got.events.push({ id: event.lastEventId, event: event.type, data: event.data });
        if (type === "done") {
          source.close();
          resolve(got);
        }
      });
    source.addEventListener("error", (event) => {
      got.errors.push({ code: event.code ?? null, message: event.message ?? null });
      if (source.readyState === EventSource.CLOSED) resolve(got);
    });
  });
}

await report({
  whole: async () => read(await post(ticking, { model: "waits", messages: [user("a parser waits")] })),
  "embedded whole": async () =>
    read(await post(embedded, { messages: [user("Name three rivers.")], max_tokens: 20 })),
  broken: async () => read(await post(scripted, { model: "breaks", messages: [user("a parser sees it break")] })),
  "left and resumed": async () => {
    const before = await read(await post(scripted, { model: "slow", messages: [user("a parser comes back")] }), 12);
    const last = before.events.at(-1).id;
    const again = await fetch(`${scripted}/v1/stream/${before.stream}`, { headers: { "last-event-id": last } });
    const after = await read(again);
    const end = after.events.at(-1).id;
    const late = await fetch(`${scripted}/v1/stream/${before.stream}?last_event_id=${end}`);
    return { before, after, late: { status: late.status, body: await late.text() } };
  },
  EventSource: async () => {
    const stream = "events-of-the-npm-package";
    const running = await post(ticking, { model: "waits", messages: [user("EventSource waits")], stream_id: stream });
    const listening = listen(`${ticking}/v1/stream/${stream}`);
    const read_ = await read(running);
    return { read: read_, ...(await listening) };
  },
  "EventSource of a finished stream": async () => {
    const done = await read(await post(scripted, { model: "quick", messages: [user("EventSource comes late")] }));
    const url = `${scripted}/v1/stream/${done.stream}?last_event_id=${done.events.at(-1).id}`;
    return listen(url);
  },
});
