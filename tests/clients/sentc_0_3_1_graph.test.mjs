// Child groups and join requests with the npm package @sentclose/sentc 0.3.1; how to run: see sentc_0_3_1.test.mjs.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NOBODY, anotherBrowser, env, failsWith, groupOf, newUser, refusedLocally } from "./support.mjs";

describe("child groups", () => {
	test("who is in the parent reads the child, with the parent's rank", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const carol = await newUser("carol");
		const { id, group } = await groupOf(alice, bob);
		const childId = await group.createChildGroup();
		const child = await group.getChildGroup(childId);
		assert.equal(child.data.parent_group_id, id);
		assert.equal(child.data.rank, 0);
		const text = await child.encryptString("for everybody in the parent", true);

		const bobsGroup = await bob.user.getGroup(id);
		const bobsChild = await bobsGroup.getChildGroup(childId);
		assert.equal(bobsChild.data.rank, 4);
		const { key } = await bob.Sentc.getUserVerifyKeyData(env.url, env.publicToken, alice.id);
		assert.equal(await bobsChild.decryptString(text, key), "for everybody in the parent");
		assert.equal(await child.decryptString(await bobsChild.encryptString("back")), "back");
		await assert.rejects(bobsGroup.decryptString(text), "the child has a key of its own");

		await failsWith(310, carol.user.getGroup(childId));
		assert.deepEqual(
			(await bob.user.getGroups()).map((item) => item.group_id),
			[id],
			"own memberships only",
		);
		await group.kickUser(bob.id);
		await failsWith(310, bobsGroup.getChildGroup(childId));
	});

	test("over several levels, after a new login too", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice, bob);
		const child = await group.getChildGroup(await group.createChildGroup());
		const grandchild = await child.getChildGroup(await child.createChildGroup());
		const text = await grandchild.encryptString("deep");
		const again = await anotherBrowser(bob);
		const top = await again.user.getGroup(id);
		const middle = await top.getChildGroup(child.data.group_id);
		const lowest = await middle.getChildGroup(grandchild.data.group_id);
		assert.equal(lowest.data.parent_group_id, child.data.group_id);
		assert.equal(await lowest.decryptString(text), "deep");
		await group.deleteGroup();
		for (const { data } of [group, child, grandchild]) {
			await failsWith(310, again.user.getGroup(data.group_id));
		}
	});

	test("a member of the child alone reads the child alone", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice);
		const child = await group.getChildGroup(await group.createChildGroup());
		const text = await child.encryptString("not above");
		await child.inviteAuto(bob.id);
		const bobsChild = await bob.user.getGroup(child.data.group_id);
		assert.equal(await bobsChild.decryptString(text), "not above");
		await failsWith(310, bob.user.getGroup(id));
		assert.deepEqual(
			(await bobsChild.getMember()).map((member) => [member.user_id, member.rank]),
			[[id, 0]],
			"the parent is listed",
		);
		assert.deepEqual(
			(await child.getMember()).map((member) => member.user_id),
			[bob.id],
		);
	});

	test("plain members may not make them", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice, bob);
		const bobsGroup = await bob.user.getGroup(id);
		await refusedLocally("client_201", bobsGroup.createChildGroup());
		const [{ public_group_key: key }] = bobsGroup.data.keys;
		const { jwt } = bob.user.user_data;
		await failsWith(301, bob.wasm.group_create_child_group(env.url, env.publicToken, jwt, key, id, 0));
		await group.updateRank(bob.id, 1);
		const childId = await bob.wasm.group_create_child_group(env.url, env.publicToken, jwt, key, id, 0);
		assert.equal((await group.getChildGroup(childId)).data.rank, 0);
	});
});

describe("join requests", () => {
	test("asked, listed, let in", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice);
		const text = await group.encryptString("from before");
		await failsWith(309, group.acceptJoinRequest(bob.id));
		await bob.user.groupJoinRequest(id);
		await bob.user.groupJoinRequest(id);
		const [request, ...more] = await group.getJoinRequests();
		assert.equal(request.user_id, bob.id);
		assert.ok(Math.abs(request.time - Date.now()) < 60_000);
		assert.deepEqual(more, []);
		assert.deepEqual(await group.getJoinRequests(request), [], "no page after the last one");
		await failsWith(310, bob.user.getGroup(id));

		await group.acceptJoinRequest(bob.id);
		assert.deepEqual(await group.getJoinRequests(), []);
		const bobsGroup = await bob.user.getGroup(id);
		assert.equal(bobsGroup.data.rank, 4);
		assert.equal(await bobsGroup.decryptString(text), "from before");
		await failsWith(302, bob.user.groupJoinRequest(id));
	});

	test("turned down, stopped, and by whom", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const carol = await newUser("carol");
		const { id, group } = await groupOf(alice, carol);
		await bob.user.groupJoinRequest(id);
		const carolsGroup = await carol.user.getGroup(id);
		await refusedLocally("client_201", carolsGroup.getJoinRequests());
		const { jwt } = carol.user.user_data;
		const asCarol = (name, ...rest) => carol.wasm[name](env.url, env.publicToken, jwt, id, ...rest);
		await failsWith(301, asCarol("group_get_join_reqs", 0, "0", "none"));
		await failsWith(301, asCarol("group_reject_join_req", 0, bob.id));
		await group.rejectJoinRequest(bob.id);
		await failsWith(309, group.rejectJoinRequest(bob.id));
		assert.deepEqual(await group.getJoinRequests(), []);
		await group.stopInvites();
		await failsWith(317, bob.user.groupJoinRequest(id));
		await failsWith(310, bob.user.groupJoinRequest(NOBODY));
	});
});
