// `cargo xtask bench sdk` runs this: this package in Node.js, the npm client of 2022 beside it, WebCrypto alone as yardstick.
// One JSON line for each figure: {what, of, size?, value, unit}. The best of several runs.

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { Client, MemoryStorage } from "./dist/index.js";

const base_url = process.env.KEYSTEAD_URL;
const app_token = process.env.KEYSTEAD_PUBLIC_TOKEN;
const SIZES = { "1 KiB": 1 << 10, "1 MiB": 1 << 20, "64 MiB": 64 << 20 };
const OURS = "@keystead/sdk";
const THEIRS = "@sentclose/sentc 0.3.1";

function tell(what, of, size, value, unit) {
	console.log(JSON.stringify({ what, of, size, value: Number(value.toPrecision(3)), unit }));
}

/** Milliseconds of the fastest run; short work is repeated within a run. */
async function best(work, least = 200) {
	let fastest = Infinity;
	for (let run = 0; run < 5; run++) {
		let count = 0;
		const start = performance.now();
		do {
			await work();
			count += 1;
		} while (performance.now() - start < least);
		fastest = Math.min(fastest, (performance.now() - start) / count);
	}
	return fastest;
}

const speed = (bytes, ms) => bytes / 1e6 / (ms / 1e3);

async function accounts(of, client, login) {
	const name = () => `bench-${randomUUID()}`;
	tell("register", of, undefined, await best(() => client.register(name(), "password"), 0), "ms");
	const identifier = name();
	await client.register(identifier, "password");
	tell("login", of, undefined, await best(() => login(identifier), 0), "ms");
	return login(identifier);
}

const client = new Client();
await client.init({ app_token, base_url, storage: new MemoryStorage() });
const user = await accounts(OURS, client, (identifier) => client.login(identifier, "password", true));
const group = await user.getGroup(await user.createGroup());

const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
const gcm = { name: "AES-GCM", iv: new Uint8Array(12) };
for (const [size, bytes] of Object.entries(SIZES)) {
	const data = new Uint8Array(bytes).fill(7);
	const raw = new Uint8Array(await crypto.subtle.encrypt(gcm, key, data));
	tell("encrypt", "WebCrypto", size, speed(bytes, await best(() => crypto.subtle.encrypt(gcm, key, data))), "MB/s");
	tell("decrypt", "WebCrypto", size, speed(bytes, await best(() => crypto.subtle.decrypt(gcm, key, raw))), "MB/s");
	const sealed = await group.encrypt(data);
	tell("encrypt", OURS, size, speed(bytes, await best(() => group.encrypt(data))), "MB/s");
	tell("encrypt, in two pieces", OURS, size, speed(bytes, await best(() => group.encryptParts(data))), "MB/s");
	tell("decrypt", OURS, size, speed(bytes, await best(() => group.decrypt(sealed))), "MB/s");
	if (bytes <= 1 << 20) {
		const inWasm = group.keys.newestKey();
		const none = new Uint8Array();
		tell("encrypt, in wasm", OURS, size, speed(bytes, await best(() => inWasm.encrypt(data, none))), "MB/s");
	}
}

// Beside it, when `tests/clients` is installed.
const clients = new URL("../../tests/clients/", import.meta.url);
const { connect } = await import(new URL("shim.mjs", clients));
createRequire(new URL("shim.mjs", clients)).resolve("@sentclose/sentc");
const { Sentc } = await connect({ baseUrl: base_url, appToken: app_token });
const older = await accounts(THEIRS, Sentc, (identifier) => Sentc.login(identifier, "password"));
const olderGroup = await older.getGroup(await older.createGroup());
for (const [size, bytes] of Object.entries(SIZES)) {
	const data = new Uint8Array(bytes).fill(7);
	try {
		const sealed = await olderGroup.encrypt(data);
		tell("encrypt", THEIRS, size, speed(bytes, await best(() => olderGroup.encrypt(data))), "MB/s");
		tell("decrypt", THEIRS, size, speed(bytes, await best(() => olderGroup.decrypt(sealed))), "MB/s");
	} catch (error) {
		console.log(JSON.stringify({ what: "encrypt", of: THEIRS, size, failed: String(error) }));
	}
}
