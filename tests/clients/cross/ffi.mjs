// The unmodified npm client and Keystead's own library (through Python) in one account: each opens what the other made.
// Started by tests/e2e/ffi.rs, which says where the library is.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { PASSWORD, env, groupOf, newUser } from "../support.mjs";

test("a text of npm opens in the library, and its answer opens in npm", async () => {
	const alice = await newUser("alice");
	const { id, group } = await groupOf(alice);
	const text = await group.encryptString("from npm");
	const { KEYSTEAD_CROSS_SCRIPT, KEYSTEAD_CROSS_LIBRARY, KEYSTEAD_CROSS_HEADER } = process.env;
	const args = [KEYSTEAD_CROSS_SCRIPT, KEYSTEAD_CROSS_LIBRARY, KEYSTEAD_CROSS_HEADER, env.url, env.publicToken];
	const answer = execFileSync("python3", [...args, alice.identifier, PASSWORD, id, text]).toString();
	assert.equal(await group.decryptString(answer), "from npm, read");
});
