// Drives the chat page in a headless browser: page.mjs URL CHROMIUM FOLDER. Prints a line per check, ends with 1 if one fails.
import { chromium } from 'playwright-core';

const [url, executablePath, folder] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 1180, height: 760 } });
const problems = [];
page.on('pageerror', error => problems.push(`script: ${error.message}`));
page.on('console', message => { if (message.type() === 'error') problems.push(`console: ${message.text()}`); });
page.on('request', request => { if (!request.url().startsWith(url) && !request.url().startsWith('data:')) problems.push(`foreign request ${request.url()}`); });

let failed = 0;
async function check(name, action) {
  try {
    const value = await action();
    if (value === false) throw new Error('false');
    console.log(`ok ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${error.message}`);
  }
}
const ask = async text => {
  const before = await page.locator('.message.assistant').count();
  await page.fill('#input', text);
  await page.press('#input', 'Enter');
  await page.locator('.message.assistant').nth(before).waitFor({ state: 'attached' });
  await page.locator('#send:enabled').waitFor({ timeout: 30000 });
};
const lastAnswer = () => page.locator('.message.assistant').last();

await page.goto(url);
await page.fill('#temperature', '0');
await page.fill('#max_tokens', '120');
await check('the model is listed', async () => (await page.locator('#model option').count()) >= 1);
await check('the engine state is shown', async () => {
  await page.waitForFunction(() => document.getElementById('running').textContent === '0');
});
await ask('Tell me a story about a fox.');
await check('an answer is streamed', async () => (await lastAnswer().locator('.text').last().innerText()).length > 20);
await check('tokens show their probabilities', async () => {
  await lastAnswer().locator('.token').nth(2).hover();
  await page.locator('#tip').waitFor({ state: 'visible' });
  return /> +\d+\.\d %/.test(await page.locator('#tip').innerText());
});
await page.screenshot({ path: `${folder}/page-answer.png` });
await page.fill('#input', 'two\nlines');
await check('two lines stay two', async () => (await page.inputValue('#input')).includes('\n'));
await ask('Thank you <b>very</b> much!');
await check('markup is text', async () => (await page.locator('.message b').count()) === 0);
await check('a turn adds a question and an answer', async () => (await page.locator('.message').count()) === 4);
await page.fill('#tools', '[{"type": ');
await page.fill('#input', 'broken tools');
await page.press('#input', 'Enter');
await check('tools that are no JSON are said to be', async () => (await page.locator('.error').last().innerText()).startsWith('Tools:'));
await page.fill('#tools', '');
await page.fill('#temperature', '9');
await ask('too hot');
await check('the server\'s error is shown', async () => (await page.locator('.error').last().innerText()).includes('temperature'));
await page.fill('#temperature', '0');
await page.click('#clear');
await check('a new chat is empty', async () => (await page.locator('.message').count()) === 0);
await page.click('#toggle');
await check('settings fold away', async () => page.locator('#settings').isHidden());

// What a model of the demo's size does not do by itself comes from a made-up stream.
await page.route('**/v1/chat/completions', route => {
  const chunk = (delta, finish_reason = null) => `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
  route.fulfill({
    contentType: 'text/event-stream',
    body: chunk({ reasoning: 'First I ' }) + chunk({ reasoning: 'think.' }) + chunk({ content: 'Calling.' })
      + chunk({ tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'get_weather', arguments: '' } }] })
      + chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city": "Oslo"}' } }] })
      + chunk({}, 'tool_calls') + 'data: [DONE]\n\n',
  });
});
await ask('Weather?');
await check('reasoning and calls are folded', async () => (await lastAnswer().locator('details:not([open])').count()) === 2);
await check('a call shows name and arguments', async () => {
  await lastAnswer().locator('summary').last().click();
  const text = await lastAnswer().locator('details').last().innerText();
  return text.includes('get_weather') && text.includes('{"city": "Oslo"}');
});
await page.screenshot({ path: `${folder}/page-call.png` });
await page.setViewportSize({ width: 420, height: 800 });
await page.screenshot({ path: `${folder}/page-narrow.png` });
await check('nothing overflows a narrow window', () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
await check('no errors and no foreign requests', () => {
  // A refused request is the browser's own line, and was provoked.
  const left = problems.filter(text => !/status of 400/.test(text));
  if (left.length) throw new Error(left.join('; '));
});
await browser.close();
process.exit(failed ? 1 : 0);
