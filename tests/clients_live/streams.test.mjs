// Streams: written and read by @instantdb/admin (events) and @instantdb/core (socket).

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import './browser.mjs';

import { id, init as initAdmin } from '@instantdb/admin';
import { init as initCore } from '@instantdb/core';

import { adminToken, appId, line, MemoryStorage, online, socketOf, until, url } from './support.mjs';

const admin = initAdmin({ appId, adminToken, apiURI: url });
const cores = [];
const core = (at = url) => {
  const db = initCore({ appId, apiURI: at, websocketURI: socketOf(at), devtool: false }, MemoryStorage, online);
  cores.push(db);
  return db;
};
after(() => cores.forEach((db) => db.shutdown?.()));

async function readAll(stream) {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

async function rules(code) {
  const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
  const told = await fetch(`${url}/dash/apps/${appId}/rules`, { method: 'POST', headers, body: JSON.stringify({ code }) });
  assert.equal(told.status, 200, await told.text());
}

test('without a rule only the admin has streams', async () => {
  const db = core();
  const out = db.streams.createWriteStream({ clientId: `refused-${id()}` }).getWriter();
  const refused = /Permission denied/;
  await assert.rejects(async () => {
    await out.write('x');
    await out.close();
  }, refused);
  await out.closed.catch(() => {});
  const clientId = `hidden-${id()}`;
  const mine = admin.streams.createWriteStream({ clientId }).getWriter();
  await mine.write('x');
  await mine.close();
  await assert.rejects(readAll(db.streams.createReadStream({ clientId })));
  await rules({ $streams: { allow: { create: 'true', view: 'true' } } });
});

for (const [name, db] of [['admin', () => admin], ['core', () => core()]]) {
  test(`what ${name} writes is read while it is written, and afterwards`, async () => {
    const [writer, clientId] = [db(), `${name}-${id()}`];
    const out = writer.streams.createWriteStream({ clientId }).getWriter();
    await out.write('Grüße, ');
    const streamId = await until(async () => {
      const { $streams } = await admin.query({ $streams: { $: { where: { clientId } } } });
      return $streams[0]?.id;
    }, 'the stream to be there');
    const early = readAll(admin.streams.createReadStream({ clientId }));
    const byId = readAll(admin.streams.createReadStream({ streamId }));
    for (const word of ['welt ', '🌍', '!']) await out.write(word);
    await out.close();
    assert.equal(await early, 'Grüße, welt 🌍!');
    assert.equal(await byId, 'Grüße, welt 🌍!');
    const other = readAll(core().streams.createReadStream({ clientId }));
    assert.equal(await other, 'Grüße, welt 🌍!');
    const late = readAll(admin.streams.createReadStream({ clientId, byteOffset: 9 }));
    assert.equal(await late, 'welt 🌍!');
    const { $streams } = await admin.query({ $streams: { $: { where: { clientId } } } });
    assert.deepEqual([$streams[0].done, $streams[0].size], [true, 19]);
  });
}

test('a writer and a reader whose line is cut go on where they were', async () => {
  const cable = await line();
  after(() => cable.close());
  const [db, clientId] = [core(cable.url), `cut-${id()}`];
  const out = db.streams.createWriteStream({ clientId }).getWriter();
  await out.write('before ');
  await until(async () => (await admin.query({ $streams: { $: { where: { clientId } } } })).$streams.length, 'the stream');
  const reader = core(cable.url);
  let here = '';
  const follow = async (stream) => {
    for await (const chunk of stream) here += chunk;
  };
  const [there, read] = [readAll(admin.streams.createReadStream({ clientId })), follow(reader.streams.createReadStream({ clientId }))];
  await until(() => here === 'before ', 'the reader to have begun');
  cable.cut();
  await out.write('meanwhile ');
  cable.mend();
  // The client forgets an end that it told before it had come back.
  await until(() => here === 'before meanwhile ', 'the line to be mended');
  await out.write('after');
  await out.close();
  await read;
  assert.deepEqual([here, await there], ['before meanwhile after', 'before meanwhile after']);
});
