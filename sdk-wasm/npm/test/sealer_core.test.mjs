// Sealed records in live queries of the unmodified @instantdb/core, on which @instantdb/react is built.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as admin from "@instantdb/admin";
import { env, newUser } from "./support.mjs";
import WebSocket from "ws";

const { appId, adminToken, url: apiURI } = env;

/** What the client wants from outside of a browser: somewhere to keep things, and a network. */
class Memory extends Map {
	constructor() {
		super();
	}
	async getItem(key) {
		return this.get(key) ?? null;
	}
	async removeItem(key) {
		this.delete(key);
	}
	async multiSet(pairs) {
		for (const [key, value] of pairs) this.set(key, value);
	}
	async getAllKeys() {
		return [...this.keys()];
	}
}
const online = { getIsOnline: async () => true, listen: () => () => {} };

test("live queries of sealed records", async () => {
	const [alice, bob] = [await newUser("alice"), await newUser("bob")];
	const group = await alice.user.getGroup(await alice.user.createGroup());
	await group.inviteAuto(bob.id);
	const his = await bob.user.getGroup(group.group_id);
	const [mine, bobs] = [group.sealer("lives", ["text"]), his.sealer("lives", ["text"])];

	Object.assign(globalThis, { window: globalThis, WebSocket, BroadcastChannel: undefined });
	// The client tidies its memory a minute later; Node.js need not wait for that.
	const { setTimeout } = globalThis;
	globalThis.setTimeout = (work, ms, ...more) => {
		const timer = setTimeout(work, ms, ...more);
		return ms < 30_000 ? timer : timer.unref();
	};
	globalThis.addEventListener ??= globalThis.removeEventListener ??= () => {};
	const { id, init } = await import("@instantdb/core");
	const websocketURI = `${apiURI.replace(/^http/, "ws")}/runtime/session`;
	const db = init({ appId, apiURI, websocketURI, devtool: false }, Memory, online);
	// The app's backend gives the user of the key API a token of the data API, where he has the same id.
	const backend = admin.init({ appId, adminToken, apiURI });
	await db.auth.signInWithToken(await backend.auth.createToken({ id: bob.id }));
	assert.equal((await db.getAuth()).id, bob.id);
	const one = id();
	const texts = [];
	let woken = () => {};
	const show = ({ lives }) => {
		texts.push(...lives.map((live) => live.text));
		woken();
	};
	const fail = assert.ifError;

	// doc: sealed live query
	const stop = db.subscribeQuery({ lives: { $: { where: { id: one } } } }, ({ data, error }) => {
		if (error) return fail(error);
		bobs.open(data).then(show, fail);
	});
	// doc: end

	const until = async (text) => {
		while (texts.at(-1) !== text) await new Promise((resolve) => (woken = resolve));
	};
	await db.transact(db.tx.lives[one].update(mine.sealSync(one, { text: "first" })));
	await until("first");
	await db.transact(db.tx.lives[one].update(mine.sealSync(one, { text: "second" })));
	await until("second");
	stop();
	db.shutdown();
});
