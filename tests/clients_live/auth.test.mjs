// @instantdb/admin: every call of `auth`.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { id, init } from '@instantdb/admin';

import { adminToken, appId, url } from './support.mjs';

const db = init({ appId, adminToken, apiURI: url });
const address = () => `${id()}@example.com`;
const isRefused = (type) => (e) => e.name === 'InstantAPIError' && e.status === 400 && e.body.type === type;

test('createToken makes users by address and by id, and verifyToken knows them', async () => {
  const email = address();
  const [first, second] = [await db.auth.createToken({ email }), await db.auth.createToken(email)];
  assert.notEqual(first, second);
  const user = await db.auth.verifyToken(first);
  assert.equal(user.email, email);
  assert.equal(user.refresh_token, first);
  assert.equal((await db.auth.verifyToken(second)).id, user.id);
  const wanted = id();
  assert.equal((await db.auth.verifyToken(await db.auth.createToken({ id: wanted }))).id, wanted);
  await assert.rejects(db.auth.verifyToken(id()), isRefused('record-not-found'));
});

test('getUser finds by address, id and token', async () => {
  const email = address();
  const token = await db.auth.createToken({ email });
  const user = await db.auth.getUser({ email });
  assert.deepEqual(Object.keys(user).sort(), ['app_id', 'created_at', 'email', 'id', 'isGuest']);
  assert.deepEqual(await db.auth.getUser({ id: user.id }), user);
  assert.deepEqual(await db.auth.getUser({ refresh_token: token }), user);
  assert.equal(await db.auth.getUser({ email: address() }), null);
});

test('codes are made, checked and used up', async () => {
  const email = address();
  const { code } = await db.auth.generateMagicCode(email);
  assert.match(code, /^\d{6}$/);
  const { user, created } = await db.auth.checkMagicCode(email, code);
  assert.ok(created && user.refresh_token && user.email === email);
  await assert.rejects(db.auth.verifyMagicCode(email, code), isRefused('record-not-found'));
  const sent = await db.auth.sendMagicCode(email);
  assert.equal((await db.auth.verifyMagicCode(email, sent.code)).id, user.id);
});

test('a request with the cookie of the front end is known', async () => {
  const token = await db.auth.createToken(address());
  const user = await db.auth.verifyToken(token);
  const cookie = `instant_user_${appId}=${encodeURIComponent(JSON.stringify(user))}`;
  const known = await db.auth.getUserFromRequest(new Request('http://app.example.com', { headers: { cookie } }));
  assert.equal(known.id, user.id);
  assert.equal(await db.auth.getUserFromRequest(new Request('http://app.example.com')), null);
});

test('signOut ends tokens, deleteUser the user', async () => {
  const email = address();
  for (const which of [(u) => ({ email: u.email }), (u) => ({ id: u.id }), (u) => ({ refresh_token: u.refresh_token })]) {
    const user = await db.auth.verifyToken(await db.auth.createToken({ email }));
    await db.auth.signOut(which(user));
    await assert.rejects(db.auth.verifyToken(user.refresh_token), isRefused('record-not-found'));
  }
  const token = await db.auth.createToken({ email });
  assert.equal((await db.auth.deleteUser({ email })).email, email);
  assert.equal(await db.auth.deleteUser({ email }), null);
  await assert.rejects(db.auth.verifyToken(token), isRefused('record-not-found'));
});

test('users are impersonated by address, token and as guests', async () => {
  const email = address();
  const token = await db.auth.createToken({ email });
  for (const as of [db.asUser({ email }), db.asUser({ token }), init({ appId, apiURI: url }).asUser({ token })]) {
    const { $users } = await as.query({ $users: {} });
    assert.deepEqual($users.map((user) => user.email), [email]);
  }
  assert.deepEqual((await db.asUser({ guest: true }).query({ $users: {} })).$users, []);
});
