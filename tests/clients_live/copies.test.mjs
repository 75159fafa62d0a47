// @instantdb/core with copies of whole namespaces (`_syncTableExperimental`): loading, following, a dropped line, a later start.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import './browser.mjs';

import { init as adminInit } from '@instantdb/admin';
import { id, init } from '@instantdb/core';

import { MemoryStorage, adminToken, appId, line, online, socketOf, until, url } from './support.mjs';

const admin = adminInit({ appId, adminToken, apiURI: url });
const open = [];
after(() => open.forEach((end) => end()));

/** A storage that outlives a client: what one page leaves, the next one finds. */
function storage() {
  const disks = new Map();
  return class extends MemoryStorage {
    constructor(app, name) {
      super();
      if (disks.has(name)) return disks.get(name);
      disks.set(name, this);
    }
  };
}

async function client(cable, disk, extra = { __adminToken: adminToken }) {
  const at = cable.url;
  const db = init({ appId, apiURI: at, websocketURI: socketOf(at), devtool: false, ...extra }, disk, online);
  open.push(() => db.shutdown());
  return db;
}

/** Follows a namespace; `seen.rows` is what the client holds. */
function follow(db, query) {
  const [space] = Object.keys(query);
  const seen = { events: [], rows: undefined };
  seen.end = db._syncTableExperimental(query, (event) => {
    seen.events.push(event);
    if (event.data) seen.rows = structuredClone(event.data[space]);
  });
  return seen;
}
const types = (seen) => seen.events.map((event) => event.type);
const sorted = (rows) => [...rows].sort((a, b) => (a.id < b.id ? -1 : 1));
const same = async (seen, space) => {
  const now = (await admin.query({ [space]: {} }))[space];
  try {
    assert.deepEqual(sorted(seen.rows ?? []), sorted(now));
    return true;
  } catch {
    return false;
  }
};

test('a copy is loaded, followed, and caught up with after a dropped line', async () => {
  const cable = await line();
  open.push(cable.close);
  const space = `cars_${id().slice(0, 8)}`;
  const ids = Array.from({ length: 300 }, () => id());
  await admin.transact(ids.map((car, n) => admin.tx[space][car].update({ n, text: 'x'.repeat(500), tags: ['a'] })));
  const db = await client(cable, storage());
  const seen = follow(db, { [space]: {} });
  await until(() => types(seen).includes('InitialSyncComplete'), 'the copy');
  assert.ok(types(seen).filter((type) => type === 'InitialSyncBatch').length > 1, 'it comes in batches');
  assert.deepEqual(seen.rows.map((row) => row.id), [...ids].sort(), 'in order: all of one moment, by their ids');
  assert.ok(await same(seen, space));

  await admin.transact([admin.tx[space][ids[0]].update({ n: -1, tags: ['b', 'c'] }), admin.tx[space][ids[1]].delete()]);
  await until(() => same(seen, space), 'an update and a deletion');
  const change = seen.events.at(-1);
  assert.equal(change.type, 'SyncTransaction');
  assert.deepEqual([change.updated.length, change.removed.length, change.added.length], [1, 1, 0]);
  assert.deepEqual(change.updated[0].changedFields.n, { oldValue: 0, newValue: -1 });
  await admin.transact(admin.tx[space][id()].create({ n: 1000, text: 'new', tags: [] }));
  await until(() => same(seen, space), 'a new one');

  cable.cut();
  await admin.transact(ids.slice(2, 5).map((car) => admin.tx[space][car].update({ text: 'meanwhile' })));
  await admin.transact([admin.tx[space][ids[5]].delete(), admin.tx[space][id()].create({ n: 7, text: 'b', tags: [] })]);
  const before = seen.events.length;
  cable.mend();
  await until(() => same(seen, space), 'what was missed');
  const since = seen.events.slice(before);
  assert.ok(since.every((event) => event.type === 'SyncTransaction'), 'from the log, not loaded anew');

  // Other attrs: the client loads again by itself, with those.
  await admin.transact(admin.tx[space][ids[7]].update({ colour: 'red' }));
  await until(() => same(seen, space), 'a new attr');
  seen.end();
});

test('a copy that is kept is brought up to date by the next page', async () => {
  const cable = await line();
  open.push(cable.close);
  const space = `boats_${id().slice(0, 8)}`;
  const [a, b] = [id(), id()];
  await admin.transact([a, b].map((boat) => admin.tx[space][boat].update({ text: 'a' })));
  const disk = storage();
  const first = await client(cable, disk);
  const seen = follow(first, { [space]: { $: { order: { serverCreatedAt: 'desc' } } } });
  await until(() => types(seen).includes('InitialSyncComplete'), 'the copy');
  // The client writes to its storage now and then.
  await until(async () => (await new disk(appId, 'syncSubs').getAllKeys()).length > 0, 'the copy to be stored');
  await new Promise((done) => setTimeout(done, 500));
  seen.end({ keepSubscription: true });
  first.shutdown();
  await admin.transact([admin.tx[space][a].update({ text: 'b' }), admin.tx[space][b].delete()]);

  const other = await line();
  open.push(other.close);
  const second = await client(other, disk);
  const again = follow(second, { [space]: { $: { order: { serverCreatedAt: 'desc' } } } });
  await until(() => same(again, space), 'what has happened since');
  assert.ok(!types(again).includes('InitialSyncBatch'), types(again).join());
  await admin.transact(admin.tx[space][a].update({ text: 'c' }));
  await until(() => same(again, space), 'a further change');
});

test('without an admin token the rules decide, and errors are told', async () => {
  const cable = await line();
  open.push(cable.close);
  const db = await client(cable, storage(), {});
  const seen = follow(db, { $files: {} });
  await until(() => types(seen).includes('InitialSyncComplete'), 'an empty copy');
  assert.deepEqual(seen.rows, []);
  const wrong = follow(db, { goals: { todos: {} } });
  await until(() => types(wrong).includes('Error'), 'an error');
  assert.match(wrong.events.at(-1).error.message, /links/);
});
