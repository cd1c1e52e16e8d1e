// openai-node against /v1/chat/completions.

import OpenAI from "openai";

import { WEATHER, embedded, report, scripted, ticking, told, user } from "./checks.mjs";

const client = (url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
const small = client(embedded);
const wise = client(scripted);
const restless = client(ticking);

/** Read a stream of chunks to its end, or to its error. */
async function read(stream, { leave = Infinity, abort = Infinity } = {}) {
  const got = { text: "", chunks: 0, finish_reason: null, usage: null, error: null };
  try {
    for await (const chunk of stream) {
      got.chunks += 1;
      got.text += chunk.choices[0]?.delta?.content ?? "";
      got.finish_reason ??= chunk.choices[0]?.finish_reason ?? null;
      got.usage ??= chunk.usage ?? null;
      if (got.chunks === leave) break;
      if (got.chunks === abort) stream.controller.abort();
    }
  } catch (error) {
    got.error = told(error);
  }
  return got;
}

const ask = (on, model, text, options = {}) =>
  on.chat.completions.create({ model, messages: [user(text)], stream: true, ...options });

await report({
  "embedded stream": async () => {
    const options = { max_tokens: 40, temperature: 0, stream_options: { include_usage: true } };
    return read(await ask(small, "smollm2-135m", "Name three rivers.", options));
  },
  "embedded tool call": async () => {
    const runner = small.chat.completions.stream({
      model: "smollm2-135m",
      messages: [user("What is the weather in Paris for 3 days?"), { role: "assistant", content: "<tool_call>\n" }],
      tools: [WEATHER],
      tool_choice: "required",
      max_tokens: 200,
      temperature: 0,
      seed: 7,
    });
    const pieces = [];
    runner.on("tool_calls.function.arguments.delta", (delta) => pieces.push(delta.arguments_delta));
    const { choices } = await runner.finalChatCompletion();
    return { pieces, calls: choices[0].message.tool_calls, finish_reason: choices[0].finish_reason };
  },
  "embedded whole": async () => {
    const messages = [user("Name a river.")];
    return small.chat.completions.create({ model: "smollm2-135m", messages, max_tokens: 10 });
  },
  stream: async () => read(await ask(wise, "quick", "openai-node streams")),
  "tool calls": async () => {
    const runner = wise.chat.completions.stream({
      model: "calls",
      messages: [user("openai-node calls")],
      tools: [WEATHER],
    });
    const { choices } = await runner.finalChatCompletion();
    return { calls: choices[0].message.tool_calls, finish_reason: choices[0].finish_reason };
  },
  left: async () => read(await ask(wise, "rambles", "openai-node leaves"), { leave: 5 }),
  aborted: async () => read(await ask(wise, "rambles", "openai-node aborts"), { abort: 5 }),
  refused: async () => {
    try {
      await ask(wise, "refuses", "openai-node is refused");
    } catch (error) {
      return told(error);
    }
  },
  broken: async () => read(await ask(wise, "breaks", "openai-node sees it break")),
  mended: async () => read(await ask(wise, "cut once", "openai-node sees nothing")),
  waiting: async () => read(await ask(restless, "waits", "openai-node waits")),
  "with ids": async () => {
    const headers = { "X-Rxstream-Resumable": "true" };
    const stream = restless.chat.completions.create(
      { model: "waits", messages: [user("openai-node waits, with ids")], stream: true },
      { headers },
    );
    return read(await stream);
  },
  models: async () => (await wise.models.list()).data.map((model) => model.id),
});
