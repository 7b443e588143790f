// Anthropic's own client against /v1/messages: every check prints its name; a failure ends with status 1.
// Usage: node anthropic.mjs BASE_URL API_KEY MODEL MODE, where MODE says what the model writes: plain, or a thought and a call.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";

const [baseURL, apiKey, model, mode] = process.argv.slice(2);
const client = new Anthropic({ baseURL, apiKey, maxRetries: 0, timeout: 60_000 });
const messages = [{ role: "user", content: "Hello there" }];
const tools = [{ name: "f", input_schema: { type: "object", properties: { x: { type: "integer" } } } }];

async function rejects(promise, status) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof Anthropic.APIError, `an API error, not ${error}`);
    assert.equal(error.status, status);
    return error;
  }
  assert.fail("the request was not refused");
}

const plain = {
  async "messages: whole"() {
    const answer = await client.messages.create({ model, max_tokens: 5, messages });
    assert.equal(answer.type, "message");
    assert.equal(answer.stop_reason, "max_tokens");
    assert.equal(answer.content[0].type, "text");
    assert.equal(answer.usage.output_tokens, 5);
    assert.ok(answer.usage.input_tokens > 0);
  },
  async "messages: a stream adds up to the whole"() {
    const whole = await client.messages.create({ model, max_tokens: 9, temperature: 0, messages });
    const streamed = await client.messages.stream({ model, max_tokens: 9, temperature: 0, messages }).finalMessage();
    assert.equal(streamed.content[0].text, whole.content[0].text);
    assert.equal(streamed.stop_reason, whole.stop_reason);
  },
  async "messages: a system text and blocks"() {
    const blocks = [{ role: "user", content: [{ type: "text", text: "Hi" }] }];
    const answer = await client.messages.create({ model, max_tokens: 3, system: [{ type: "text", text: "Be brief." }], messages: blocks });
    assert.equal(answer.usage.output_tokens, 3);
  },
  async "messages: tokens are counted"() {
    assert.ok((await client.messages.countTokens({ model, messages })).input_tokens > 0);
  },
  async "messages: an unknown model is 404"() {
    await rejects(client.messages.create({ model: "nope", max_tokens: 5, messages }), 404);
  },
  async "messages: a bad value is 400"() {
    const error = await rejects(client.messages.create({ model, max_tokens: 0, messages }), 400);
    assert.equal(error.error.type, "error");
  },
  async "messages: a wrong key is 401"() {
    const other = new Anthropic({ baseURL, apiKey: "wrong", maxRetries: 0 });
    await rejects(other.messages.create({ model, max_tokens: 5, messages }), 401);
  },
};

const calling = {
  async "messages: a thought, a text and a call"() {
    const answer = await client.messages.create({ model, max_tokens: 200, messages, tools });
    assert.deepEqual(answer.content.map((block) => block.type), ["thinking", "text", "tool_use"]);
    assert.deepEqual(answer.content[2].input, { x: 1 });
    assert.equal(answer.stop_reason, "tool_use");
  },
  async "messages: the same, streamed"() {
    const kinds = [];
    const stream = client.messages.stream({ model, max_tokens: 200, messages, tools });
    stream.on("streamEvent", (event) => kinds.push(event.type));
    const answer = await stream.finalMessage();
    assert.deepEqual(answer.content.map((block) => block.type), ["thinking", "text", "tool_use"]);
    assert.equal(answer.content[0].thinking, "Hm.");
    assert.deepEqual(answer.content[2].input, { x: 1 });
    assert.equal(kinds[0], "message_start");
    assert.equal(kinds.at(-1), "message_stop");
  },
  async "messages: a call's result goes back"() {
    const conversation = [
      ...messages,
      { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "f", input: { x: 1 } }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "2" }, { type: "text", text: "So?" }] },
    ];
    const answer = await client.messages.create({ model, max_tokens: 200, messages: conversation, tools });
    assert.equal(answer.role, "assistant");
  },
};

let failed = 0;
for (const [name, check] of Object.entries(mode === "calls" ? calling : plain)) {
  try {
    await check();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
}
process.exit(failed ? 1 : 0);
