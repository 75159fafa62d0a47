// @instantdb/core while its app is switched off: queries and writes say so, and go on by themselves afterwards.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, test } from 'node:test';

import './browser.mjs';

import { id, init } from '@instantdb/core';

import { MemoryStorage, appId, line, online, socketOf, until } from './support.mjs';

const open = [];
after(() => open.forEach((end) => end()));

/** Whoever runs these tests switches the app off and on. */
const switchTo = (state) => fs.writeFileSync(process.env.KEYSTEAD_SWITCH, state);

test('an app is switched off and on again', async () => {
  const cable = await line();
  open.push(cable.close);
  const at = { appId, apiURI: cable.url, websocketURI: socketOf(cable.url), devtool: false };
  const db = init(at, MemoryStorage, online);
  open.push(() => db.shutdown());
  const states = [];
  const statuses = [];
  open.push(db.subscribeQuery({ lamps: {} }, (state) => states.push(state)));
  open.push(db.subscribeAppStatus((status) => statuses.push(status)));
  const [lamp, other] = [id(), id()];
  await until(() => states.at(-1)?.data, 'the first result');
  await db.transact(db.tx.lamps[lamp].update({ on: true }));
  await until(() => states.at(-1).data?.lamps.length === 1, 'the lamp');
  try {
    switchTo('disabled');
    await until(() => states.at(-1).error && statuses.at(-1).isReadOnly, 'an error and the status');
    assert.match(JSON.stringify(states.at(-1).error), /disabled|switched off/);
    await assert.rejects(db.transact(db.tx.lamps[other].update({ on: true })), /disabled/);
  } finally {
    switchTo('active');
  }
  await until(() => statuses.at(-1).isReadOnly === false && states.at(-1).data?.lamps.length === 1, 'the lamp again');
  await db.transact(db.tx.lamps[other].update({ on: false }));
  await until(() => states.at(-1).data?.lamps.length === 2, 'both');
});
