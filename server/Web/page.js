// The chat page: plain DOM, text only ever set as text, everything from this server.
const $ = id => document.getElementById(id);
const messages = []; // what the next request sends
let running = null; // AbortController of the request under way

const headers = () => {
  const key = $('key').value.trim();
  return { 'Content-Type': 'application/json', ...(key && { Authorization: `Bearer ${key}` }) };
};

function element(parent, tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

function addMessage(role, text) {
  $('empty')?.remove();
  const node = element($('messages'), 'div', `message ${role}`);
  if (text !== undefined) element(node, 'div', 'text', text);
  return node;
}

function keepEndInSight(change) {
  const log = $('messages');
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  change();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

// One answer as it grows: reasoning and tool calls folded, text token by token.
class Answer {
  constructor() {
    this.node = addMessage('assistant');
    this.content = '';
    this.reasoning = '';
    this.calls = [];
    this.started = performance.now();
    this.count = 0;
  }

  fold(title) {
    const details = element(this.node, 'details');
    element(details, 'summary', '', title);
    return details;
  }

  add(choice) {
    const delta = choice.delta ?? {};
    const thought = delta.reasoning ?? delta.reasoning_content;
    if (thought) this.addReasoning(thought);
    for (const call of delta.tool_calls ?? []) this.addCall(call);
    if (delta.content) this.addText(delta.content, choice.logprobs?.content);
    if (choice.finish_reason) this.finish = choice.finish_reason;
    this.first ??= thought || delta.content || delta.tool_calls ? performance.now() : undefined;
  }

  addReasoning(text) {
    this.thoughts ??= element(this.fold('Reasoning'), 'div', 'text', '');
    this.reasoning += text;
    this.thoughts.textContent = this.reasoning;
  }

  addCall(delta) {
    let call = this.calls[delta.index];
    if (!call) {
      call = this.calls[delta.index] = { id: delta.id, type: 'function', function: { name: '', arguments: '' } };
      call.fold = this.fold('Tool call');
      call.node = element(call.fold, 'pre');
    }
    call.function.name += delta.function?.name ?? '';
    call.function.arguments += delta.function?.arguments ?? '';
    call.fold.querySelector('summary').textContent = `Tool call: ${call.function.name}`;
    call.node.textContent = call.function.arguments;
  }

  addText(text, tokens) {
    this.text ??= element(this.node, 'div', 'text');
    this.content += text;
    const joined = tokens?.map(t => t.token).join('');
    if (!tokens?.length || joined !== text) {
      this.text.append(text);
      return;
    }
    for (const token of tokens) {
      const span = element(this.text, 'span', 'token', token.token);
      span.alternatives = token.top_logprobs?.length ? token.top_logprobs : [token];
      span.chosen = token;
    }
  }

  end(usage) {
    const seconds = (performance.now() - (this.first ?? this.started)) / 1000;
    const parts = [];
    if (this.finish) parts.push(this.finish);
    if (usage) parts.push(`${usage.prompt_tokens} + ${usage.completion_tokens} tokens`);
    if (usage && seconds > 0) parts.push(`${(usage.completion_tokens / seconds).toFixed(1)} tokens/s`);
    if (this.first) parts.push(`first after ${Math.round(this.first - this.started)} ms`);
    if (parts.length) element(this.node, 'div', 'about', parts.join(' · '));
    const calls = this.calls.filter(Boolean).map(({ id, type, function: f }) => ({ id, type, function: f }));
    return { role: 'assistant', content: this.content || null, ...(calls.length && { tool_calls: calls }) };
  }
}

function numberOf(id) {
  const value = $(id).value.trim();
  return value === '' ? undefined : Number(value);
}

function requestBody() {
  const system = $('system').value.trim();
  const tools = $('tools').value.trim();
  const body = {
    model: $('model').value || undefined,
    messages: system ? [{ role: 'system', content: system }, ...messages] : messages,
    stream: true,
    stream_options: { include_usage: true },
  };
  for (const id of ['temperature', 'top_p', 'min_p', 'repetition_penalty', 'seed', 'max_tokens']) body[id] = numberOf(id);
  if (numberOf('top_k') > 0) body.top_k = numberOf('top_k');
  if ($('logprobs').checked) Object.assign(body, { logprobs: true, top_logprobs: 5 });
  if (tools) body.tools = JSON.parse(tools);
  return body;
}

// Server-sent events: blocks apart by an empty line, of which only data lines matter here.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split(/\r?\n/).filter(l => l.startsWith('data:')).map(l => l.slice(5).trimStart()).join('\n');
      if (data === '[DONE]') return;
      if (data) yield JSON.parse(data);
    }
  }
}

async function failure(response) {
  try {
    return (await response.json()).error?.message ?? response.statusText;
  } catch {
    return `${response.status} ${response.statusText}`;
  }
}

async function send() {
  const text = $('input').value.trim();
  if (!text || running) return;
  let body;
  messages.push({ role: 'user', content: text });
  try {
    body = JSON.stringify(requestBody());
  } catch (error) {
    messages.pop();
    element(addMessage('assistant'), 'div', 'error', `Tools: ${error.message}`);
    return;
  }
  $('input').value = '';
  keepEndInSight(() => addMessage('user', text));
  setBusy(true);
  const answer = new Answer();
  let usage = null;
  try {
    const response = await fetch('v1/chat/completions', { method: 'POST', headers: headers(), body, signal: running.signal });
    if (!response.ok) throw new Error(await failure(response));
    for await (const event of events(response)) {
      if (event.error) throw new Error(event.error.message);
      usage = event.usage ?? usage;
      keepEndInSight(() => event.choices?.forEach(choice => answer.add(choice)));
    }
  } catch (error) {
    if (error.name === 'AbortError') answer.finish = 'stopped';
    else element(answer.node, 'div', 'error', error.message);
  }
  keepEndInSight(() => {
    const message = answer.end(usage);
    // An answer of nothing would only confuse the next turn, and so would its question.
    if (message.content || message.tool_calls) messages.push(message);
    else messages.pop();
  });
  setBusy(false);
}

function setBusy(busy) {
  running = busy ? new AbortController() : null;
  $('send').disabled = busy;
  $('stop').hidden = !busy;
  if (!busy) $('input').focus();
}

async function loadModels() {
  const response = await fetch('v1/models', { headers: headers() });
  if (!response.ok) return;
  const selected = $('model').value;
  $('model').replaceChildren(...(await response.json()).data.map(m => new Option(m.id, m.id)));
  if (selected) $('model').value = selected;
}

// Gauges of the Prometheus text, summed over labels.
function gauges(text) {
  const sums = {};
  for (const line of text.split('\n')) {
    const match = /^vllm:(\w+)(?:\{.*\})? ([-+.\deEinfNa]+)/.exec(line);
    if (match) sums[match[1]] = (sums[match[1]] ?? 0) + Number(match[2]);
  }
  return sums;
}

let last = null;
async function showState() {
  if (document.hidden) return;
  try {
    const response = await fetch('metrics', { headers: headers() });
    if (!response.ok) return;
    const now = { at: performance.now(), ...gauges(await response.text()) };
    $('running').textContent = now.num_requests_running ?? '–';
    $('waiting').textContent = now.num_requests_waiting ?? '–';
    $('cache').textContent = `${Math.round(100 * (now.kv_cache_usage_perc ?? 0))} %`;
    if (last) {
      const rate = (now.generation_tokens_total - last.generation_tokens_total) / ((now.at - last.at) / 1000);
      $('rate').textContent = Math.max(0, rate).toFixed(0);
    }
    last = now;
  } catch {
    for (const id of ['running', 'waiting', 'cache', 'rate']) $(id).textContent = '–';
  }
}

function showTip(event) {
  const span = event.target.closest?.('.token');
  $('tip').hidden = !span;
  if (!span) return;
  const percent = logprob => `${(100 * Math.exp(logprob)).toFixed(1).padStart(5)} %`;
  const chosen = span.chosen.token;
  const lines = span.alternatives.map(t => `${t.token === chosen ? '>' : ' '} ${percent(t.logprob)}  ${JSON.stringify(t.token)}`);
  if (!span.alternatives.some(t => t.token === chosen)) lines.push(`> ${percent(span.chosen.logprob)}  ${JSON.stringify(chosen)}`);
  $('tip').textContent = lines.join('\n');
  const box = span.getBoundingClientRect();
  $('tip').style.left = `${Math.max(4, Math.min(box.left, innerWidth - $('tip').offsetWidth - 8))}px`;
  $('tip').style.top = `${box.top - $('tip').offsetHeight - 6 > 0 ? box.top - $('tip').offsetHeight - 6 : box.bottom + 6}px`;
}

$('composer').addEventListener('submit', event => {
  event.preventDefault();
  send();
});
$('input').addEventListener('keydown', event => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
$('stop').addEventListener('click', () => running?.abort());
$('clear').addEventListener('click', () => {
  running?.abort();
  messages.length = 0;
  $('messages').replaceChildren();
});
$('toggle').addEventListener('click', () => {
  $('settings').hidden = !$('settings').hidden;
  $('toggle').setAttribute('aria-expanded', String(!$('settings').hidden));
});
$('key').addEventListener('change', loadModels);
$('messages').addEventListener('mouseover', showTip);
$('messages').addEventListener('scroll', () => { $('tip').hidden = true; });
loadModels();
showState();
setInterval(showState, 1000);
