// The blocks of docs/sdk-javascript.md, run; and a check that they are these.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import Sdk, { MemoryStorage, REFRESH_ENDPOINT } from "@keystead/sdk";
import { env, relay } from "./support.mjs";

const app_token = env.publicToken;
const base_url = env.url;
const run = randomUUID();

// Names of this run, so that the samples can say "username".
const named = (call) => (name, ...rest) => call.call(Sdk, `${name}-${run}`, ...rest);
const storage = new MemoryStorage();
const Keystead = {
	init: (options) => Sdk.init({ ...options, storage }),
	register: named(Sdk.register),
	login: named(Sdk.login),
	prepareRegister: (name, password) => Sdk.prepareRegister(`${name}-own-${run}`, password),
	doneRegister: (output) => Sdk.doneRegister(output),
};
const backend = (method, path, body) => relay(method, path, { body });

test("the guide", async () => {
	const found = await Keystead.init({ app_token, base_url });
	assert.equal(found, undefined);
	const user_id = await Keystead.register("username", "password");
	const user = await Keystead.login("username", "password", true);
	const group_id = await user.createGroup();
	const group = await user.getGroup(group_id);
	const secret = await group.encryptString("hello");
	const text = await group.decryptString(secret);
	assert.deepEqual([text, user.user_id], ["hello", user_id]);

	const [file, progress] = [new File(["content"], "a.txt"), []];
	const made = await group.createFile(file, { upload_callback: (done) => progress.push(done) });
	const [url, meta] = await group.downloadFile(made.file_id);
	assert.deepEqual([await (await fetch(url)).text(), meta.file_name, progress], ["content", "a.txt", [1]]);

	const input = Keystead.prepareRegister("username", "password");
	const server_output = await backend("POST", "/register", input);
	const registered = Keystead.doneRegister(server_output);
	assert.notEqual(registered, user_id);

	const failed =
		await Keystead.login("username", "wrong", true).catch((error) => [error.name, error.code]);
	assert.deepEqual(failed, ["server_112", 112]);

	const refresh = async (old_jwt) => old_jwt;
	await Keystead.init({ app_token, base_url, refresh: { endpoint: REFRESH_ENDPOINT.cookie_fn, endpoint_fn: (old_jwt) => refresh(old_jwt) } });
});

test("every block of the guide stands in this file", () => {
	const guide = readFileSync(new URL("../../../docs/sdk-javascript.md", import.meta.url), "utf8");
	const lines = readFileSync(new URL(import.meta.url), "utf8").split("\n").map((line) => line.trim());
	const blocks = [...guide.matchAll(/```js\n([\s\S]*?)```/g)].map(([, block]) => block.trim().split("\n"));
	assert.ok(blocks.length >= 6);
	for (const line of blocks.flat()) {
		assert.ok(lines.includes(line.trim()), `not run: ${line}`);
	}
});
