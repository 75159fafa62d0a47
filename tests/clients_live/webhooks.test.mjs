// @instantdb/admin: webhooks, managed and received by its own helpers.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, test } from 'node:test';

import { id, init } from '@instantdb/admin';

import { adminToken, appId, until, url } from './support.mjs';

const db = init({ appId, adminToken, apiURI: url });

test('a webhook is made, fails, is tried again, and its records are read', async () => {
  const seen = [];
  let fails = 1;
  const { typedHandlers, combineHandlers } = db.webhooks.helpers();
  const handlers = combineHandlers(
    typedHandlers('parcels', 'create', (record) => seen.push(record)),
    typedHandlers('$default', (record) => seen.push(record)),
  );
  const receiver = http.createServer(async (req, res) => {
    try {
      if (fails-- > 0) throw new Error('not yet');
      await db.webhooks.processNodeRequest(handlers, req);
      res.writeHead(200).end('ok');
    } catch (e) {
      res.writeHead(500).end(String(e));
    }
  });
  await new Promise((done) => receiver.listen(0, '127.0.0.1', done));
  after(() => receiver.close());

  await db.transact(db.tx.parcels[id()].update({ weight: 1 }));
  const manager = db.webhooks.manager;
  const hook = await manager.create({
    url: `http://127.0.0.1:${receiver.address().port}/hook`,
    namespaces: ['parcels'],
    actions: ['create', 'update'],
  });
  assert.equal(hook.status, 'active');
  assert.ok(hook.createdAt.getTime() > 0);
  assert.deepEqual((await manager.list()).map((each) => each.id), [hook.id]);

  const parcel = id();
  await db.transact(db.tx.parcels[parcel].update({ weight: 2 }));
  await until(() => seen.length === 1, 'the delivery after the one that failed');
  assert.equal(seen[0].id, parcel);
  assert.equal(seen[0].action, 'create');
  assert.deepEqual(seen[0].after, { id: parcel, weight: 2 });
  const event = await until(async () => {
    const { events } = await manager.listEvents(hook.id);
    return events.find((each) => each.status === 'success');
  }, 'the event to be noted');
  assert.deepEqual(event.attempts.map((attempt) => attempt.statusCode), [500, 200]);
  assert.equal((await manager.getEvent(hook.id, event.isn)).isn, event.isn);
  const payload = await manager.getPayload(hook.id, event.isn);
  assert.equal(payload.data[0].id, parcel);
  await assert.rejects(manager.resendEvent(hook.id, event.isn), (e) => e.body.type === 'validation-failed');

  assert.equal((await manager.disable(hook.id, { reason: 'enough' })).disabledReason, 'enough');
  assert.equal((await manager.enable(hook.id)).status, 'active');
  assert.deepEqual((await manager.update(hook.id, { actions: ['delete'] })).actions, ['delete']);
  assert.equal((await manager.delete(hook.id)).id, hook.id);
  assert.deepEqual(await manager.list(), []);
});
