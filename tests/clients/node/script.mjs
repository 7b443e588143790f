// A broad script against an OpenAI-compatible server: every check prints its name; a failure ends with status 1.
// Usage: node script.mjs BASE_URL API_KEY MODEL
import assert from "node:assert/strict";
import OpenAI from "openai";

const [baseURL, apiKey, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 60_000 });
const messages = [{ role: "user", content: "Hello there" }];

async function rejects(promise, status, type) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof OpenAI.APIError, `an API error, not ${error}`);
    assert.equal(error.status, status);
    if (type) assert.equal(error.type, type);
    return error;
  }
  assert.fail("the request was not refused");
}

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const checks = {
  async "models: list"() {
    const ids = [];
    for await (const one of client.models.list()) ids.push(one.id);
    assert.ok(ids.includes(model));
  },
  async "models: retrieve"() {
    assert.equal((await client.models.retrieve(model)).id, model);
  },
  async "models: unknown is 404"() {
    await rejects(client.models.retrieve("nope"), 404, "NotFoundError");
  },
  async "completions: whole"() {
    const answer = await client.completions.create({ model, prompt: "Once", max_tokens: 5, temperature: 0 });
    assert.equal(answer.object, "text_completion");
    assert.equal(answer.usage.completion_tokens, 5);
    assert.equal(answer.choices[0].finish_reason, "length");
    assert.ok(answer.id.startsWith("cmpl-"));
  },
  async "completions: stream adds up to the whole"() {
    const request = { model, prompt: "Once", max_tokens: 8, temperature: 0 };
    const whole = await client.completions.create(request);
    const chunks = await collect(await client.completions.create({ ...request, stream: true }));
    assert.equal(chunks.map((c) => c.choices[0]?.text ?? "").join(""), whole.choices[0].text);
  },
  async "completions: several prompts"() {
    const answer = await client.completions.create({ model, prompt: ["One", "Two"], max_tokens: 2 });
    assert.deepEqual(answer.choices.map((c) => c.index), [0, 1]);
  },
  async "completions: token ids as prompt"() {
    const answer = await client.completions.create({ model, prompt: [5, 6, 7], max_tokens: 2 });
    assert.equal(answer.usage.prompt_tokens, 3);
  },
  async "completions: echo"() {
    const answer = await client.completions.create({ model, prompt: "Once", max_tokens: 1, echo: true });
    assert.ok(answer.choices[0].text.startsWith("Once"));
  },
  async "completions: logprobs"() {
    const answer = await client.completions.create({ model, prompt: "Once", max_tokens: 3, logprobs: 2, temperature: 0 });
    const logprobs = answer.choices[0].logprobs;
    assert.equal(logprobs.tokens.length, 3);
    assert.ok(logprobs.token_logprobs.every((value) => value <= 0));
  },
  async "completions: n"() {
    const answer = await client.completions.create({ model, prompt: "Once", max_tokens: 2, n: 3, temperature: 1 });
    assert.deepEqual(answer.choices.map((c) => c.index).sort(), [0, 1, 2]);
  },
  async "completions: seed repeats"() {
    const request = { model, prompt: "Once", max_tokens: 8, seed: 7, temperature: 1 };
    const [first, second] = [await client.completions.create(request), await client.completions.create(request)];
    assert.equal(first.choices[0].text, second.choices[0].text);
  },
  async "completions: stop"() {
    const request = { model, prompt: "Once", max_tokens: 40, temperature: 0 };
    const whole = (await client.completions.create(request)).choices[0].text;
    const stop = whole.slice(10, 13);
    const cut = await client.completions.create({ ...request, stop });
    assert.equal(cut.choices[0].text, whole.slice(0, whole.indexOf(stop)));
    assert.equal(cut.choices[0].finish_reason, "stop");
  },
  async "chat: whole"() {
    const answer = await client.chat.completions.create({ model, messages, max_completion_tokens: 5 });
    assert.equal(answer.object, "chat.completion");
    assert.equal(answer.choices[0].message.role, "assistant");
    assert.equal(typeof answer.choices[0].message.content, "string");
    assert.ok(answer.usage.completion_tokens <= 5);
  },
  async "chat: stream with usage"() {
    const chunks = await collect(
      await client.chat.completions.create({
        model, messages, max_tokens: 6, temperature: 0, stream: true, stream_options: { include_usage: true },
      }),
    );
    assert.equal(chunks[0].choices[0].delta.role, "assistant");
    assert.equal(chunks.at(-1).choices.length, 0);
    assert.ok(chunks.at(-1).usage.total_tokens > 0);
    assert.equal(chunks.filter((c) => c.choices[0]?.finish_reason).length, 1);
  },
  async "chat: the client's stream helper"() {
    const runner = client.chat.completions.stream({ model, messages, max_tokens: 6, temperature: 0 });
    let text = "";
    runner.on("content", (delta) => (text += delta));
    const final = await runner.finalChatCompletion();
    assert.equal(text, final.choices[0].message.content);
  },
  async "chat: parts as content"() {
    const answer = await client.chat.completions.create({
      model, max_tokens: 2, messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }],
    });
    assert.equal(answer.choices.length, 1);
  },
  async "chat: system and history"() {
    const answer = await client.chat.completions.create({
      model, max_tokens: 2,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Hi" },
        { role: "assistant", content: "Hello" },
        { role: "user", content: "Bye" },
      ],
    });
    assert.equal(answer.choices.length, 1);
  },
  async "chat: logprobs"() {
    const answer = await client.chat.completions.create({
      model, messages, max_tokens: 3, logprobs: true, top_logprobs: 2, temperature: 0,
    });
    for (const token of answer.choices[0].logprobs.content) {
      assert.equal(token.top_logprobs.length, 2);
      assert.deepEqual(token.bytes, [...Buffer.from(token.token)]);
    }
  },
  async "chat: n"() {
    const answer = await client.chat.completions.create({ model, messages, max_tokens: 2, n: 2, temperature: 1 });
    assert.equal(answer.choices.length, 2);
  },
  async "chat: abort by the client"() {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    for await (const chunk of stream) {
      assert.ok(chunk.id);
      stream.controller.abort();
      break;
    }
  },
  async "responses: whole"() {
    const response = await client.responses.create({ model, input: "Hello there", max_output_tokens: 5 });
    assert.equal(response.status, "incomplete");
    assert.equal(response.incomplete_details.reason, "max_output_tokens");
    assert.equal(response.usage.output_tokens, 5);
    assert.ok(response.output_text.length > 0);
  },
  async "responses: a stream adds up to the whole"() {
    const request = { model, input: [{ role: "user", content: "Hello there" }], max_output_tokens: 9, temperature: 0 };
    const whole = await client.responses.create(request);
    const stream = client.responses.stream(request);
    let text = "";
    stream.on("response.output_text.delta", (event) => { text += event.delta; });
    const last = await stream.finalResponse();
    assert.equal(text, whole.output_text);
    assert.equal(last.output_text, whole.output_text);
  },
  async "responses: earlier items, instructions and tools are taken"() {
    const response = await client.responses.create({
      model, max_output_tokens: 3, instructions: "Be brief.",
      tools: [{ type: "function", name: "f", parameters: { type: "object", properties: {} }, strict: false }],
      input: [
        { role: "user", content: [{ type: "input_text", text: "Hi" }] },
        { type: "function_call", call_id: "call_1", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "call_1", output: "2" },
      ],
    });
    assert.equal(response.object, "response");
  },
  async "responses: a state that is not kept is 400"() {
    await rejects(client.responses.create({ model, input: "x", previous_response_id: "resp_1" }), 400);
  },
  async "errors: bad value"() {
    const error = await rejects(
      client.chat.completions.create({ model, messages, temperature: 9 }), 400, "BadRequestError");
    assert.equal(error.param, "temperature");
  },
  async "errors: unknown model"() {
    await rejects(client.chat.completions.create({ model: "nope", messages }), 404, "NotFoundError");
  },
  async "errors: wrong key"() {
    const stranger = new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 });
    await rejects(stranger.models.retrieve(model), 401);
  },
  async "errors: bad request in a stream"() {
    await rejects(client.chat.completions.create({ model, messages: [], stream: true }), 400);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${error.stack ?? error}`);
  }
}
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
