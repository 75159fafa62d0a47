// The cross vectors of tests/vectors, made and read by the wasm module. Its randomness is `crypto.getRandomValues`, so the
// known generator takes that place and the module as it is shipped makes every output again.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as wasm from "../dist/wasm/keystead.js";

const file = JSON.parse(readFileSync(new URL("../../../tests/vectors/sdk.json", import.meta.url)));
wasm.initSync({ module: readFileSync(new URL("../dist/wasm/keystead_bg.wasm", import.meta.url)) });
const NO_AAD = new Uint8Array();
const UTF8 = new TextEncoder();

/** Runs `work` with the generator of the README beside the file. */
function seeded(seed, work) {
	const real = crypto.getRandomValues;
	let counter = 0n;
	crypto.getRandomValues = (out) => {
		for (let at = 0; at < out.length; at += 32) {
			const block = Buffer.alloc(16);
			block.writeBigUInt64LE(BigInt(seed), 0);
			block.writeBigUInt64LE(counter++, 8);
			out.set(createHash("sha256").update(block).digest().subarray(0, out.length - at), at);
		}
		return out;
	};
	try {
		return work();
	} finally {
		crypto.getRandomValues = real;
	}
}

function login({ identifier, password, prepare_login_answer, done_login_answer }) {
	const [body, start] = wasm.prepareLogin(identifier, password, prepare_login_answer);
	const begun = new wasm.Login(start);
	assert.equal(begun.doneLogin(done_login_answer), true);
	return { body, begun };
}

const { world } = file;
const trust = new wasm.Trust();
trust.import(world.pins);
const { body: loginBody, begun } = login(world);
const verifyBody = begun.prepareVerify(trust);
const alice = login(world).begun.doneVerify(world.verify_login_answer);
const group = alice.doneGetGroup(world.get_group_answer, world.group_id, trust);
const signed = new wasm.Trust();
signed.import(world.pins);
const publicKey = signed.checkPublicKey(world.user_id, world.public_key_answer);
const key = group.newestKey();
const aadOf = ({ aad }) => (aad == null ? NO_AAD : UTF8.encode(aad));
const b64 = (bytes) => Buffer.from(bytes).toString("base64");

/** What makes a case's output here; those that have no function in this package are not in it. */
const CALLS = {
	prepare_register: (a) => wasm.prepareRegister(a.identifier, a.password),
	generate_user_register_data: () => wasm.generateRegisterData(),
	prepare_register_device_start: (a) => wasm.prepareRegisterDeviceStart(a.identifier, a.password),
	done_register: (a) => wasm.doneRegister(a.answer),
	prepare_login_start: (a) => wasm.prepareLoginStart(a.identifier),
	prepare_login: () => loginBody,
	prepare_verify_login: () => verifyBody,
	prepare_change_password: (a) => begun.prepareChangePassword(a.new_password, a.refresh_token),
	prepare_group_keys_for_new_member: (a) => group.prepareKeysForNewMember(publicKey, Number(a.rank))[0],
	prepare_key_rotation: (a) => group.prepareKeyRotation(alice, a.sign),
	prepare_user_key_rotation: () => alice.prepareKeyRotation(),
	create_safety_number: undefined,
	create_search_raw: (a) => group.createSearch(a.text, a.full, a.limit ?? undefined),
	search: (a) => group.search(a.text),
	encrypt_sortable_number_raw: (a) => String(group.encryptSortableNumber(Number(a.number))),
	encrypt_sortable_string_raw: (a) => String(group.encryptSortableString(a.text)),
	encrypt_string: (a) => (a.sign ? key.encryptStringSigned(a.text, aadOf(a), alice) : key.encryptString(a.text, aadOf(a))),
	seal_value: (a) => key.sealValue(a.namespace, a.entity_id, a.attribute, a.json),
	search_value: (a) => group.searchValue(a.namespace, a.attribute, a.text),
	encrypt: (a) => b64(key.encrypt(Buffer.from(a.plain, "base64"), NO_AAD)),
	encrypt_string_asymmetric: (a) =>
		a.sign ? publicKey.encryptStringSigned(a.text, alice) : publicKey.encryptString(a.text),
};

test("every output is made again", () => {
	let made = 0;
	for (const { name, call, seed, args, out } of file.cases) {
		if (CALLS[call]) {
			assert.deepEqual(seeded(seed ?? 0, () => CALLS[call](args)), out, name);
			made += 1;
		}
	}
	assert.ok(made >= 20, `only ${made}`);
});

test("what the others encrypted opens", () => {
	const verify = trust.verifyKey(world.user_id, world.user_key_id);
	for (const { name, call, args, out } of file.cases) {
		if (call === "encrypt_string") {
			const plain = args.sign ? key.decryptStringVerified(out, aadOf(args), verify) : key.decryptString(out, aadOf(args));
			assert.equal(plain, args.text, name);
		} else if (call === "encrypt_string_asymmetric") {
			const plain = args.sign ? alice.decryptStringVerified(out, verify) : alice.decryptString(out);
			assert.equal(plain, args.text, name);
		} else if (call === "seal_value") {
			assert.equal(key.openValue(args.namespace, args.entity_id, args.attribute, out), args.json, name);
			assert.equal(wasm.sealedKeyId(out), key.id);
		} else if (call === "encrypt") {
			assert.equal(b64(key.decrypt(Buffer.from(out, "base64"), NO_AAD)), args.plain, name);
		}
	}
});

test("the errors have the same name and number", () => {
	const verify = trust.verifyKey(world.user_id, world.user_key_id);
	const calls = {
		decrypt_string: (a) =>
			a.verify ? key.decryptStringVerified(a.content, aadOf(a), verify) : key.decryptString(a.content, aadOf(a)),
		open_value: (a) => key.openValue(a.namespace, a.entity_id, a.attribute, a.sealed),
		prepare_login: (a) => wasm.prepareLogin(world.identifier, world.password, a.answer),
		done_register: (a) => wasm.doneRegister(a.answer),
	};
	for (const { call, args, code, status } of file.errors) {
		assert.throws(() => calls[call](args), { name: status, code }, call);
	}
});
