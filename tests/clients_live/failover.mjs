// @instantdb/core while one of two nodes dies: it writes all the time, and in the end it shows what the server has.
// Run by tests/e2e/live/killed.rs with the address of a balancer.

import assert from 'node:assert/strict';

import './browser.mjs';

import { init as adminInit } from '@instantdb/admin';
import { id, init } from '@instantdb/core';

import { MemoryStorage, adminToken, appId, online, socketOf, until, url } from './support.mjs';

const SECONDS = 5;

const admin = adminInit({ appId, adminToken, apiURI: url });
const clients = [0, 1].map((n) => {
  // The library keeps one connection per app and address; the balancer does not look at paths.
  const at = n === 0 ? url : url.replace('127.0.0.1', 'localhost');
  return init({ appId, apiURI: at, websocketURI: socketOf(at), devtool: false }, MemoryStorage, online);
});
const states = clients.map((db) => {
  const seen = [];
  db.subscribeQuery({ marks: {} }, (state) => seen.push(state));
  return seen;
});
await until(() => states.every((seen) => seen.at(-1)?.data), 'the first results');
const sent = [];
for (const end = Date.now() + SECONDS * 1000; Date.now() < end; ) {
  for (const db of clients) {
    const mark = id();
    sent.push(mark);
    // A promise of a write that waits for a connection may end before it is sent.
    db.transact(db.tx.marks[mark].update({ n: sent.length })).catch((e) => assert.fail(e));
  }
  await new Promise((done) => setTimeout(done, 50));
}
const there = async () => (await admin.query({ marks: {} })).marks;
await until(async () => (await there()).length === sent.length + 1, 'every write to arrive, once');
await until(() => states.every((seen) => seen.at(-1).data.marks.length === sent.length + 1), 'every client to see all');
const byId = (list) => [...list].sort((a, b) => (a.id < b.id ? -1 : 1));
for (const seen of states) assert.deepEqual(byId(seen.at(-1).data.marks), byId(await there()));
process.exit(0);
