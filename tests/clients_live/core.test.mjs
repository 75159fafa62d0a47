// @instantdb/core with a WebSocket: queries, writes that settle, rooms, reconnecting.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import './browser.mjs';

import { init as adminInit } from '@instantdb/admin';
import { id, init } from '@instantdb/core';

import { MemoryStorage, adminToken, appId, line, online, socketOf, until, url } from './support.mjs';

const admin = adminInit({ appId, adminToken, apiURI: url });
const open = [];
after(() => open.forEach((end) => end()));

/** A front end of its own: the library keeps one connection per app and address. */
async function client(cable) {
  const at = (cable ?? (await line())).url;
  const db = init({ appId, apiURI: at, websocketURI: socketOf(at), devtool: false }, MemoryStorage, online);
  open.push(() => db.shutdown());
  return db;
}

function watch(db, query) {
  const states = [];
  open.push(db.subscribeQuery(query, (state) => states.push(state)));
  return states;
}
const last = (states) => states.at(-1)?.data;

test('queries, links and writes that settle', async () => {
  const db = await client();
  const states = watch(db, { goals: { todos: {} } });
  await until(() => last(states), 'the first result');
  const before = last(states).goals.length;
  const [goal, todo] = [id(), id()];
  const sent = await db.transact([
    db.tx.goals[goal].update({ title: 'Get fit' }),
    db.tx.todos[todo].update({ title: 'Run', done: false }),
    db.tx.goals[goal].link({ todos: todo }),
  ]);
  assert.equal(sent.status, 'synced');
  await until(() => last(states).goals.find((g) => g.id === goal)?.todos[0]?.id === todo, 'the link');
  assert.equal(last(states).goals.length, before + 1);

  // Somebody else overwrites: the own write must not hide that.
  await db.transact(db.tx.todos[todo].update({ title: 'Swim' }));
  await until(() => last(states).goals.find((g) => g.id === goal)?.todos[0]?.title === 'Swim', 'the own write');
  await admin.transact(admin.tx.todos[todo].update({ title: 'Walk' }));
  await until(() => last(states).goals.find((g) => g.id === goal)?.todos[0]?.title === 'Walk', 'the other write');

  // A write and its undoing by somebody else between two results.
  await Promise.all([
    db.transact(db.tx.todos[todo].update({ title: 'Fly' })),
    admin.transact(admin.tx.todos[todo].update({ title: 'Walk' })),
  ]);
  const now = (await admin.query({ todos: { $: { where: { id: todo } } } })).todos[0].title;
  await until(() => last(states).goals.find((g) => g.id === goal)?.todos[0]?.title === now, 'what the server has');

  const once = await db.queryOnce({ todos: { $: { where: { id: todo } } } });
  assert.equal(once.data.todos[0].title, now);
  await db.transact(db.tx.goals[goal].delete());
  await until(() => last(states).goals.length === before, 'the goal to go');
});

test('filters along links and pages agree with the server', async () => {
  const db = await client();
  const mark = id();
  await admin.transact(
    [1, 2, 3].flatMap((n) => {
      const [shelf, book] = [id(), id()];
      return [
        admin.tx.shelves[shelf].update({ mark, n }),
        admin.tx.books[book].update({ title: `book ${n}` }).link({ shelves: shelf }),
      ];
    }),
  );
  for (const query of [
    { shelves: { $: { where: { mark, 'books.title': 'book 2' } }, books: {} } },
    { shelves: { $: { where: { mark, 'books.title': { $not: 'book 2' } } } } },
    { shelves: { $: { where: { mark, or: [{ n: 1 }, { 'books.title': 'book 3' }] } }, books: {} } },
    { shelves: { $: { where: { mark }, limit: 2, order: { serverCreatedAt: 'desc' } } } },
    { books: { $: { where: { 'shelves.mark': mark }, fields: ['title'] } } },
  ]) {
    const byId = (list) => list.map((e) => e.id).sort();
    const [ns] = Object.keys(query);
    const [here, there] = [(await db.queryOnce(query)).data[ns], (await admin.query(query))[ns]];
    assert.deepEqual(byId(here), byId(there), JSON.stringify(query));
    assert.ok(here.length > 0, JSON.stringify(query));
  }
});

test('a wrong query and a wrong write are errors, and the connection stays', async () => {
  const db = await client();
  const states = watch(db, { goals: {} });
  await until(() => last(states), 'the first result');
  const goal = id();
  await db.transact(db.tx.goals[goal].create({ title: 'a' }));
  await assert.rejects(db.transact(db.tx.goals[goal].create({ title: 'b' })));
  const wrong = watch(db, { goals: { $: { where: { 'title.x': 1 } } } });
  await until(() => wrong.at(-1)?.error, 'an error');
  await db.transact(db.tx.goals[goal].update({ title: 'c' }));
  await until(() => last(states).goals.find((g) => g.id === goal)?.title === 'c', 'a later write');
});

test('presence, topics and typing in a room', async () => {
  const [a, b] = [await client(), await client()];
  const name = id();
  const roomA = a.joinRoom('chat', name, { initialPresence: { name: 'a' } });
  const roomB = b.joinRoom('chat', name, { initialPresence: { name: 'b' } });
  const seen = { a: undefined, b: undefined };
  const away = roomA.subscribePresence({}, (presence) => (seen.a = presence));
  roomB.subscribePresence({}, (presence) => (seen.b = presence));
  const peers = (presence) => Object.values(presence?.peers ?? {});
  await until(() => peers(seen.a)[0]?.name === 'b' && peers(seen.b)[0]?.name === 'a', 'each other');
  roomA.publishPresence({ cursor: { x: 1 } });
  await until(() => peers(seen.b)[0]?.cursor?.x === 1, 'the cursor');

  const calls = [];
  roomB.subscribeTopic('wave', (event) => calls.push(event));
  roomA.publishTopic('wave', { hello: 1 });
  await until(() => calls.length === 1, 'the call');
  assert.deepEqual(calls[0], { hello: 1 });

  const sessions = await until(async () => {
    const found = await admin.rooms.getPresence('chat', name);
    return Object.keys(found).length === 2 && found;
  }, 'both over HTTP');
  assert.deepEqual(Object.values(sessions).map((s) => s.data.name).sort(), ['a', 'b']);
  away();
  roomA.leaveRoom();
  await until(() => peers(seen.b).length === 0, 'the other to leave');
  b.shutdown();
  await until(async () => Object.keys(await admin.rooms.getPresence('chat', name)).length === 0, 'an empty room');
});

test('rules for rooms: a room is for whom they let in, also afterwards', async () => {
  const push = async (code) => {
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ code });
    const answer = await fetch(`${url}/dash/apps/${appId}/rules`, { method: 'POST', headers, body });
    assert.equal(answer.status, 200, await answer.text());
  };
  const db = await client();
  const name = id();
  const seen = {};
  const enter = (kind, room) => {
    const handle = db.joinRoom(kind, room, { initialPresence: { name: 'a' } });
    handle.subscribePresence({}, (presence) => (seen[room] = presence));
  };
  try {
    enter('chat', name);
    await until(() => seen[name] && !seen[name].isLoading, 'the room');
    assert.equal(seen[name].error, undefined);
    await push({ $rooms: { chat: { allow: { join: 'auth.id != null' } } } });
    await until(() => seen[name].error, 'the room to be closed to guests');
    const [closed, free] = [id(), id()];
    enter('chat', closed);
    await until(() => seen[closed]?.error, 'an error');
    enter('lobby', free);
    await until(() => seen[free] && !seen[free].isLoading, 'a room without rules');
    assert.equal(seen[free].error, undefined);
  } finally {
    await push({});
  }
});

test('reconnecting: nothing is missed, what was written offline arrives once', async () => {
  const cable = await line();
  open.push(cable.close);
  const db = await client(cable);
  const mark = id();
  const query = { events: { $: { where: { mark } } } };
  const states = watch(db, query);
  await until(() => last(states), 'the first result');
  const room = db.joinRoom('chat', mark, { initialPresence: { name: 'far' } });
  open.push(() => room.leaveRoom());
  await db.transact(db.tx.events[id()].update({ mark, n: 1 }));
  cable.cut();
  await admin.transact(admin.tx.events[id()].update({ mark, n: 2 }));
  const offline = db.transact(db.tx.events[id()].update({ mark, n: 3 }));
  await until(() => last(states).events.length === 2, 'the own write, shown at once');
  cable.mend();
  await offline;
  await until(() => last(states).events.length === 3, 'all three');
  // A promise of an offline write ends when it waits, and the client counts what waits: the server may hear of it later.
  await until(async () => (await admin.query(query)).events.length === 3, 'the offline write to arrive');
  await until(async () => Object.keys(await admin.rooms.getPresence('chat', mark)).length === 1, 'the room again');
  assert.equal(last(states).events.length, 3);
});
