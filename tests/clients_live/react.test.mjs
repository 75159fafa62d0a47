// @instantdb/react in headless Chromium: a small page queries, writes, sees its peers, and writes while it is offline.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, test } from 'node:test';

import { id, init } from '@instantdb/admin';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

import { adminToken, appId, line, socketOf, until, url } from './support.mjs';

const admin = init({ appId, adminToken, apiURI: url });
const open = [];
after(async () => {
  for (const end of open.reverse()) await end();
});

async function serve() {
  const made = await build({
    entryPoints: [new URL('./page.jsx', import.meta.url).pathname],
    bundle: true,
    write: false,
    format: 'esm',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  const script = made.outputFiles[0].text;
  const server = http.createServer((request, response) => {
    const is = (path) => request.url.startsWith(path);
    response.setHeader('content-type', is('/page.js') ? 'text/javascript' : 'text/html');
    response.end(
      is('/page.js')
        ? script
        : '<!doctype html><div id="root"></div><script>window.page = Object.fromEntries(new URLSearchParams(location.search));</script><script type="module" src="/page.js"></script>',
    );
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  open.push(() => server.close());
  return `http://127.0.0.1:${server.address().port}/`;
}

test('a page with a query, writes, presence, and a write while offline', async () => {
  const address = await serve();
  const browser = await chromium.launch({
    executablePath: process.env.KEYSTEAD_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--headless', '--disable-background-networking', '--disable-component-update'],
  });
  open.push(() => browser.close());
  const visit = async (name) => {
    const cable = await line();
    open.push(cable.close);
    const page = await (await browser.newContext()).newPage();
    const settings = new URLSearchParams({ appId, apiURI: cable.url, websocketURI: socketOf(cable.url), name });
    await page.goto(`${address}?${settings}`);
    await page.waitForFunction(() => document.getElementById('state')?.textContent === 'ready');
    return { page, cable };
  };
  const has = ({ page }, text) =>
    page.waitForFunction((t) => [...document.querySelectorAll('li')].filter((li) => li.textContent === t).length === 1, text);
  const [ann, ben] = [await visit('ann'), await visit('ben')];
  await ann.page.waitForFunction(() => document.getElementById('peers').textContent === 'ben');
  await ben.page.waitForFunction(() => document.getElementById('peers').textContent === 'ann');

  await ann.page.evaluate(() => window.add('from ann'));
  await has(ben, 'from ann');
  await admin.transact(admin.tx.messages[id()].update({ text: 'from the backend' }));
  await has(ann, 'from the backend');

  ben.cable.cut();
  await ann.page.waitForFunction(() => document.getElementById('peers').textContent === '');
  const offline = ben.page.evaluate(() => window.add('written offline'));
  await has(ben, 'written offline');
  await ann.page.evaluate(() => window.add('meanwhile'));
  assert.equal((await admin.query({ messages: {} })).messages.filter((m) => m.text === 'written offline').length, 0);
  ben.cable.mend();
  await offline;
  await has(ann, 'written offline');
  await has(ben, 'meanwhile');
  await has(ben, 'written offline');
  await ann.page.waitForFunction(() => document.getElementById('peers').textContent === 'ben');

  // What has settled is there after a reload, too.
  await ben.page.reload();
  await has(ben, 'written offline');
  await until(async () => (await admin.query({ messages: {} })).messages.length === 4, 'each message once');
});
