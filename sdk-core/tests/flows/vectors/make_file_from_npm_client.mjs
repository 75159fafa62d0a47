// Makes npm_file_0_3_1.json with the unmodified client @sentclose/sentc@0.3.1 (MIT): the name and the parts of a file, so that
// our code is held to bytes that it did not make itself. The file is frozen: run this only to make a further vector.
//
//   cd tests/clients && npm ci && node ../../sdk-core/tests/flows/vectors/make_file_from_npm_client.mjs OUTPUT

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "package.json"));
// The module was built for browsers.
class Window {}
Object.setPrototypeOf(globalThis, Window.prototype);
Object.assign(globalThis, { Window, window: globalThis, self: globalThis });

const client = require("sentc_wasm");
const wasm = readFileSync(require.resolve("sentc_wasm/sentc_wasm_bg.wasm"));
await (client.default ?? client.init)(wasm);

// The only thing that leaves the client: the parts.
const sent = [];
globalThis.fetch = async (input, init) => {
	const request = new Request(input, init);
	sent.push({ path: new URL(request.url).pathname, body: Buffer.from(await request.arrayBuffer()).toString("base64") });
	return new Response(JSON.stringify({ status: true, result: "Success" }));
};

const master = JSON.stringify({ Aes: { key: Buffer.alloc(32, 7).toString("base64"), key_id: "master-1" } });
const made = client.generate_non_register_sym_key(master);
const content_key = made.get_key();
const prepared = client.file_prepare_register_file(content_key, "", '"None"', "häuser.png");
const plain = ["the first part", "the second part"];
for (const [i, text] of plain.entries()) {
	const end = i === plain.length - 1;
	const part = new TextEncoder().encode(text);
	await client.file_upload_part("http://localhost", "token", "jwt", "session", end, i + 1, content_key, "", part);
}
const vector = {
	content_key,
	encrypted_key: made.get_encrypted_key(),
	server_input: prepared.get_server_input(),
	encrypted_file_name: prepared.get_encrypted_file_name(),
	file_name: "häuser.png",
	parts: sent.map(({ body }) => body),
	paths: sent.map(({ path }) => path),
	plain,
};
writeFileSync(process.argv[2], `${JSON.stringify(vector, null, "\t")}\n`);
