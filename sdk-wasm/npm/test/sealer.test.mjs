// Records of the data API whose secret attributes the server cannot read: this package beside the unmodified clients of the data API.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { id, init } from "@instantdb/admin";
import { KeysteadError } from "@keystead/sdk";
import { env, failure, newUser } from "./support.mjs";

const { appId, adminToken, url: apiURI } = env;
const admin = init({ appId, adminToken, apiURI });

/** Two users in a group, and a client of the data API for each: a JWT of the key API signs in there too. */
async function pair() {
	const [alice, bob] = [await newUser("alice"), await newUser("bob")];
	const group = await alice.user.getGroup(await alice.user.createGroup());
	await group.inviteAuto(bob.id);
	const his = await bob.user.getGroup(group.group_id);
	const as = async (who) => init({ appId, apiURI }).asUser({ token: await who.user.getJwt() });
	return { alice, bob, group, his, aliceDb: await as(alice), bobDb: await as(bob) };
}

/** What is at rest, with what the server has in its journal. */
function stored() {
	const files = readdirSync(env.dataDir, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
	return Buffer.concat(files.map((file) => readFileSync(join(file.parentPath, file.name))));
}

const rules = {
	notes: { allow: { view: "auth.id in data.members", create: "auth.id in data.members", update: "auth.id in data.members" } },
};

async function setRules(code) {
	const response = await fetch(`${apiURI}/dash/apps/${appId}/rules`, {
		method: "POST",
		headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
		body: JSON.stringify({ code }),
	});
	assert.equal(response.status, 200, await response.text());
}

test("two users share sealed records; the server has no clear text", async () => {
	await setRules(rules);
	const { alice, bob, group, his, aliceDb: db, bobDb } = await pair();
	const members = [alice.id, bob.id];
	const canary = `canary${id()}`;

	// doc: sealed records
	// `db` is a client of the data API as it is published: @instantdb/core, react or admin.
	const notes = group.sealer("notes", ["title", "body"]);
	const noteId = id();
	const secret = await notes.seal(noteId, { title: "Milk", body: { text: canary, tags: ["a", 1] }, done: false, members });
	await db.transact(db.tx.notes[noteId].update(secret));

	const result = await db.query({ notes: {} });
	const opened = await notes.open(result); // { notes: [{ id, title: "Milk", body: {…}, done: false, … }] }
	// doc: end

	const plain = { id: noteId, title: "Milk", body: { text: canary, tags: ["a", 1] }, done: false, members };
	assert.deepEqual(opened, { notes: [plain] });
	assert.match(result.notes[0].title, /^ks1:[0-9a-f-]{36}:[\w-]+$/);
	const bobs = his.sealer("notes", ["title", "body"]);
	assert.deepEqual(await bobs.open(await bobDb.query({ notes: {} })), { notes: [plain] });
	await bobDb.transact(bobDb.tx.notes[noteId].update(bobs.sealSync(noteId, { title: null, body: "häuser" })));
	const [again] = await notes.open((await db.query({ notes: {} })).notes);
	assert.deepEqual([again.title, again.body], [null, "häuser"]);

	const carol = await newUser("carol");
	const hers = init({ appId, apiURI }).asUser({ token: await carol.user.getJwt() });
	assert.deepEqual(await hers.query({ notes: {} }), { notes: [] }, "the rule");
	await assert.rejects(carol.user.getGroup(group.group_id), failure("server_310"));

	const seen = JSON.stringify(await admin.query({ notes: {} }));
	assert.ok(seen.includes(noteId) && !seen.includes(canary) && !seen.includes("Milk"));
	const atRest = stored();
	assert.ok(atRest.includes(noteId) || atRest.includes(Buffer.from(noteId.replaceAll("-", ""), "hex")), "the record is there");
	assert.ok(!atRest.includes(canary));
	await setRules({});
});

test("every JSON value comes back equal", async () => {
	const { group, his } = await pair();
	const [mine, other] = [group.sealer("things", ["value"]), his.sealer("things", ["value"])];
	const values = ["", "ks1:a:b", "ä\u0000😀\ud800", 0, -1.5, 1e300, true, false, null, [], {}, [[[null]]], { a: { b: [1] } }, JSON.parse('{"__proto__":1}')];
	for (const value of values) {
		const record = { id: id(), value, open: value };
		const sealed = await mine.seal(record.id, record);
		assert.equal(typeof sealed.value, "string");
		assert.deepEqual(sealed.open, value);
		assert.deepEqual(await other.open(sealed), record);
		assert.deepEqual(other.openSync([sealed]), [record]);
	}
	assert.deepEqual(Object.keys(mine.sealSync(id(), { value: undefined, a: 1 })), ["value", "a"]);
	assert.deepEqual(mine.openSync({ id: id(), value: null }).value, null);
	for (const value of [() => 1, 1n, Symbol("s")]) {
		assert.throws(() => mine.sealSync(id(), { value }), KeysteadError);
	}
	const large = "a".repeat((1 << 20) - 2);
	const at = id();
	assert.equal(mine.openSync({ id: at, ...mine.sealSync(at, { value: large }) }).value, large);
	assert.throws(() => mine.sealSync(at, { value: `${large}a` }), failure("client_123"));
	assert.throws(() => mine.sealSync('lookup__slug__"a"', { value: 1 }), failure("client_102"));
	assert.throws(() => group.sealer("things", ["id"]), failure("sealer"));
	assert.throws(() => group.sealer("things", ["a"], { searchable: ["b"] }), failure("sealer"));
});

test("the server cannot put a value into another place, change, cut or replace it", async () => {
	const { group } = await pair();
	const [notes, drafts] = [group.sealer("notes", ["title", "body"]), group.sealer("drafts", ["title", "body"])];
	const [one, two] = [id(), id()];
	const sealed = notes.sealSync(one, { title: "a", body: "b" });
	const { title, body } = sealed;
	assert.deepEqual(notes.openSync({ id: one, title, body }), { id: one, title: "a", body: "b" });
	const refused = (name, sealer, record) =>
		assert.throws(() => sealer.openSync(record), (error) => {
			assert.equal(error.name, name);
			assert.deepEqual(error.place, { namespace: sealer.namespace, id: record.id, attribute: "title" });
			return error instanceof KeysteadError;
		});
	refused("client_21", notes, { id: two, title });
	refused("client_21", notes, { id: one, title: body });
	refused("client_21", drafts, { id: one, title });
	for (let end = 0; end < title.length; end++) {
		assert.throws(() => notes.openSync({ id: one, title: title.slice(0, end) }), KeysteadError, `cut at ${end}`);
	}
	refused("client_120", notes, { id: one, title: "ks1:" });
	refused("client_112", notes, { id: one, title: title.replace("ks1", "ks2") });
	refused("client_110", notes, { id: one, title: title.replace(/:[^:]+:/, `:${id()}:`) });
	for (const clear of ["a", "", 1, true, {}, [title]]) {
		refused("client_122", notes, { id: one, title: clear });
	}
	const [head, rest] = [title.slice(0, -10), title.slice(-10)];
	refused("client_21", notes, { id: one, title: head + (rest[0] === "A" ? "B" : "A") + rest.slice(1) });
	// An older value of the same place opens: nothing here tells new from old (docs/adr/0022).
	assert.equal(notes.openSync({ id: one, title }).title, "a");
});

test("results: nested records by their labels, failures, copies", async () => {
	const { group, aliceDb: db } = await pair();
	const notes = group.sealer("notes", ["title"]);
	const lists = group.sealer("lists", ["title"]);
	const [list, first, second] = [id(), id(), id()];
	await db.transact([
		db.tx.notes[first].update(notes.sealSync(first, { title: "one" })),
		db.tx.notes[second].update(notes.sealSync(second, { title: "two" })),
		db.tx.lists[list].update(lists.sealSync(list, { title: "the list", settings: { notes: [{ title: "clear" }] } })).link({ notes: [first, second] }),
	]);
	const result = await db.query({ lists: { $: { where: { id: list } }, notes: {} } });
	const before = structuredClone(result);
	const opened = await lists.open(await notes.open(result));
	assert.deepEqual(result, before, "what the client of the data API holds is not changed");
	assert.equal(opened.lists[0].title, "the list");
	assert.deepEqual(opened.lists[0].notes.map((note) => note.title).sort(), ["one", "two"]);
	assert.deepEqual(opened.lists[0].settings, before.lists[0].settings, "a JSON value without id is no record");
	assert.equal(await group.sealer("others", ["title"]).open(result), result, "nothing to open, nothing copied");

	// A link with another name than the namespace, to one record or to many.
	const [one, two] = result.lists[0].notes;
	const named = { lists: [{ id: list, items: [one], main: two }] };
	assert.equal(notes.openSync(named), named);
	const [renamed] = group.sealer("notes", ["title"], { labels: ["items", "main"] }).openSync(named).lists;
	assert.deepEqual([renamed.items[0].title, renamed.main.title].sort(), ["one", "two"]);

	const forged = { lists: [{ id: list, notes: [{ id: first, title: "forged" }, ...result.lists[0].notes.filter((note) => note.id === second)] }] };
	await assert.rejects(notes.open(forged), failure("client_122"));
	const failed = [];
	const rest = await notes.open(forged, { failed: (error) => (failed.push(error.place), undefined) });
	assert.deepEqual(rest.lists[0].notes.map((note) => note.title), [undefined, "two"]);
	assert.deepEqual(failed, [{ namespace: "notes", id: first, attribute: "title" }]);
	let deep = { id: list };
	for (let depth = 0; depth < 100; depth++) deep = { id: list, notes: deep };
	assert.throws(() => notes.openSync(deep), failure("sealer"));
});

test("after a rotation new values are out of reach of who was kicked, old ones open", async () => {
	const { alice, bob, group, his } = await pair();
	const carol = await newUser("carol");
	await group.inviteAuto(carol.id);
	const hers = await carol.user.getGroup(group.group_id);
	const [of, mine, bobs, carols] = [["text"], ...[group, his, hers].map((one) => one.sealer("notes", ["text"]))];
	const [before, after] = [id(), id()];
	const old = { id: before, ...bobs.sealSync(before, { text: "old" }) };
	await group.kickUser(bob.id);
	await group.keyRotation();
	const fresh = { id: after, ...(await mine.seal(after, { text: "new" })) };
	assert.notEqual(fresh.text.split(":")[1], old.text.split(":")[1]);
	assert.equal((await mine.open(old)).text, "old");
	assert.equal((await bobs.open(old)).text, "old", "what he has read he may keep");
	await assert.rejects(bobs.open(fresh), failure("server_310"));
	assert.throws(() => bobs.openSync(fresh), failure("client_110"));
	const mixed = await bobs.open([old, fresh], { failed: () => "🔒" });
	assert.deepEqual(mixed.map((note) => note.text), ["old", "🔒"]);
	// Carol's group object knows nothing of the rotation; opening fetches the key, and from then on it seals.
	let seen;
	for (let wait = 0; wait < 100 && !seen; wait++) {
		seen = await carols.open([old, fresh]).catch((error) => void assert.ok(error.serverCode, error.stack));
	}
	assert.deepEqual(seen.map((note) => note.text), ["old", "new"]);
	assert.equal(carols.sealSync(after, { text: "x" }).text.split(":")[1], fresh.text.split(":")[1]);
	assert.equal((await (await alice.user.getGroup(group.group_id)).sealer("notes", of).open(fresh)).text, "new");
});

test("searchable attributes are found by equality", async () => {
	const { group, his, aliceDb: db, bobDb } = await pair();
	const [ann, ben] = [id(), id()];

	// doc: sealed search
	const people = group.sealer("people", ["email", "name"], { searchable: ["email"] });
	await db.transact([
		db.tx.people[ann].update(people.sealSync(ann, { email: "ann@example.com", name: "Ann", age: 1 })),
		db.tx.people[ben].update(people.sealSync(ben, { email: "ben@example.com", name: "Ben", age: 2 })),
	]);
	const where = people.where({ email: "ann@example.com" }); // { email_search: "…" }
	const anns = await people.open(await db.query({ people: { $: { where } } }));
	// doc: end

	assert.deepEqual(anns.people, [{ id: ann, email: "ann@example.com", name: "Ann", age: 1 }]);
	const options = { searchable: ["email"] };
	const bobs = his.sealer("people", ["email", "name"], options);
	const found = async (conditions) => {
		const { people: all } = await bobs.open(await bobDb.query({ people: { $: { where: bobs.where(conditions) } } }));
		return all;
	};
	assert.deepEqual(await found({ email: "ann@example.com" }), [{ id: ann, email: "ann@example.com", name: "Ann", age: 1 }]);
	assert.deepEqual((await found({ email: "ann@example.com", age: 2 })).length, 0);
	assert.deepEqual((await found({ email: { $in: ["ann@example.com", "ben@example.com"] } })).length, 2);
	assert.deepEqual((await found({ or: [{ email: "ben@example.com" }, { age: 1 }] })).length, 2);
	assert.deepEqual((await found({ email: "Ann@example.com" })).length, 0, "equal is equal");

	assert.ok(!stored().includes("ann@example.com"));

	// After a rotation the tokens are the same.
	await group.keyRotation();
	await db.transact(db.tx.people[ben].update(people.sealSync(ben, { email: "ann@example.com" })));
	assert.equal((await db.query({ people: { $: { where: people.where({ email: "ann@example.com" }) } } })).people.length, 2);
	await db.transact(db.tx.people[ben].update(people.sealSync(ben, { email: null })));
	assert.equal((await db.query({ people: { $: { where: people.where({ email: "ann@example.com" }) } } })).people.length, 1);

	assert.throws(() => people.where({ name: "Ann" }), failure("sealer"), "the clear text does not leave");
	assert.throws(() => people.where({ email: { $like: "a%" } }), failure("sealer"));
	assert.throws(() => people.sealSync(ann, { email: 7 }), failure("sealer"));
	assert.notEqual(people.where({ email: "a" }).email_search, group.sealer("staff", ["email"], options).where({ email: "a" }).email_search);
});

test("records of one user, on all his devices", async () => {
	const alice = await newUser("alice");
	const db = init({ appId, apiURI }).asUser({ token: await alice.user.getJwt() });
	const diary = alice.user.sealer("diary", ["text"], { searchable: ["text"] });
	const page = id();
	await db.transact(db.tx.diary[page].update(diary.sealSync(page, { text: "dear diary" })));
	await alice.user.keyRotation();
	const next = id();
	await db.transact(db.tx.diary[next].update(await diary.seal(next, { text: "dear diary" })));
	const laptop = (await alice.client.login(alice.identifier, "correct horse battery staple", true)).sealer("diary", ["text"], { searchable: ["text"] });
	const found = await laptop.open(await db.query({ diary: { $: { where: laptop.where({ text: "dear diary" }) } } }));
	assert.deepEqual(found.diary.map((one) => one.text), ["dear diary", "dear diary"]);
	assert.equal(new Set((await db.query({ diary: {} })).diary.map((one) => one.text.split(":")[1])).size, 2);
	const bob = await newUser("bob");
	await assert.rejects(bob.user.sealer("diary", ["text"]).open(await db.query({ diary: {} })), failure("client_110"));
});
