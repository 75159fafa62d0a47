// @instantdb/core where WebSockets do not get through: it falls back to server-sent events, and posts what it says.

import assert from 'node:assert/strict';
import net from 'node:net';
import { after, test } from 'node:test';

import './browser.mjs';

import { init as adminInit } from '@instantdb/admin';
import { id, init, tx } from '@instantdb/core';
import { EventSource } from 'eventsource';

import { MemoryStorage, adminToken, appId, line, online, until, url } from './support.mjs';

const admin = adminInit({ appId, adminToken, apiURI: url });
const open = [];
after(() => open.forEach((end) => end()));

/** A client of its own behind a line, with nothing but events. */
async function client() {
  const cable = await line();
  const wall = net.createServer((socket) => socket.destroy());
  await new Promise((done) => wall.listen(0, '127.0.0.1', done));
  wall.unref();
  const websocketURI = `ws://127.0.0.1:${wall.address().port}/runtime/session`;
  const config = { appId, apiURI: cable.url, websocketURI, devtool: false, __adminToken: adminToken };
  const db = init(config, MemoryStorage, online, undefined, EventSource);
  open.push(() => db.shutdown(), cable.close, () => wall.close());
  return { db, cable };
}

/** What a subscription has given last. */
function subscribed(db, query) {
  const seen = {};
  seen.end = db.subscribeQuery(query, (answer) => Object.assign(seen, answer));
  return seen;
}

test('queries, transactions, and a dropped line', async () => {
  const { db, cable } = await client();
  const space = `trees_${id().slice(0, 8)}`;
  const seen = subscribed(db, { [space]: {} });
  await until(() => seen.data, 'a first answer');
  assert.deepEqual(seen.data[space], []);
  assert.equal(db._reactor._transport.type, 'sse');

  const tree = id();
  assert.equal((await db.transact(tx[space][tree].update({ name: 'häuser' }))).status, 'synced');
  assert.deepEqual((await admin.query({ [space]: {} }))[space], [{ id: tree, name: 'häuser' }]);
  await admin.transact(admin.tx[space][tree].update({ name: 'elm' }));
  await until(() => seen.data[space][0]?.name === 'elm', 'what another has written');

  cable.cut();
  await until(() => db._reactor.status === 'closed', 'the client to notice');
  await admin.transact(admin.tx[space][tree].update({ name: 'ash' }));
  cable.mend();
  await until(() => seen.data[space][0]?.name === 'ash', 'what was missed');
  await assert.rejects(db.transact(tx[space]['no id'].update({ name: 'x' })));
  seen.end();
});

test('presence and topics', async () => {
  const [{ db: ann }, { db: bob }] = [await client(), await client()];
  const name = id();
  const [hers, his] = [ann.joinRoom('chat', name), bob.joinRoom('chat', name)];
  const peers = {};
  hers.subscribePresence({}, (slice) => Object.assign(peers, { now: Object.values(slice.peers) }));
  his.publishPresence({ name: 'bob' });
  await until(() => peers.now?.some((peer) => peer.name === 'bob'), 'the other');
  const waves = [];
  hers.subscribeTopic('wave', (wave) => waves.push(wave));
  await until(() => {
    his.publishTopic('wave', { at: 'ann' });
    return waves.length > 0;
  }, 'a message');
  assert.deepEqual(waves[0], { at: 'ann' });
  his.leaveRoom();
  await until(() => peers.now.length === 0, 'him to be gone');
  hers.leaveRoom();
});

test('a copy of a namespace is loaded, followed, and caught up with', async () => {
  const { db, cable } = await client();
  const space = `leaves_${id().slice(0, 8)}`;
  const ids = Array.from({ length: 200 }, () => id());
  await admin.transact(ids.map((leaf, n) => admin.tx[space][leaf].update({ n, text: 'x'.repeat(500) })));
  const events = [];
  let rows = [];
  const end = db._syncTableExperimental({ [space]: {} }, (event) => {
    events.push(event.type);
    if (event.data) rows = structuredClone(event.data[space]);
  });
  await until(() => events.includes('InitialSyncComplete'), 'the copy');
  assert.equal(db._reactor._transport.type, 'sse');
  assert.equal(rows.length, ids.length);
  await admin.transact([admin.tx[space][ids[0]].update({ n: -1 }), admin.tx[space][ids[1]].delete()]);
  await until(() => rows.length === 199 && rows.some((row) => row.n === -1), 'an update and a deletion');

  cable.cut();
  await until(() => db._reactor.status === 'closed', 'the client to notice');
  await admin.transact(admin.tx[space][ids[2]].delete());
  const before = events.length;
  cable.mend();
  await until(() => rows.length === 198, 'what was missed');
  assert.ok(events.slice(before).every((type) => type === 'SyncTransaction'), 'from the log, not loaded anew');
  end();
});
