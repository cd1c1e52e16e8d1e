// The npm package `ai`: the core of its useChat hook, its reader of UI message streams, its own provider.

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  AbstractChat,
  DefaultChatTransport,
  parseJsonEventStream,
  readUIMessageStream,
  streamText,
  uiMessageChunkSchema,
} from "ai";

import { embedded, report, scripted, sleep, ticking, told } from "./checks.mjs";

/** What a framework's hook holds: here nothing is rendered. It notes every status that it is told. */
class State {
  messages = [];
  error = undefined;
  statuses = ["ready"];
  get status() {
    return this.statuses.at(-1);
  }
  set status(status) {
    this.statuses.push(status);
  }
  pushMessage = (message) => this.messages.push(message);
  popMessage = () => this.messages.pop();
  replaceMessage = (index, message) => (this.messages[index] = message);
  snapshot = structuredClone;
}

class Chat extends AbstractChat {
  constructor(url, id, body) {
    const state = new State();
    const transport = new DefaultChatTransport({ api: `${url}/v1/chat`, body });
    super({ id, state, transport, onFinish: (finish) => (this.finish = finish) });
  }
  get told() {
    const last = this.messages.at(-1);
    return {
      statuses: this.state.statuses,
      text: text(last),
      parts: last?.parts.map((part) => part.type),
      role: last?.role,
      messages: this.messages.length,
      error: this.error?.message ?? null,
      aborted: this.finish?.isAbort ?? null,
    };
  }
  /** Wait until the answer has some words. */
  async begun(words) {
    const last = () => this.messages.at(-1);
    while (last()?.role !== "assistant" || text(last()).split(" ").length < words) {
      if (this.status === "error") throw this.error;
      await sleep(5);
    }
  }
}

const text = (message) =>
  (message?.parts ?? [])
    .filter((part) => part.type === "text")
    .map((part) => part.text)
    .join("");

const chunksOf = (body) =>
  parseJsonEventStream({ stream: body, schema: uiMessageChunkSchema }).pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        if (!chunk.success) throw chunk.error;
        controller.enqueue(chunk.value);
      },
    }),
  );

/** Read one of our streams with the reader that the package gives to those who use no hook. */
async function read(url, path, body) {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const errors = [];
  let last;
  let snapshots = 0;
  const stream = chunksOf(response.body);
  for await (const message of readUIMessageStream({ stream, onError: (error) => errors.push(error.message) })) {
    last = message;
    snapshots += 1;
  }
  return {
    header: response.headers.get("x-vercel-ai-ui-message-stream"),
    type: response.headers.get("content-type"),
    text: text(last),
    parts: last?.parts,
    snapshots,
    errors,
  };
}

const messages = (content) => [{ role: "user", content }];
const provider = createOpenAICompatible({ name: "rxstream", baseURL: `${scripted}/v1`, includeUsage: true });

async function generate(model, prompt) {
  const errors = [];
  const result = streamText({
    model: provider(model),
    prompt,
    maxRetries: 0,
    onError: ({ error }) => errors.push(told(error)),
  });
  let written = "";
  for await (const piece of result.textStream) written += piece;
  const settled = await Promise.allSettled([result.finishReason, result.usage]);
  const [finish, usage] = settled.map((one) => one.value ?? null);
  return { text: written, finish, usage, errors };
}

await report({
  send: async () => {
    const chat = new Chat(scripted, "chat-send", { model: "quick" });
    await chat.sendMessage({ text: "useChat sends" });
    return chat.told;
  },
  "send to the embedded model": async () => {
    const chat = new Chat(embedded, "chat-embedded", { max_tokens: 30 });
    await chat.sendMessage({ text: "Name three rivers." });
    const first = chat.told;
    await chat.sendMessage({ text: "And three seas." });
    return { first, second: chat.told };
  },
  thoughts: async () => {
    const chat = new Chat(scripted, "chat-thinks", { model: "thinks" });
    await chat.sendMessage({ text: "useChat thinks" });
    return { ...chat.told, reasoning: chat.messages.at(-1).parts.find((part) => part.type === "reasoning") };
  },
  "silent for a while": async () => {
    const chat = new Chat(ticking, "chat-waits", { model: "waits" });
    await chat.sendMessage({ text: "useChat waits" });
    return chat.told;
  },
  stop: async () => {
    const chat = new Chat(scripted, "chat-stop", { model: "rambles" });
    const sending = chat.sendMessage({ text: "useChat stops" });
    await chat.begun(5);
    await chat.stop();
    await sending;
    // To leave is not to stop; this is to stop.
    const { status } = await fetch(`${scripted}/v1/chat/chat-stop`, { method: "DELETE" });
    const again = new Chat(scripted, "chat-stop", {});
    await again.resumeStream();
    return { ...chat.told, status, after: again.told };
  },
  reconnect: async () => {
    const chat = new Chat(scripted, "chat-reconnect", { model: "slow" });
    const sending = chat.sendMessage({ text: "useChat comes back" });
    await chat.begun(10);
    await chat.stop();
    await sending;
    const left = chat.told;
    // As the page does when it has been loaded again.
    const again = new Chat(scripted, "chat-reconnect", {});
    const resuming = again.resumeStream();
    await again.begun(1);
    const soon = again.told;
    await resuming;
    const late = new Chat(scripted, "chat-reconnect", {});
    await late.resumeStream();
    return { left, soon, resumed: again.told, late: late.told };
  },
  "reconnect to nothing": async () => {
    const chat = new Chat(scripted, "chat-nobody-knows", {});
    await chat.resumeStream();
    return chat.told;
  },
  broken: async () => {
    const chat = new Chat(scripted, "chat-breaks", { model: "breaks" });
    await chat.sendMessage({ text: "useChat sees it break" });
    return chat.told;
  },
  refused: async () => {
    const chat = new Chat(scripted, "chat-refused", { model: "refuses" });
    await chat.sendMessage({ text: "useChat is refused" });
    return chat.told;
  },
  mended: async () => {
    const chat = new Chat(scripted, "chat-mended", { model: "cut once" });
    await chat.sendMessage({ text: "useChat sees nothing" });
    return chat.told;
  },
  "read a message": () =>
    read(scripted, "/v1/stream/raw?dialect=ui-message", { model: "quick", messages: messages("read a message") }),
  "read tool calls": () =>
    read(scripted, "/v1/stream/raw?dialect=ui-message", { model: "calls", messages: messages("read calls") }),
  "read a broken message": () =>
    read(scripted, "/v1/stream/raw?dialect=ui-message", { model: "breaks", messages: messages("read what breaks") }),
  generate: () => generate("quick", "streamText"),
  "generate what breaks": () => generate("breaks", "streamText sees it break"),
  "generate what is refused": () => generate("refuses", "streamText is refused"),
});
