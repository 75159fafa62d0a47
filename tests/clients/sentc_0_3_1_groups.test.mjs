// Groups and members with the npm package @sentclose/sentc 0.3.1; how to run: see sentc_0_3_1.test.mjs.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import {
	NOBODY,
	UUID,
	anotherBrowser,
	api,
	assertRefused,
	browser,
	env,
	failsWith,
	groupOf,
	newUser,
	recordRequests,
	refusedLocally,
} from "./support.mjs";

describe("group", () => {
	test("create and get", async () => {
		const alice = await newUser("alice");
		const { id, group } = await groupOf(alice);
		assert.match(id, UUID);
		assert.equal(group.data.group_id, id);
		assert.equal(group.data.parent_group_id, "");
		assert.equal(group.data.rank, 0);
		assert.equal(group.data.key_update, false);
		assert.equal(group.data.keys.length, 1);
		assert.ok(Math.abs(Number(group.data.create_time) - Date.now()) < 60_000, "milliseconds");
		assert.deepEqual(
			(await alice.user.getGroups()).map((item) => [item.group_id, item.rank, item.parent]),
			[[id, 0, null]],
		);
		assert.deepEqual(await group.getMember(), [], "the list is without the caller");
	});

	test("the second getGroup asks only for updates, another browser gets the same keys", async () => {
		const alice = await newUser("alice");
		const { id, group } = await groupOf(alice);
		const { requests } = await recordRequests(() => alice.user.getGroup(id));
		assert.deepEqual(
			requests.map(({ path }) => path),
			[`/group/${id}/update_check`],
		);
		const again = await anotherBrowser(alice);
		assert.deepEqual((await again.user.getGroup(id)).data.keys, group.data.keys);
	});

	test("strings and bytes, signed and unsigned, read by a second user", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice, bob);
		const bobsGroup = await bob.user.getGroup(id);
		const { key: aliceKey } = await bob.Sentc.getUserVerifyKeyData(env.url, env.publicToken, alice.id);
		const { key: bobKey } = await bob.Sentc.getUserVerifyKeyData(env.url, env.publicToken, bob.id);
		const bytes = new Uint8Array(randomBytes(100_000));

		for (const sign of [false, true]) {
			const check = sign ? aliceKey : "";
			assert.equal(await bobsGroup.decryptString(await group.encryptString("héllo", sign), check), "héllo");
			assert.deepEqual(await bobsGroup.decrypt(await group.encrypt(bytes, sign), check), bytes);
			const { head, data } = await group.encryptRaw(bytes, sign);
			assert.deepEqual(await bobsGroup.decryptRaw(head, data, check), bytes);
			assert.equal(JSON.parse(head).id, group.data.keys[0].group_key_id);
			data[data.length - 1] ^= 1;
			await assert.rejects(bobsGroup.decryptRaw(head, data, check), "changed ciphertext");
		}
		const signed = await group.encryptString("from Alice", true);
		await assert.rejects(bobsGroup.decryptString(signed, bobKey), "signature of somebody else");
		assert.equal(await group.decryptString(await bobsGroup.encryptString("back")), "back");
	});

	test("a stranger gets 310 for everything", async () => {
		const alice = await newUser("alice");
		const carol = await newUser("carol");
		const { id, group } = await groupOf(alice);
		const [{ group_key_id: keyId }] = group.data.keys;
		const { jwt } = carol.user.user_data;
		const asCarol = (name, ...rest) => carol.wasm[name](env.url, env.publicToken, jwt, id, ...rest);

		await failsWith(310, carol.user.getGroup(id));
		await failsWith(310, asCarol("group_get_group_updates"));
		await failsWith(310, asCarol("group_get_group_keys", "0", "none"));
		await failsWith(310, asCarol("group_get_group_key", keyId));
		await failsWith(310, asCarol("group_get_member", "0", "none"));
		await failsWith(310, asCarol("group_kick_user", alice.id, 0));
		await failsWith(310, asCarol("group_update_rank", alice.id, 4, 0));
		await failsWith(310, asCarol("group_stop_group_invites", 0));
		await failsWith(310, asCarol("leave_group"));
		await failsWith(310, asCarol("group_delete_group", 0));
		await failsWith(307, carol.user.acceptGroupInvite(id));
		assertRefused(await api("GET", `/group/${id}/light`, { token: env.publicToken, jwt }), 310);
		await failsWith(310, carol.user.getGroup(NOBODY));
		assert.equal(group.data.group_id, (await alice.user.getGroup(id)).data.group_id);
	});

	test("a key id the group does not have is 304", async () => {
		const alice = await newUser("alice");
		const { group } = await groupOf(alice);
		await failsWith(304, group.getGroupKey(NOBODY));
	});

	test("delete: rank 2 may not, the creator may, then it is gone for all", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice, bob);
		await group.updateRank(bob.id, 2);
		const bobsGroup = await bob.user.getGroup(id);
		await refusedLocally("client_201", bobsGroup.deleteGroup());
		const { jwt } = bob.user.user_data;
		await failsWith(301, bob.wasm.group_delete_group(env.url, env.publicToken, jwt, id, 0));

		await group.deleteGroup();
		await failsWith(310, alice.user.getGroup(id));
		await failsWith(310, bob.user.getGroup(id));
		assert.deepEqual(await bob.user.getGroups(), []);
		await failsWith(310, group.deleteGroup());
	});

	test("an admin (rank 1) may delete too", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice, bob);
		await group.updateRank(bob.id, 1);
		await (await bob.user.getGroup(id)).deleteGroup();
		await failsWith(310, alice.user.getGroup(id));
	});

	test("lists come in pages of 50 without gaps or repeats", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const ids = [];
		for (let count = 0; count < 53; count++) {
			const { id, group } = await groupOf(alice);
			await group.invite(bob.id);
			ids.push(id);
		}
		const groups = await allPages((last) => alice.user.getGroups(last));
		assert.deepEqual(groups.sizes, [50, 3]);
		assert.deepEqual(idSet(groups.items), [...ids].sort());
		const invites = await allPages((last) => bob.user.getGroupInvites(last));
		assert.deepEqual(invites.sizes, [50, 3]);
		assert.deepEqual(idSet(invites.items), [...ids].sort());
		const times = invites.items.map(({ time }) => time);
		assert.deepEqual(
			times,
			times.toSorted((a, b) => b - a),
			"newest invite first",
		);
	});
});

describe("members", () => {
	test("invite and accept", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice);
		const text = await group.encryptString("written before Bob came");

		await group.invite(bob.id);
		const [invite, ...more] = await bob.user.getGroupInvites();
		assert.equal(invite.group_id, id);
		assert.ok(Math.abs(invite.time - Date.now()) < 60_000);
		assert.deepEqual(more, []);
		await failsWith(310, bob.user.getGroup(id));
		assert.deepEqual(await group.getMember(), [], "not a member before accepting");
		await failsWith(302, group.invite(bob.id));

		await bob.user.acceptGroupInvite(id);
		assert.deepEqual(await bob.user.getGroupInvites(), []);
		const bobsGroup = await bob.user.getGroup(id);
		assert.equal(bobsGroup.data.rank, 4);
		assert.equal(await bobsGroup.decryptString(text), "written before Bob came");
		await failsWith(307, bob.user.acceptGroupInvite(id));
		await failsWith(302, group.invite(bob.id));
		await failsWith(302, group.inviteAuto(bob.id));
	});

	test("invite and reject", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice);
		await group.invite(bob.id);
		await bob.user.rejectGroupInvite(id);
		assert.deepEqual(await bob.user.getGroupInvites(), []);
		await failsWith(307, bob.user.acceptGroupInvite(id));
		await failsWith(307, bob.user.rejectGroupInvite(id));
		await failsWith(310, bob.user.getGroup(id));
		await group.invite(bob.id);
		await bob.user.acceptGroupInvite(id);
	});

	test("inviteAuto makes a member at once", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice, bob);
		assert.deepEqual(await bob.user.getGroupInvites(), []);
		assert.equal((await bob.user.getGroup(id)).data.rank, 4);
		assert.deepEqual(
			(await bob.user.getGroups()).map((item) => [item.group_id, item.rank]),
			[[id, 4]],
		);
		assert.equal(await (await bob.user.getGroup(id)).decryptString(await group.encryptString("hi")), "hi");
	});

	test("everybody sees the others, with ranks and times", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const carol = await newUser("carol");
		const { id, group } = await groupOf(alice, bob, carol);
		const seen = await group.getMember();
		assert.deepEqual(idsAndRanks(seen), sorted([[bob.id, 4], [carol.id, 4]]));
		assert.ok(seen.every(({ joined_time: time }) => Math.abs(time - Date.now()) < 60_000));
		assert.ok(seen[0].joined_time <= seen[1].joined_time, "oldest member first");
		const bobSees = await (await bob.user.getGroup(id)).getMember();
		assert.deepEqual(idsAndRanks(bobSees), sorted([[alice.id, 0], [carol.id, 4]]));
		assert.deepEqual(await group.getMember(seen[1]), [], "no page after the last member");
	});

	test("invites can be stopped and allowed again", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { group } = await groupOf(alice);
		await group.stopInvites();
		await failsWith(317, group.invite(bob.id));
		await failsWith(317, group.inviteAuto(bob.id));
		await group.stopInvites();
		await group.invite(bob.id);
	});

	test("a plain member may not invite, rank 2 may", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const carol = await newUser("carol");
		const { id, group } = await groupOf(alice, bob);
		const bobsGroup = await bob.user.getGroup(id);
		await refusedLocally("client_201", bobsGroup.inviteAuto(carol.id));
		await failsWith(301, inviteWithRank(bob, bobsGroup, carol, 0));

		await group.updateRank(bob.id, 2);
		await (await bob.user.getGroup(id)).inviteAuto(carol.id);
		const text = await group.encryptString("all three");
		assert.equal(await (await carol.user.getGroup(id)).decryptString(text), "all three");
	});

	test("an invite for a user that does not exist is refused", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { group } = await groupOf(alice);
		const keys = JSON.parse(await group.prepareKeysForNewMember(bob.id));
		const { jwt } = alice.user.user_data;
		for (const route of ["invite", "invite_auto"]) {
			const path = `/group/${group.data.group_id}/${route}/${NOBODY}`;
			assertRefused(await api("PUT", path, { token: env.publicToken, jwt, body: keys }), 100);
		}
		const empty = { token: env.publicToken, jwt, body: { ...keys, keys: [] } };
		assertRefused(await api("PUT", `/group/${group.data.group_id}/invite/${bob.id}`, empty), 303);
		assert.deepEqual(await group.getMember(), []);
	});

	test("a kicked member gets 310 and can be invited again", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice, bob);
		await bob.user.getGroup(id);

		await group.kickUser(bob.id);
		await failsWith(310, bob.user.getGroup(id)); // the update check of a cached group
		await failsWith(310, (await anotherBrowser(bob)).user.getGroup(id)); // the whole group
		assert.deepEqual(await bob.user.getGroups(), []);
		assert.deepEqual(await group.getMember(), []);
		await failsWith(300, group.kickUser(bob.id));

		await group.inviteAuto(bob.id);
		const text = await group.encryptString("welcome back");
		assert.equal(await (await bob.user.getGroup(id)).decryptString(text), "welcome back");
	});

	test("kick follows the ranks", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const carol = await newUser("carol");
		const { id, group } = await groupOf(alice, bob, carol);
		const bobKicks = (userId) => {
			return bob.wasm.group_kick_user(env.url, env.publicToken, bob.user.user_data.jwt, id, userId, 0);
		};
		await refusedLocally("client_201", (await bob.user.getGroup(id)).kickUser(carol.id));
		await failsWith(301, bobKicks(carol.id));

		await group.updateRank(bob.id, 2);
		await group.updateRank(carol.id, 1);
		await failsWith(316, bobKicks(carol.id));
		await failsWith(315, bobKicks(alice.id));
		await group.updateRank(carol.id, 2);
		await bobKicks(carol.id);
		await failsWith(310, carol.user.getGroup(id));
	});

	test("rank changes: 1 to 4, by admins only, never the creator", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const carol = await newUser("carol");
		const { id, group } = await groupOf(alice, bob, carol);
		const bobChanges = (userId, rank) => {
			const { jwt } = bob.user.user_data;
			return bob.wasm.group_update_rank(env.url, env.publicToken, jwt, id, userId, rank, 0);
		};
		for (const rank of [1, 2, 3, 4]) {
			await group.updateRank(bob.id, rank);
			assert.equal((await bob.user.getGroup(id)).data.rank, rank);
			assert.deepEqual(idsAndRanks(await group.getMember()), sorted([[bob.id, rank], [carol.id, 4]]));
		}
		await group.updateRank(bob.id, 2);
		await failsWith(301, bobChanges(carol.id, 3));
		await failsWith(301, bobChanges(bob.id, 1));

		for (const rank of [0, 5, -1]) {
			await refusedLocally("client_200", group.updateRank(bob.id, rank));
			const body = { changed_user_id: bob.id, new_rank: rank };
			const { jwt } = alice.user.user_data;
			const answer = await api("PUT", `/group/${id}/change_rank`, { token: env.publicToken, jwt, body });
			assertRefused(answer, 301, 314);
		}
		await failsWith(300, group.updateRank(NOBODY, 3));
		await group.updateRank(bob.id, 1);
		await failsWith(314, bobChanges(alice.id, 2));
		await bobChanges(carol.id, 3);
		assert.deepEqual(idsAndRanks(await group.getMember()), sorted([[bob.id, 1], [carol.id, 3]]));
	});

	test("leave: a member may, the last admin may not", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice, bob);
		await (await bob.user.getGroup(id)).leave();
		await failsWith(310, bob.user.getGroup(id));
		assert.deepEqual(await group.getMember(), []);
		await failsWith(308, group.leave());
		assert.equal((await alice.user.getGroup(id)).data.rank, 0);
	});
});

/** `Group.inviteAuto` with another rank than the client knows, to get past its own check. */
async function inviteWithRank(inviter, group, invited, rank) {
	const { key } = await inviter.Sentc.getUserPublicKeyData(env.url, env.publicToken, invited.id);
	const [keys] = group.prepareKeys();
	const { jwt } = inviter.user.user_data;
	const { group_id: id } = group.data;
	return inviter.wasm.group_invite_user(env.url, env.publicToken, jwt, id, invited.id, 1, rank, true, key, keys);
}

/** Follows a list to its end the way an app does: a page shorter than 50 is the last one. */
async function allPages(fetchPage) {
	const items = [];
	const sizes = [];
	do {
		const page = await fetchPage(items.at(-1) ?? null);
		sizes.push(page.length);
		items.push(...page);
	} while (sizes.at(-1) >= 50);
	return { items, sizes };
}

function idSet(items) {
	return items.map(({ group_id: id }) => id).sort();
}

function idsAndRanks(members) {
	return sorted(members.map(({ user_id: id, rank }) => [id, rank]));
}

function sorted(pairs) {
	return pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
}
