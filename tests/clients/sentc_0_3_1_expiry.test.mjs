// What happens to the npm package @sentclose/sentc 0.3.1 when a JWT has really expired; how to run: see
// sentc_0_3_1.test.mjs. Moves the server's clock, so nothing else may run beside it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
	PASSWORD,
	anotherBrowser,
	env,
	failsWith,
	groupOf,
	later,
	newUser,
	recordRequests,
	serverLater,
} from "./support.mjs";

const LIFETIME = 300;
/** After `exp` a token may live on for the leeway of 60 s, but no longer. */
const LEEWAY = 60;

describe("expired JWT", { skip: !env.clockFile && "KEYSTEAD_CLOCK_OFFSET_FILE not set" }, () => {
	test("it works until it expires and is refused afterwards, however often it was used", async () => {
		const alice = await newUser("alice");
		const { jwt } = alice.user.user_data;
		const groups = () => alice.wasm.group_get_groups_for_user(env.url, env.publicToken, jwt, "0", "none");
		assert.deepEqual(await groups(), []);
		await serverLater(LIFETIME - 30, async () => assert.deepEqual(await groups(), []));
		await serverLater(LIFETIME + LEEWAY + 10, async () => {
			await failsWith(30, groups());
			await failsWith(30, groups());
		});
	});

	test("a refused token is still good for a refresh", async () => {
		const alice = await newUser("alice");
		const { jwt, refresh_token: refreshToken } = alice.user.user_data;
		const groups = (token) => alice.wasm.group_get_groups_for_user(env.url, env.publicToken, token, "0", "none");
		await serverLater(86_400, async () => {
			await failsWith(30, groups(jwt));
			const renewed = await alice.Sentc.refreshJwt(jwt, refreshToken);
			assert.deepEqual(await groups(renewed), []);
			const claims = alice.wasm.decode_jwt(renewed);
			assert.ok(Math.abs(claims.get_iat() - Date.now() / 1000 - 86_400) < 60);
		});
	});

	test("the client renews by itself and goes on reading", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const { id, group } = await groupOf(alice, bob);
		const text = await group.encryptString("still there");
		await serverLater(3600, () =>
			later(3600, async () => {
				const { result, requests } = await recordRequests(() => bob.user.getGroup(id));
				assert.deepEqual(
					requests.map(({ path }) => path),
					["/refresh", `/group/${id}`],
				);
				assert.equal(await result.decryptString(text), "still there");
			}),
		);
	});

	test("delete signs in again by itself, because a renewed token is not fresh", async () => {
		const alice = await newUser("alice");
		const again = await anotherBrowser(alice);
		await serverLater(3600, () => later(3600, () => again.user.deleteUser(PASSWORD)));
		await failsWith(112, alice.Sentc.login(alice.identifier, PASSWORD));
	});
});
