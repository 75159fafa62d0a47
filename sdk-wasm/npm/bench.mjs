// `cargo xtask bench sdk` runs this (`node --expose-gc`): this package in Node.js and in a headless Chromium, each beside WebCrypto
// there, and the npm client of 2022 in Node.js. One JSON line for each figure: {row, of, value, share?}; the share is of WebCrypto in
// the same rounds.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname } from "node:path";
import { chromium } from "playwright-core";
import { Client, MemoryStorage } from "./dist/index.js";
import { accounts, content } from "./bench-work.mjs";

const base_url = process.env.KEYSTEAD_URL;
const app_token = process.env.KEYSTEAD_PUBLIC_TOKEN;
const ROUNDS = Number(process.env.KEYSTEAD_ROUNDS ?? 5);
const FILE = 64 << 20;
const THEIRS = "npm client 0.3.1";

const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

const ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--js-flags=--expose-gc"];

const tell = (row, of, value, share) => console.log(JSON.stringify({ row, of, value, share }));

await node();
await older();
await browser();

async function node() {
	const client = new Client();
	await client.init({ app_token, base_url, storage: new MemoryStorage() });
	const login = (identifier) => client.login(identifier, "password", true);
	const user = await accounts("node", ROUNDS, randomUUID, (name) => client.register(name, "password"), login, tell);
	const group = await user.getGroup(await user.createGroup());
	await content({ of: "node", yardstick: "WebCrypto in node", rounds: ROUNDS, group, tell });
	await files(group);
}

/** A file of 64 MiB up and down, and what its parts take of memory meanwhile. */
async function files(group) {
	const source = new Blob(Array(64).fill(new Uint8Array(1 << 20)));
	const [up, down, peaks] = [[], [], []];
	for (let round = 0; round < ROUNDS; round++) {
		const memory = grown();
		let start = performance.now();
		const { file_id } = await group.createFile(source);
		up.push(FILE / 1e3 / (performance.now() - start));
		peaks.push(memory.peak());
		start = performance.now();
		let read = 0;
		const [stream] = await group.downloadFileStream(file_id);
		for await (const part of stream) {
			read += part.length;
		}
		down.push(FILE / 1e3 / (performance.now() - start));
		if (read !== FILE) {
			throw new Error(`${read} bytes came back`);
		}
		await group.deleteFile(file_id);
	}
	tell("file up 64 MiB, MB/s", "node", median(up));
	tell("file down 64 MiB, MB/s", "node", median(down));
	// With what waits for the garbage collection.
	tell("file peak, MiB", "node", Math.max(...peaks));
}

/** How far the bytes in buffers grow from now on, MiB. */
function grown() {
	const before = process.memoryUsage().arrayBuffers;
	let most = before;
	const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().arrayBuffers)), 1);
	return {
		peak() {
			clearInterval(timer);
			return (most - before) / (1 << 20);
		},
	};
}

/** The npm client of 2022: encryption in wasm only. */
async function older() {
	const { connect } = await import(new URL("../../tests/clients/shim.mjs", import.meta.url));
	const { Sentc } = await connect({ baseUrl: base_url, appToken: app_token });
	const login = (identifier) => Sentc.login(identifier, "password");
	const user = await accounts(THEIRS, ROUNDS, randomUUID, (name) => Sentc.register(name, "password"), login, tell);
	const group = await user.getGroup(await user.createGroup());
	await content({ of: THEIRS, rounds: Math.min(ROUNDS, 2), group, tell });
}

async function browser() {
	const page = createServer(served);
	await new Promise((ready) => page.listen(0, "127.0.0.1", ready));
	const executablePath = process.env.KEYSTEAD_CHROMIUM || "/usr/bin/chromium";
	const started = await chromium.launch({ executablePath, args: ARGS });
	try {
		const tab = await started.newPage();
		await tab.exposeFunction("tell", tell);
		await tab.goto(`http://127.0.0.1:${page.address().port}/`);
		await tab.evaluate(inPage, { base_url, app_token, rounds: ROUNDS });
	} finally {
		await started.close();
		page.closeAllConnections();
		page.close();
	}
}

/** Runs in the page. */
async function inPage({ base_url, app_token, rounds }) {
	const { Client } = await import("/dist/index.js");
	const { accounts, content } = await import("/bench-work.mjs");
	const client = new Client();
	await client.init({ app_token, base_url });
	const id = () => crypto.randomUUID();
	const login = (identifier) => client.login(identifier, "password", true);
	const user = await accounts("chromium", rounds, id, (name) => client.register(name, "password"), login, window.tell);
	const group = await user.getGroup(await user.createGroup());
	await content({ of: "chromium", yardstick: "WebCrypto in chromium", rounds, group, tell: window.tell });
}

function served({ url }, res) {
	if (url === "/") {
		res.writeHead(200, { "content-type": "text/html" });
		return res.end("<!doctype html><title>bench</title>");
	}
	if (!/^\/(dist\/[\w/.-]+|bench-work\.mjs)$/.test(url) || url.includes("..")) {
		res.writeHead(404);
		return res.end();
	}
	res.writeHead(200, { "content-type": TYPES[extname(url)] ?? "text/plain" });
	res.end(readFileSync(new URL(`.${url}`, import.meta.url)));
}

function median(values) {
	return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
