// The package in Node.js against a running server.

import assert from "node:assert/strict";
import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import { Client, KeysteadError, REFRESH_ENDPOINT } from "@keystead/sdk";
import { PASSWORD, device, env, failure, later, newUser, relay } from "./support.mjs";

test("nothing works before init, and the error says so", () => {
	assert.throws(() => new Client().prepareRegister("a", "b"), failure("not_initialised"));
});

test("register, log in, log out; wrong passwords and taken names have their codes", async () => {
	const { client } = await device();
	const identifier = `alice-${randomUUID()}`;
	assert.equal(await client.checkUserIdentifierAvailable(identifier), true);
	const id = await client.register(identifier, PASSWORD);
	assert.equal(await client.checkUserIdentifierAvailable(identifier), false);
	await assert.rejects(client.register(identifier, PASSWORD), failure("server_101"));
	await assert.rejects(client.login(identifier, "wrong", true), failure("server_112"));
	const { kind, u } = await client.login(identifier, PASSWORD);
	assert.deepEqual([kind, u.user_id], ["user", id]);
	assert.equal((await client.getActualUser()).user_id, id);
	const jwt = await u.getJwt();
	await u.logout();
	await assert.rejects(client.getActualUser(), failure("not_logged_in"));
	assert.equal(JSON.parse(await relay("GET", "/group/all/0/none", { jwt, token: env.publicToken })).status, false);
});

test("a reload keeps the login, a logout ends it", async () => {
	const alice = await newUser("alice");
	const group = await alice.user.getGroup(await alice.user.createGroup());
	const sealed = await group.encryptString("kept");
	const again = await device({ storage: alice.storage });
	assert.equal(again.found.user_id, alice.id);
	const same = await again.found.getGroup(group.group_id);
	assert.equal(await same.decryptString(sealed), "kept");
	await again.found.logout();
	assert.equal((await device({ storage: alice.storage })).found, undefined);
});

test("two users share a group; content, signatures, aad, search", async () => {
	const [alice, bob, carol] = [await newUser("alice"), await newUser("bob"), await newUser("carol")];
	const group = await alice.user.getGroup(await alice.user.createGroup());
	await assert.rejects(bob.user.getGroup(group.group_id), failure("server_310"));
	await group.invite(bob.id);
	assert.equal((await bob.user.getGroupInvites())[0].group_id, group.group_id);
	await bob.user.acceptGroupInvite(group.group_id);
	const his = await bob.user.getGroup(group.group_id);
	assert.deepEqual([group.rank, his.rank, his.access_by], [0, 4, "User"]);
	assert.deepEqual((await his.getMember()).map((member) => member.user_id), [alice.id]);

	assert.equal(await his.decryptString(await group.encryptString("häuser")), "häuser");
	const signed = await group.encryptString("signed", { sign: true, aad: "page 3" });
	assert.equal(await his.decryptString(signed, { verify_user_id: alice.id, aad: "page 3" }), "signed");
	await assert.rejects(his.decryptString(signed), KeysteadError);
	await assert.rejects(his.decryptString(signed, { verify_user_id: bob.id, aad: "page 3" }), KeysteadError);
	for (const size of [0, 1000, 1 << 20]) {
		const bytes = randomBytes(size);
		for (const options of [{}, { sign: true }, { aad: "x" }]) {
			const sealed = await group.encrypt(bytes, options);
			const plain = await his.decrypt(sealed, { aad: options.aad, ...(options.sign && { verify_user_id: alice.id }) });
			assert.ok(bytes.equals(plain));
			sealed[sealed.length - 1] ^= 1;
			await assert.rejects(his.decrypt(sealed, { aad: options.aad }), KeysteadError);
		}
	}
	assert.deepEqual(group.createSearchRaw("hello", true), [his.search("hello")]);
	assert.ok(group.encryptSortableRawNumber(7) < his.encryptSortableRawNumber(8));

	const letter = await alice.user.encryptString("dear Bob", bob.id, true);
	assert.equal(await bob.user.decryptString(letter, alice.id), "dear Bob");
	await assert.rejects(carol.user.decryptString(letter), KeysteadError);
	assert.equal(await alice.user.createSafetyNumber(bob.id), await bob.user.createSafetyNumber(alice.id));
});

test("a tag that was cut short proves nothing, whatever opens the content", async () => {
	const alice = await newUser("alice");
	const group = await alice.user.getGroup(await alice.user.createGroup());
	const sealed = Buffer.from(await group.encrypt(new Uint8Array()));
	const end = sealed.indexOf(0);
	// Spaces in the head make it long enough for the implementation that is for large content.
	for (const spaces of [0, 2000]) {
		const padded = Buffer.concat([sealed.subarray(0, end), Buffer.alloc(spaces, " "), sealed.subarray(end)]);
		assert.equal((await group.decrypt(padded)).length, 0);
		for (const cut of [1, 4, 8, 12, 15, 16]) {
			await assert.rejects(group.decrypt(padded.subarray(0, -cut)), KeysteadError, `${spaces} ${cut}`);
		}
	}
});

test("keys are rotated; the other member takes the new one", async () => {
	const [alice, bob] = [await newUser("alice"), await newUser("bob")];
	const group = await alice.user.getGroup(await alice.user.createGroup());
	await group.inviteAuto(bob.id, 2);
	const his = await bob.user.getGroup(group.group_id);
	const old = await his.encryptString("old");
	const key = await group.keyRotation();
	const sealed = await group.encryptString("new");
	for (let wait = 0; wait < 100 && !his.keys.hasKey(key); wait++) {
		await his.finishKeyRotation();
	}
	assert.equal(await his.decryptString(sealed), "new");
	assert.equal(await group.decryptString(old), "old");
	await alice.user.keyRotation();
	await group.inviteAuto((await newUser("carol")).id);
	const child = await group.getChildGroup(await group.createChildGroup());
	const bobs = await bob.user.getGroup(child.group_id);
	assert.equal(await bobs.decryptString(await child.encryptString("child")), "child");
});

test("files: parts, progress, names, streams, signatures", async () => {
	const [alice, bob] = [await newUser("alice"), await newUser("bob")];
	const group = await alice.user.getGroup(await alice.user.createGroup());
	await group.inviteAuto(bob.id);
	const his = await bob.user.getGroup(group.group_id);
	const bytes = randomBytes(9 * 1024 * 1024 + 77);
	const stream = () => new Blob([bytes]).stream();
	for (const [source, sign] of [
		[new File([bytes], "häuser.png"), false],
		[bytes, true],
		[stream(), false],
	]) {
		const progress = [];
		const name = source instanceof File ? undefined : "named.bin";
		const made = await group.createFile(source, { name, sign, upload_callback: (done) => progress.push(done) });
		assert.equal(progress.length, 3);
		assert.equal(progress[2], source instanceof ReadableStream ? bytes.length : 1);
		const seen = [];
		const options = { download_callback: (done) => seen.push(done), ...(sign && { verify_user_id: alice.id }) };
		const [blob, meta] = await his.downloadFileBlob(made.file_id, options);
		assert.ok(bytes.equals(Buffer.from(await blob.arrayBuffer())));
		assert.equal(meta.file_name, name ?? "häuser.png");
		assert.deepEqual(seen, [1 / 3, 2 / 3, 1]);
		await group.updateFileName(made.file_id, "other");
		assert.equal((await his.getFileMeta(made.file_id)).file_name, "other");
		await group.deleteFile(made.file_id);
		await assert.rejects(his.getFileMeta(made.file_id), failure("server_512"));
	}
	const own = await alice.user.createFile(new File(["dear Bob"], "letter"), { reply_id: bob.id });
	const [url, meta] = await bob.user.downloadFile(own.file_id);
	assert.equal(await (await fetch(url)).text(), "dear Bob");
	assert.equal(meta.file_name, "letter");
});

test("a second device, a new password, a second factor", async () => {
	const alice = await newUser("alice");
	const laptop = await device();
	const identifier = `laptop-${randomUUID()}`;
	const text = await laptop.client.registerDeviceStart(identifier, PASSWORD);
	await alice.user.registerDevice(text);
	const there = await laptop.client.login(identifier, PASSWORD, true);
	assert.equal(there.user_id, alice.id);
	assert.equal((await alice.user.getDevices()).length, 2);
	await alice.user.changePassword(PASSWORD, "new password");
	await assert.rejects(alice.client.login(alice.identifier, PASSWORD, true), failure("server_112"));
	await alice.user.resetPassword(PASSWORD);

	const [address, recover] = await alice.user.registerOtp("app", "alice", PASSWORD);
	assert.match(address, /^otpauth:\/\/totp\//);
	await assert.rejects(alice.client.login(alice.identifier, PASSWORD, true), failure("second_factor"));
	const first = await alice.client.login(alice.identifier, PASSWORD);
	assert.equal(first.kind, "mfa");
	await assert.rejects(alice.client.mfaLogin("000000", first.u), failure("server_902"));
	const again = await alice.client.mfaLogin(totp(address), first.u);
	assert.equal(again.user_id, alice.id);
	const second = await alice.client.login(alice.identifier, PASSWORD);
	assert.equal((await alice.client.mfaRecoveryLogin(recover[0], second.u)).user_id, alice.id);
	await again.disableOtp(PASSWORD, { recovery_key: recover[1] });
	await alice.client.login(alice.identifier, PASSWORD, true);
});

test("JWTs are refreshed by the API, and by the app's function", async () => {
	const alice = await newUser("alice");
	const before = await alice.user.getJwt();
	await later(290, async () => {
		const [one, two] = await Promise.all([alice.user.getJwt(), alice.user.getJwt()]);
		assert.equal(one, two);
		assert.notEqual(one, before);
	});

	let kept;
	const asked = [];
	const bob = await newUser("bob", {
		refresh: {
			endpoint: REFRESH_ENDPOINT.cookie_fn,
			endpoint_fn: async (old_jwt) => {
				asked.push(old_jwt);
				const body = JSON.stringify({ refresh_token: kept });
				return JSON.parse(await relay("PUT", "/refresh", { jwt: old_jwt, body })).result.jwt;
			},
		},
	});
	kept = bob.user.refresh_token;
	const old = await bob.user.getJwt();
	assert.equal((await device({ storage: bob.storage })).found.refresh_token, "", "the client does not keep it");
	await later(290, async () => assert.notEqual(await bob.user.getJwt(), old));
	assert.deepEqual(asked, [old]);
});

/** The six digits of an authenticator. */
function totp(address) {
	const url = new URL(address);
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	let bits = "";
	for (const letter of url.searchParams.get("secret").replace(/=+$/, "")) {
		bits += alphabet.indexOf(letter).toString(2).padStart(5, "0");
	}
	const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000 / Number(url.searchParams.get("period") ?? 30))));
	const algorithm = (url.searchParams.get("algorithm") ?? "SHA1").toLowerCase();
	const mac = createHmac(algorithm, key).update(counter).digest();
	const at = mac[mac.length - 1] & 15;
	return String((mac.readUInt32BE(at) & 0x7fffffff) % 10 ** Number(url.searchParams.get("digits") ?? 6)).padStart(6, "0");
}
