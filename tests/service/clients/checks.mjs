// What all scripts do: run their checks, and print one JSON object of what each of them got.

export const [embedded, scripted, ticking] = process.argv.slice(2);

/** Run all checks at once, as the independent clients that they are. */
export async function report(checks) {
  const found = {};
  await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        found[name] = await check();
      } catch (error) {
        found[name] = { failed: error?.stack ?? String(error) };
      }
    }),
  );
  console.log(JSON.stringify(found));
}

export const user = (text) => ({ role: "user", content: text });

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What an error is, as far as a program looks at it. */
export const told = (error) => ({
  class: error.constructor.name,
  status: error.status ?? null,
  code: error.code ?? null,
  type: error.type ?? null,
  message: error.message,
});

export const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Get the weather in a city",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
      required: ["city", "days"],
    },
  },
};
