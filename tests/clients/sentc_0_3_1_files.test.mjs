// Files and registered keys with the npm package @sentclose/sentc 0.3.1; how to run: see sentc_0_3_1.test.mjs.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { UUID, anotherBrowser, env, failsWith, groupOf, newUser, recordRequests, relay } from "./support.mjs";

// The one thing of a browser that the package's files need and Node lacks.
globalThis.FileReader ??= class FileReader {
	readAsArrayBuffer(blob) {
		blob.arrayBuffer().then(
			(result) => this.onloadend({ target: { result } }),
			(error) => this.onerror(error),
		);
	}
};

/** A file in two parts, with a name that is not ASCII. */
function newFile() {
	const bytes = randomBytes(4 * 1024 * 1024 + 1234);
	return { bytes, file: new File([bytes], "häuser.png") };
}

async function bytesAt(url) {
	return Buffer.from(await (await fetch(url)).arrayBuffer());
}

describe("files", () => {
	test("a group's file: upload in parts, download by another member, delete", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice, bob);
		const { bytes, file } = newFile();
		const progress = [];
		const { result: out, requests } = await recordRequests(() =>
			group.createFile(file, false, (done) => progress.push(done)),
		);
		assert.match(out.file_id, UUID);
		assert.deepEqual(progress, [0.5, 1]);
		assert.deepEqual(
			requests.map(({ method, path }) => `${method} ${path.replaceAll(/[0-9a-f-]{36}/g, "ID")}`),
			["POST /keys/sym_key", "POST /group/ID/file", "POST /file/part/ID/1/false", "POST /file/part/ID/2/true"],
		);

		const bobsGroup = await bob.user.getGroup(id);
		const { result: read, requests: reads } = await recordRequests(() =>
			bobsGroup.downloadFile(out.file_id, out.master_key_id),
		);
		const [url, meta] = read;
		assert.ok((await bytesAt(url)).equals(bytes));
		assert.equal(meta.file_name, "häuser.png");
		assert.equal(meta.belongs_to, id);
		assert.equal(meta.part_list.length, 2);
		assert.deepEqual(
			reads.map(({ path }) => path.replaceAll(/[0-9a-f-]{36}/g, "ID")),
			["/group/ID/file/ID", "/keys/sym_key/ID", "/file/part/ID", "/file/part/ID"],
		);

		const carol = await newUser("carol");
		await failsWith(521, carol.user.downloadFile(out.file_id, out.master_key_id));
		await failsWith(301, bobsGroup.deleteFile(out.file_id));
		await group.deleteFile(out.file_id);
		await failsWith(512, bobsGroup.downloadFile(out.file_id, out.master_key_id));
	});

	// Of a signed file that is very short, or read without a verify key, this client often gives other bytes: it hands
	// out memory that it has already freed.
	test("signed files are checked by the reader", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { group } = await groupOf(alice);
		const { key: hers } = await alice.Sentc.getUserVerifyKeyData(env.url, env.publicToken, alice.id);
		const { key: his } = await alice.Sentc.getUserVerifyKeyData(env.url, env.publicToken, bob.id);
		const { bytes, file } = newFile();
		const out = await group.createFile(file, true);
		const [url] = await group.downloadFile(out.file_id, out.master_key_id, hers);
		assert.ok((await bytesAt(url)).equals(bytes));
		await assert.rejects(group.downloadFile(out.file_id, out.master_key_id, his), "another user's signature");
	});

	test("a user's own file and a file for another user", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { bytes, file } = newFile();
		const own = await alice.user.createFile(file);
		const again = await anotherBrowser(alice);
		const [url, meta] = await again.user.downloadFile(own.file_id, own.master_key_id);
		assert.ok((await bytesAt(url)).equals(bytes));
		assert.equal(meta.file_name, "häuser.png");
		await failsWith(521, bob.user.downloadFile(own.file_id, own.master_key_id));
		await failsWith(521, bob.user.deleteFile(own.file_id));

		const letter = await alice.user.createFile(new File(["dear Bob"], "letter"), false, bob.id);
		const [letterUrl, letterMeta, key] = await bob.user.downloadFile(letter.file_id, letter.master_key_id);
		assert.equal(String(await bytesAt(letterUrl)), "dear Bob");
		assert.equal(letterMeta.file_name, "letter");
		await failsWith(521, bob.user.updateFileName(letter.file_id, key, "his"));
		await alice.user.deleteFile(own.file_id);
		await failsWith(512, alice.user.downloadFile(own.file_id, own.master_key_id));
	});

	test("the owner gives a file another name", async () => {
		const alice = await newUser("alice");
		const out = await alice.user.createFile(new File(["text"], "old"));
		const [, , key] = await alice.user.downloadFile(out.file_id, out.master_key_id);
		await alice.user.updateFileName(out.file_id, key, "new");
		const [, meta] = await alice.user.downloadFile(out.file_id, out.master_key_id);
		assert.equal(meta.file_name, "new");
	});

	test("the customer's backend relays the registration", async () => {
		const alice = await newUser("alice");
		const { id, group } = await groupOf(alice);
		const file = new File(["through the backend"], "name");
		const prepared = await group.prepareRegisterFile(file);
		const jwt = await alice.user.getJwt();
		const { text } = await relay("POST", `/group/${id}/file`, { jwt, body: prepared.server_input });
		const { file_id, session_id } = JSON.parse(text).result;
		group.doneFileRegister(text);
		const { Uploader } = await uploaderOf();
		await new Uploader(env.url, env.publicToken, alice.user, id).checkFileUpload(file, prepared.key.key, session_id);
		const [url] = await group.downloadFile(file_id, prepared.master_key_id);
		assert.equal(String(await bytesAt(url)), "through the backend");
	});
});

describe("registered keys", () => {
	test("register, fetch by another member, list, delete", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice, bob);
		const key = await group.registerKey();
		const text = key.encryptString("hello");
		const his = await (await bob.user.getGroup(id)).fetchKey(key.key_id, key.master_key_id);
		assert.equal(his.decryptString(text), "hello");
		const jwt = await bob.user.getJwt();
		await failsWith(400, bob.wasm.delete_sym_key(env.url, env.publicToken, jwt, key.key_id));
		const list = await bob.wasm.get_keys_for_master_key(
			env.url,
			env.publicToken,
			key.master_key_id,
			"0",
			"none",
			await (await bob.user.getGroup(id)).getSymKeyById(key.master_key_id),
		);
		assert.ok(list, "the client reads the list");
		await alice.wasm.delete_sym_key(env.url, env.publicToken, await alice.user.getJwt(), key.key_id);
		await failsWith(400, (await bob.user.getGroup(id)).fetchKey(key.key_id, key.master_key_id));
	});
});

async function uploaderOf() {
	const { createRequire } = await import("node:module");
	return createRequire(import.meta.url)("@sentclose/sentc/lib/file");
}
