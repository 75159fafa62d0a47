// @instantdb/admin: live queries over events.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { id, init } from '@instantdb/admin';

import { adminToken, appId, line, until, url } from './support.mjs';

const db = init({ appId, adminToken, apiURI: url });
const open = [];
after(() => open.forEach((end) => end()));

test('a callback gets the result and its changes', async () => {
  const payloads = [];
  const sub = db.subscribeQuery({ tasks: { $: { limit: 10 } } }, (payload) => payloads.push(payload));
  open.push(() => sub.close());
  await until(() => payloads.length === 1, 'the first payload');
  assert.equal(payloads[0].type, 'ok');
  assert.ok(payloads[0].sessionInfo.machineId && payloads[0].sessionInfo.sessionId);
  assert.equal(sub.readyState, 'open');
  const before = payloads[0].data.tasks.length;
  const task = id();
  await db.transact(db.tx.tasks[task].update({ title: 'new' }));
  await until(() => payloads.at(-1).data.tasks.length === before + 1, 'the new task');
  await db.transact(db.tx.unrelated[id()].update({ a: 1 }));
  await db.transact(db.tx.tasks[task].update({ title: 'newer' }));
  await until(() => payloads.at(-1).data.tasks.some((t) => t.id === task && t.title === 'newer'), 'the newer title');
  await db.transact(db.tx.tasks[task].delete());
  await until(() => payloads.at(-1).data.tasks.length === before, 'the task to go');
  assert.ok(payloads.every((payload) => payload.type === 'ok'));
  sub.close();
  assert.ok(sub.isClosed);
});

test('an iterator ends after close', async () => {
  const sub = db.subscribeQuery({ lists: {} });
  const seen = [];
  const list = id();
  for await (const payload of sub) {
    assert.equal(payload.type, 'ok');
    seen.push(payload.data.lists.length);
    if (seen.length === 1) await db.transact(db.tx.lists[list].update({ name: 'a' }));
    else sub.close();
  }
  assert.deepEqual(seen, [seen[0], seen[0] + 1]);
});

test('what is wrong with a query is told as a payload', async () => {
  const payloads = [];
  const sub = db.subscribeQuery({ tasks: { $: { where: { 'title.x': 1 } } } }, (payload) => payloads.push(payload));
  open.push(() => sub.close());
  await db.transact(db.tx.tasks[id()].update({ title: 'a' }));
  const again = db.subscribeQuery({ tasks: { $: { where: { 'title.x': 1 } } } }, (payload) => payloads.push(payload));
  open.push(() => again.close());
  const wrong = await until(() => payloads.find((payload) => payload.type === 'error'), 'an error');
  assert.equal(wrong.error.body?.type ?? wrong.error.type, 'validation-failed');
  assert.equal(wrong.isClosed, false);
});

test('a dropped connection comes back with everything that happened', async () => {
  const cable = await line();
  open.push(cable.close);
  const far = init({ appId, adminToken, apiURI: cable.url });
  const payloads = [];
  const sub = far.subscribeQuery({ notes: {} }, (payload) => payloads.push(payload));
  open.push(() => sub.close());
  await until(() => payloads.length > 0, 'the first payload');
  const before = payloads[0].data.notes.length;
  cable.cut();
  await db.transact(db.tx.notes[id()].update({ text: 'meanwhile' }));
  cable.mend();
  await until(() => payloads.at(-1).data?.notes.length === before + 1, 'what happened meanwhile');
  await db.transact(db.tx.notes[id()].update({ text: 'afterwards' }));
  await until(() => payloads.at(-1).data?.notes.length === before + 2, 'what happens afterwards');
});

test('presence of an empty room', async () => {
  assert.deepEqual(await db.rooms.getPresence('chat', `nobody-${id()}`), {});
});
