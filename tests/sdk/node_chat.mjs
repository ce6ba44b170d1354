// The official Node SDK against Tollward: a scripted upstream, or the embedded
// model when TOLLWARD_MODEL names it.
import assert from "node:assert/strict";
import OpenAI, { APIError, AuthenticationError, BadRequestError, InternalServerError, NotFoundError, RateLimitError } from "openai";

const text = "Rivers carry water, silt and 배.";
const embedded = process.env.TOLLWARD_MODEL;
const baseURL = process.env.TOLLWARD_BASE_URL;
const apiKey = process.env.TOLLWARD_KEY ?? "none";
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 120_000 });
const messages = [{ role: "user", content: "What do rivers do?" }];
const ask = (model, more = {}) => client.chat.completions.create({ model, messages, ...more });

async function collect(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

const said = (parts) => parts.map((part) => part.choices[0]?.delta.content ?? "").join("");

// Resolves to the exception of exactly this class.
async function raises(kind, promise) {
  const error = await promise.then(() => assert.fail(`no ${kind.name}`), (error) => error);
  assert.equal(error.constructor.name, kind.name, String(error));
  return error;
}

const scripted = {
  "a chat is answered": async () => {
    const answer = await ask("chat");
    assert.equal(answer.choices[0].message.content, text);
    assert.equal(answer.usage.total_tokens, 15);
  },
  "the response says who answered": async () => {
    const { response } = await client.chat.completions.create({ model: "chat", messages }).withResponse();
    assert.equal(response.headers.get("x-tollward-deployment"), "scripted/plain");
  },
  "a stream is relayed without the usage nobody asked for": async () => {
    const parts = await collect(await ask("chat", { stream: true }));
    assert.equal(said(parts), text);
    assert.ok(parts.every((part) => part.choices.length === 1 && !part.usage));
  },
  "a stream ends with usage when asked for": async () => {
    const parts = await collect(await ask("chat", { stream: true, stream_options: { include_usage: true } }));
    assert.equal(parts.at(-1).usage.total_tokens, 15);
  },
  "embeddings are relayed": async () => {
    const answer = await client.embeddings.create({ model: "embed", input: ["a", "b"], encoding_format: "float" });
    assert.deepEqual(answer.data.map((row) => row.embedding), [[0.5, -0.25], [0.5, -0.25]]);
  },
  "the models are listed": async () => {
    const names = (await client.models.list()).data.map((model) => model.id);
    assert.ok(names.includes("chat") && names.includes("embed"), names.join());
  },
  "a wrong key is an authentication error": async () => {
    const stranger = new OpenAI({ baseURL, apiKey: "tw-wrong", maxRetries: 0 });
    await raises(AuthenticationError, stranger.chat.completions.create({ model: "chat", messages }));
  },
  "an unknown model is not found": async () => {
    const error = await raises(NotFoundError, ask("nobody"));
    assert.equal(error.code, "model_not_found");
  },
  "a request without messages is a bad request": async () => {
    await raises(BadRequestError, client.chat.completions.create({ model: "chat", messages: [] }));
  },
  "a provider's rate limit is a rate limit error": () => raises(RateLimitError, ask("limited")),
  "a provider's failure is a server error": () => raises(InternalServerError, ask("failing")),
  "a stream that is cut raises": async () => {
    const stream = await ask("cut", { stream: true });
    const error = await raises(APIError, collect(stream));
    assert.equal(error.code, "upstream_truncated");
  },
};

const local = {
  "a chat is answered by the embedded model": async () => {
    const answer = await ask(embedded, { max_tokens: 8 });
    assert.ok(answer.choices[0].message.content.trim());
    assert.ok(answer.usage.completion_tokens <= 8);
  },
  "a stream says the same as the whole answer": async () => {
    const greedy = { max_tokens: 12, temperature: 0 };
    const parts = await collect(await ask(embedded, { ...greedy, stream: true }));
    assert.equal(said(parts), (await ask(embedded, greedy)).choices[0].message.content);
  },
};

let passed = 0;
let failed = 0;
for (const [name, check] of Object.entries(embedded ? local : scripted)) {
  try {
    await check();
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}`);
    console.log(error);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
