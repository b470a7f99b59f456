// Looks at pages as people do: in light and in dark, on a phone, by keyboard, and with scripts switched off. The task is
// JSON on standard input; what was found wrong is a list of sentences, as JSON on the last line of standard output.

import { chromium } from 'playwright-core';

const task = JSON.parse(await new Response(process.stdin).text());
const wrong = [];
const looks = [
  { name: 'light', viewport: { width: 1100, height: 800 }, colorScheme: 'light' },
  { name: 'dark', viewport: { width: 1100, height: 800 }, colorScheme: 'dark' },
  { name: 'phone', viewport: { width: 390, height: 844 }, colorScheme: 'light', deviceScaleFactor: 2 },
];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-proxy-server'],
});
try {
  for (const page of task.pages) {
    for (const look of looks) await seen(page, look);
    await onTheSmallestPhone(page);
    await withoutScripts(page);
  }
  await copying(task.pages[0]);
} finally {
  await browser.close();
}
console.log(JSON.stringify({ wrong }));
process.exit(0);

/** Opens the page, hands it on, and tells of everything that the browser complained about or asked somebody else for. */
async function open({ name, url }, options, look) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(120_000);
  const tab = await context.newPage();
  const say = (what) => wrong.push(`${name}, ${look}: ${what}`);
  tab.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) say(`the console says ${message.text()}`);
  });
  tab.on('pageerror', (error) => say(`a script fails: ${error.message}`));
  tab.on('request', (request) => {
    const asked = request.url();
    if (asked !== url && !asked.startsWith('data:')) say(`it asks for ${asked}`);
  });
  const answer = await tab.goto(url);
  if (answer.status() !== 200) say(`it is answered with ${answer.status()}`);
  return { context, tab, say };
}

async function seen(page, { name: look, ...options }) {
  const { context, tab, say } = await open(page, { ...options, reducedMotion: 'reduce' }, look);
  const found = await tab.evaluate(() => ({
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    headings: [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map((h) => Number(h.tagName[1])),
    landmarks: ['header', 'main', 'footer'].filter((name) => !document.querySelector(name)),
    twice: [...document.querySelectorAll('[id]')].map((e) => e.id).filter((id, at, all) => all.indexOf(id) !== at),
    nameless: [...document.querySelectorAll('a, button')].filter((e) => !(e.getAttribute('aria-label') ?? e.textContent).trim()).length,
  }));
  if (found.wide > 0) say(`it scrolls sideways by ${found.wide} px`);
  if (found.headings.filter((level) => level === 1).length !== 1) say('it has not one heading of the first level');
  found.headings.forEach((level, at) => {
    if (level > (found.headings[at - 1] ?? 0) + 1) say(`heading ${at + 1} skips a level: ${found.headings}`);
  });
  if (found.landmarks.length) say(`it has no ${found.landmarks}`);
  if (found.twice.length) say(`ids are there twice: ${found.twice}`);
  if (found.nameless) say(`${found.nameless} controls have no name`);
  if (look === 'light') await byKeyboard(tab, say);
  await tab.evaluate(() => { document.activeElement?.blur(); window.scrollTo(0, 0); });
  const whole = await tab.evaluate(() => document.documentElement.scrollHeight);
  for (const { folder, tallest, only } of task.screenshots) {
    if (only && !only.includes(`${page.name}-${look}`)) continue;
    const height = Math.min(whole, tallest ?? whole);
    const clip = { x: 0, y: 0, width: options.viewport.width, height };
    await tab.screenshot({ path: `${folder}/${page.name}-${look}.png`, fullPage: true, clip });
  }
  await context.close();
}

/** Every control is reached by Tab, and is seen to be. */
async function byKeyboard(tab, say) {
  const controls = await tab.evaluate(() => {
    const all = [...document.querySelectorAll('a[href], button:not([hidden]), summary')];
    all.forEach((control, at) => { control.dataset.control = at; });
    return all.length;
  });
  const reached = new Set();
  for (let presses = 0; presses < controls + 5; presses += 1) {
    await tab.keyboard.press('Tab');
    const at = await tab.evaluate(() => {
      const active = document.activeElement;
      if (!active?.dataset?.control) return null;
      const style = getComputedStyle(active);
      const isSeen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
      return { control: active.dataset.control, isSeen, is: active.outerHTML.slice(0, 80) };
    });
    if (!at) continue;
    reached.add(at.control);
    if (!at.isSeen) say(`nobody sees that ${at.is} has the focus`);
  }
  if (reached.size !== controls) say(`Tab reaches ${reached.size} of ${controls} controls`);
}

async function onTheSmallestPhone(page) {
  const options = { viewport: { width: 360, height: 640 } };
  const { context, tab, say } = await open(page, options, '360 px');
  const wide = await tab.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wide > 0) say(`it scrolls sideways by ${wide} px`);
  await context.close();
}

/** The same words are there, and no button that would do nothing. */
async function withoutScripts(page) {
  const words = async (javaScriptEnabled) => {
    const { context, tab, say } = await open(page, { javaScriptEnabled }, javaScriptEnabled ? 'scripts' : 'no scripts');
    // Buttons are for scripts only.
    const text = (await tab.locator('main').innerText()).replace(/\b(Copy|Copied)\b/g, '').replace(/\s+/g, ' ');
    const buttons = await tab.locator('button:visible').count();
    if (!javaScriptEnabled && buttons > 0) say(`${buttons} buttons do nothing`);
    await context.close();
    return text;
  };
  const [without, having] = [await words(false), await words(true)];
  // Ages move on between two looks.
  const settled = (text) => text.replace(/\d+ (s|min)( ago)?|just now/g, '…');
  if (settled(without) !== settled(having)) wrong.push(`${page.name}: without scripts it says something else`);
}

async function copying(page) {
  const { context, tab, say } = await open(page, {}, 'copying');
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  // What is said stands there for two seconds, which a busy machine may need for the next look.
  await tab.evaluate(() => {
    window.said = [];
    const told = document.getElementById('copied');
    const note = () => { if (told.textContent) window.said.push(told.textContent); };
    new MutationObserver(note).observe(told, { childList: true, characterData: true, subtree: true });
  });
  for (const id of task.copied) {
    await tab.locator(`button[data-copy="${id}"]`).click();
    const said = await (await tab.waitForFunction(() => window.said.pop())).jsonValue();
    if (said !== 'Copied to the clipboard') say(`after copying ${id} it says ${JSON.stringify(said)}`);
    const expected = (await tab.locator(`#${id}`).innerText()).trim();
    const copied = await tab.evaluate(() => navigator.clipboard.readText());
    if (copied !== expected) say(`${id} copies ${JSON.stringify(copied)}, expected ${JSON.stringify(expected)}`);
  }
  await context.close();
}
