// Key rotation with the npm package @sentclose/sentc 0.3.1; how to run: see sentc_0_3_1.test.mjs.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { anotherBrowser, env, failsWith, groupOf, newUser } from "./support.mjs";

/** Waits until the server has served this member: it does so a moment after the start of a rotation. */
async function served({ wasm, user }, groupId) {
	for (let tries = 0; tries < 500; tries++) {
		const update = await wasm.group_get_group_updates(env.url, env.publicToken, user.user_data.jwt, groupId);
		if (update.get_key_update()) {
			return;
		}
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
	assert.fail("no key update");
}

describe("key rotation", () => {
	test("a second member finishes it; what was encrypted before and after opens", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice, bob);
		const bobsGroup = await bob.user.getGroup(id);
		const before = await group.encryptString("before");

		const { group_key_id: newId } = await group.keyRotation();
		const after = await group.encryptString("after");
		assert.equal(JSON.parse((await group.encryptRaw(new Uint8Array(1))).head).id, newId, "encrypts with the new key");
		await assert.rejects(bobsGroup.decryptString(after), "Bob has not the new key yet");

		await served(bob, id);
		await bobsGroup.finishKeyRotation();
		assert.equal(await bobsGroup.decryptString(after), "after");
		assert.equal(await bobsGroup.decryptString(before), "before");
		const reply = await bobsGroup.encryptString("reply");
		assert.equal(await group.decryptString(reply), "reply");
		assert.equal((await bob.user.getGroup(id)).data.key_update, false);
		await bobsGroup.finishKeyRotation(); // nothing waits

		// A new login gets both keys, and encrypts with the new one.
		for (const member of [alice, bob]) {
			const again = await (await anotherBrowser(member)).user.getGroup(id);
			assert.equal(again.data.keys.length, 2);
			assert.equal(JSON.parse((await again.encryptRaw(new Uint8Array(1))).head).id, newId);
			assert.equal(await again.decryptString(before), "before");
			assert.equal(await again.decryptString(after), "after");
		}
	});

	test("several rotations, by both, from the first key as this client does", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice, bob);
		const texts = [await group.encryptString("0")];
		for (let round = 1; round <= 3; round++) {
			await group.keyRotation();
			texts.push(await group.encryptString(`${round}`));
		}
		const late = await anotherBrowser(bob);
		const bobsGroup = await late.user.getGroup(id);
		const deadline = Date.now() + 5_000;
		while (bobsGroup.data.keys.length < 4 && Date.now() < deadline) {
			await bobsGroup.finishKeyRotation();
		}
		for (const [round, text] of texts.entries()) {
			assert.equal(await bobsGroup.decryptString(text), `${round}`);
		}
		await bobsGroup.keyRotation();
		const text = await bobsGroup.encryptString("by Bob");
		await served(alice, id);
		await group.finishKeyRotation();
		assert.equal(await group.decryptString(text), "by Bob");
	});

	test("in a child group, by the parent", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const carol = await newUser("carol");
		const { id, group } = await groupOf(alice, bob);
		const childId = await group.createChildGroup();
		const child = await group.getChildGroup(childId);
		await child.inviteAuto(carol.id);
		await child.keyRotation();
		const text = await child.encryptString("in the child");

		const carolsChild = await carol.user.getGroup(childId);
		await served(carol, childId);
		await carolsChild.finishKeyRotation();
		assert.equal(await carolsChild.decryptString(text), "in the child");
		const bobsChild = await (await bob.user.getGroup(id)).getChildGroup(childId);
		assert.equal(await bobsChild.decryptString(text), "in the child");
	});

	test("one who was thrown out gets nothing", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice, bob);
		const bobsGroup = await bob.user.getGroup(id);
		await group.kickUser(bob.id);
		await group.keyRotation();
		await failsWith(310, bobsGroup.finishKeyRotation());
		await failsWith(310, bobsGroup.keyRotation());
	});
});
