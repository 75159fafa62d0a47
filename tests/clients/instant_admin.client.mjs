// The unmodified @instantdb/admin against the data API: queries, transactions, impersonation, debug calls, live queries.
import assert from "node:assert/strict";
import { test } from "node:test";
import { i, id, init, lookup } from "@instantdb/admin";

const appId = process.env.KEYSTEAD_DATA_APP;
const adminToken = process.env.KEYSTEAD_DATA_ADMIN_TOKEN;
const apiURI = process.env.KEYSTEAD_URL;
const db = init({ appId, adminToken, apiURI });

async function refused(promise, type) {
  const e = await promise.then(() => assert.fail("was not refused"), (e) => e);
  assert.equal(e.body?.type, type, e.stack);
  return e;
}

test("writes and reads", async () => {
  const [goal, todo] = [id(), id()];
  const done = await db.transact([
    db.tx.todos[todo].update({ title: "Go on a run", done: false, at: new Date(0), gone: undefined }),
    db.tx.goals[goal].update({ title: "Get fit!", priority: 1 }).link({ todos: todo }),
  ]);
  assert.ok(done["tx-id"] > 0);
  const { goals } = await db.query({ goals: { todos: {} } });
  assert.deepEqual(goals, [
    { id: goal, title: "Get fit!", priority: 1, todos: [{ id: todo, title: "Go on a run", done: false, at: "1970-01-01T00:00:00.000Z" }] },
  ]);
  await db.transact(db.tx.goals[goal].merge({ meta: { a: { b: 1 } } }).unlink({ todos: todo }));
  await db.transact(db.tx.goals[goal].merge({ meta: { a: { c: null, d: 2 } } }));
  const found = await db.query({ goals: { $: { where: { priority: 1 }, limit: 5 }, todos: {} } });
  assert.deepEqual(found.goals, [{ id: goal, title: "Get fit!", priority: 1, meta: { a: { b: 1, d: 2 } }, todos: [] }]);
  await db.transact([db.tx.todos[todo].delete(), db.tx.goals[goal].delete()]);
  assert.deepEqual(await db.query({ goals: {}, todos: {} }), { goals: [], todos: [] });
});

test("modes and lookups", async () => {
  const one = id();
  await db.transact(db.tx.people[one].create({ name: "Ann" }));
  await refused(db.transact(db.tx.people[one].create({ name: "Ann" })), "validation-failed");
  await refused(db.transact(db.tx.people[id()].update({ name: "Bob" }, { upsert: false })), "validation-failed");
  await db.transact(db.tx.people[lookup("email", "c@example.com")].update({ name: "Cid" }));
  await db.transact(db.tx.people[lookup("email", "c@example.com")].update({ age: 3 }));
  const { people } = await db.query({ people: { $: { where: { email: "c@example.com" } } } });
  assert.equal(people.length, 1);
  assert.deepEqual([people[0].name, people[0].age], ["Cid", 3]);
});

test("a schema makes links objects and missing attributes errors", async () => {
  const schema = i.schema({
    entities: { pets: i.entity({ name: i.string() }), owners: i.entity({ name: i.string() }) },
    links: { petOwner: { forward: { on: "pets", has: "one", label: "owner" }, reverse: { on: "owners", has: "many", label: "pets" } } },
  });
  const typed = init({ appId, adminToken, apiURI, schema });
  const e = await refused(typed.transact(typed.tx.pets[id()].update({ name: "Rex" })), "validation-failed");
  assert.deepEqual(e.hint.errors[0].hint.attributes.includes("pets.name"), true);
});

test("users see what the rules let them, guests too", async () => {
  const user = id();
  await db.transact(db.tx.$users[user].update({ email: "ann@example.com" }));
  await db.transact([db.tx.notes[id()].update({ owner: user, text: "hers" }), db.tx.notes[id()].update({ owner: id(), text: "another's" })]);
  const ann = db.asUser({ email: "ann@example.com" });
  assert.equal((await ann.query({ notes: {} })).notes.length, 2);
  const rules = { notes: { allow: { view: "auth.id == data.owner", $default: "false" } } };
  const said = await ann.debugQuery({ notes: {} }, { rules });
  assert.deepEqual(said.result.notes.map((note) => note.text), ["hers"]);
  assert.ok(Array.isArray(said.checkResults) && said.checkResults.length === 2);
  const tried = await ann.debugTransact(db.tx.notes[id()].update({ text: "new" }), { rules });
  assert.equal(tried["all-checks-ok?"], false);
  assert.equal((await db.query({ notes: {} })).notes.length, 2);
  const guest = init({ appId, apiURI }).asUser({ guest: true });
  assert.deepEqual((await guest.query({ $users: {} })).$users, []);
  await refused(db.asUser({ email: "nobody@example.com" }).query({ notes: {} }), "record-not-found");
});

test("wrong tokens are refused", async () => {
  const e = await refused(init({ appId, adminToken: id(), apiURI }).query({ notes: {} }), "record-not-found");
  assert.equal(e.status, 400);
  assert.equal(e.hint["record-type"], "app-admin-token");
});

test("live queries, with a callback", async () => {
  const seen = [];
  let woken = () => {};
  const next = async (count) => {
    while (seen.length < count) await new Promise((resolve) => (woken = resolve));
    return seen[count - 1];
  };
  const sub = db.subscribeQuery({ lives: { $: { limit: 10 } } }, (payload) => {
    seen.push(payload);
    woken();
  });
  const first = await next(1);
  assert.equal(first.type, "ok", JSON.stringify(first));
  assert.deepEqual(first.data, { lives: [] });
  assert.equal(first.pageInfo.lives.hasNextPage, false);
  const one = id();
  await db.transact(db.tx.lives[one].update({ n: 1 }));
  assert.deepEqual((await next(2)).data, { lives: [{ id: one, n: 1 }] });
  await db.transact(db.tx.lives[one].update({ n: 2 }));
  assert.deepEqual((await next(3)).data, { lives: [{ id: one, n: 2 }] });
  sub.close();
  assert.equal(sub.isClosed, true);
});

test("live queries, as an iterator", async () => {
  const sub = db.subscribeQuery({ ticks: {} });
  const one = id();
  const results = [];
  for await (const payload of sub) {
    assert.equal(payload.type, "ok");
    results.push(payload.data.ticks.length);
    if (results.length === 1) await db.transact(db.tx.ticks[one].update({ n: 1 }));
    if (results.length === 2) sub.close();
  }
  assert.deepEqual(results, [0, 1]);
});

test("presence of an empty room", async () => {
  assert.deepEqual(await db.rooms.getPresence("chat", "nobody-here"), {});
});
