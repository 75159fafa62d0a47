// The way through the customer's own backend (prepare, relay, done) with the npm package @sentclose/sentc 0.3.1 and the
// tokens of an app; how to run: see sentc_0_3_1.test.mjs.

import assert from "node:assert/strict";
import { verify } from "node:crypto";
import { describe, test } from "node:test";
import {
	PASSWORD,
	UUID,
	api,
	assertRefused,
	browser,
	env,
	failsWith,
	later,
	newUser,
	recordRequests,
	relay,
	uniqueName,
} from "./support.mjs";

const needsDefaultApp =
	(!env.defaultPublicToken || !env.defaultSecretToken) && "KEYSTEAD_DEFAULT_PUBLIC_TOKEN / _SECRET_TOKEN not set";

describe("own backend", () => {
	test("register: the client prepares, the backend sends, the client reads the answer", async () => {
		const { Sentc } = await browser();
		const identifier = uniqueName("relayed");
		const check = Sentc.prepareCheckUserIdentifierAvailable(identifier);
		const exists = await relay("POST", "/exists", { body: check });
		assert.equal(Sentc.doneCheckUserIdentifierAvailable(exists.text), true);

		const input = Sentc.prepareRegister(identifier, PASSWORD);
		const { text } = await relay("POST", "/register", { body: input });
		const id = Sentc.doneRegister(text);
		assert.match(id, UUID);
		const { status, result } = JSON.parse(text);
		assert.equal(status, true);
		assert.equal(result.user_id, id);
		assert.equal(result.device_identifier, identifier);
		assert.match(result.device_id, UUID);
		assert.equal((await Sentc.login(identifier, PASSWORD)).user_data.user_id, id);

		const again = await relay("POST", "/register", { body: input });
		await failsWith(101, async () => Sentc.doneRegister(again.text));
	});

	test("register: input that cannot be read is 11 and HTTP 422", async () => {
		const { Sentc } = await browser();
		const complete = JSON.parse(Sentc.prepareRegister(uniqueName("broken"), PASSWORD));
		delete complete.device.derived.client_random_value;
		for (const body of ["{", "[]", "{}", JSON.stringify(complete)]) {
			const { status, text } = await relay("POST", "/register", { body });
			assertRefused(JSON.parse(text), 11);
			assert.equal(status, 422);
		}
	});

	test("login in three steps through the backend", async () => {
		const { Sentc, identifier, id } = await newUser("alice");
		const start = await Sentc.prepareLoginStart(identifier);
		const [input, masterKeyKey] = Sentc.prepareLogin(identifier, PASSWORD, start);
		const { text } = await relay("POST", "/done_login", { token: env.publicToken, body: input });
		const user = await Sentc.doneLogin(identifier, masterKeyKey, text);
		assert.equal(user.user_data.user_id, id);
		assert.deepEqual(await user.getGroups(), []);
	});

	test("an unknown identifier gets a stable salt of the same form", async () => {
		const { Sentc, identifier } = await newUser("alice");
		const nobody = uniqueName("nobody");
		const known = JSON.parse(await Sentc.prepareLoginStart(identifier)).result;
		const first = JSON.parse(await Sentc.prepareLoginStart(nobody)).result;
		const second = JSON.parse(await Sentc.prepareLoginStart(nobody)).result;
		const other = JSON.parse(await Sentc.prepareLoginStart(uniqueName("nobody"))).result;
		assert.deepEqual(Object.keys(first).sort(), Object.keys(known).sort());
		assert.equal(first.derived_encryption_key_alg, "ARGON-2-SHA256");
		assert.equal(Buffer.from(first.salt_string, "base64").length, 32);
		assert.deepEqual(first, second);
		assert.notEqual(first.salt_string, other.salt_string);
	});

	test("create, check access and delete a group through the backend", async () => {
		const alice = await newUser("alice");
		const bob = await newUser("bob");
		const asAlice = { jwt: alice.user.user_data.jwt };
		const created = await api("POST", "/group", { ...asAlice, body: alice.user.prepareGroupCreate() });
		const { group_id: id } = created.result;
		const group = await alice.user.getGroup(id);
		assert.equal(await group.decryptString(await group.encryptString("ok")), "ok");

		const access = await api("GET", `/group/${id}/light`, asAlice);
		assert.equal(access.status, true);
		const { created_time: createdTime, joined_time: joinedTime, ...fixed } = access.result;
		assert.deepEqual(fixed, {
			group_id: id,
			parent_group_id: null,
			rank: 0,
			access_by: "User",
			is_connected_group: false,
		});
		assert.ok(Number.isInteger(createdTime) && Number.isInteger(joinedTime));
		assertRefused(await api("GET", `/group/${id}/light`, { jwt: bob.user.user_data.jwt }), 310);

		const keys = await group.prepareKeysForNewMember(bob.id);
		const invited = await api("PUT", `/group/${id}/invite_auto/${bob.id}`, { ...asAlice, body: keys });
		assert.equal(invited.status, true);
		assert.ok(!invited.result.session_id, "one page of keys needs no session");
		assert.equal(await (await bob.user.getGroup(id)).decryptString(await group.encryptString("to Bob")), "to Bob");
		const rank2 = await api("PUT", `/group/${id}/change_rank`, { ...asAlice, body: group.prepareUpdateRank(bob.id, 2) });
		assert.equal(rank2.result, "Success");

		assert.equal((await api("DELETE", `/group/${id}`, asAlice)).result, "Success");
		assertRefused(await api("GET", `/group/${id}/light`, asAlice), 310);
	});

	test("refresh through a function: the backend keeps the refresh token", async () => {
		const { identifier, id } = await newUser("alice");
		let kept;
		const client = await browser(env.publicToken, {
			refresh: {
				endpoint: 1, // cookie_fn
				endpoint_fn: async (jwt) => {
					const answer = await api("PUT", "/refresh", { jwt, body: { refresh_token: kept } });
					return answer.result.jwt;
				},
			},
		});
		const start = await client.Sentc.prepareLoginStart(identifier);
		const [input, masterKeyKey] = client.Sentc.prepareLogin(identifier, PASSWORD, start);
		const { text } = await relay("POST", "/done_login", { body: input });
		kept = JSON.parse(text).result.refresh_token;
		const user = await client.Sentc.doneLogin(identifier, masterKeyKey, text);
		assert.equal(user.user_data.refresh_token, "", "the client holds none");

		const { requests } = await recordRequests(() => later(280, () => user.getGroups()));
		assert.deepEqual(
			requests.map(({ method, path }) => `${method} ${path}`),
			["PUT /refresh", "GET /group/all/0/none"],
		);
		const claims = client.wasm.decode_jwt(user.user_data.jwt);
		assert.equal(claims.get_aud(), id);
		assert.equal(claims.get_fresh(), false);
	});

	test("a refresh without a body is 11", async () => {
		const { user } = await newUser("alice");
		assertRefused(await api("PUT", "/refresh", { jwt: user.user_data.jwt }), 11);
		assertRefused(await api("PUT", "/refresh", { jwt: user.user_data.jwt, body: {} }), 11);
	});

	test("delete needs a fresh JWT", async () => {
		const alice = await newUser("alice");
		const { jwt, refresh_token: refreshToken } = alice.user.user_data;
		const renewed = await alice.Sentc.refreshJwt(jwt, refreshToken);
		assertRefused(await api("DELETE", "/user", { jwt: renewed }), 113);
		assert.equal((await api("DELETE", "/user", { jwt })).result, "Success");
		await failsWith(112, alice.Sentc.login(alice.identifier, PASSWORD));
	});

	test(
		"a backend checks a JWT with the exported verify key",
		{ skip: !env.jwtVerifyKey && "KEYSTEAD_JWT_VERIFY_KEY not set" },
		async () => {
			const { user } = await newUser("alice");
			const point = Buffer.from(env.jwtVerifyKey, "base64");
			assert.equal(point.length, 97);
			assert.equal(point[0], 4, "uncompressed SEC1 point");
			const jwk = {
				kty: "EC",
				crv: "P-384",
				x: point.subarray(1, 49).toString("base64url"),
				y: point.subarray(49).toString("base64url"),
			};
			const [head, claims, signature] = user.user_data.jwt.split(".");
			const { alg, typ, kid } = JSON.parse(Buffer.from(head, "base64url"));
			assert.equal(alg, "ES384");
			assert.equal(typ, "JWT");
			assert.match(kid, UUID);
			const key = { key: jwk, format: "jwk", dsaEncoding: "ieee-p1363" };
			assert.ok(verify("sha384", Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, "base64url")));
		},
	);
});

describe("default options: register and delete need the secret token", { skip: needsDefaultApp }, () => {
	test("register with the public token is 203, with the secret token it works", async () => {
		const { Sentc } = await browser(env.defaultPublicToken);
		const identifier = uniqueName("guarded");
		await failsWith(203, Sentc.register(identifier, PASSWORD));
		assert.equal(await Sentc.checkUserIdentifierAvailable(identifier), true);

		const input = Sentc.prepareRegister(identifier, PASSWORD);
		const refused = await relay("POST", "/register", { token: env.defaultPublicToken, body: input });
		await failsWith(203, async () => Sentc.doneRegister(refused.text));
		const { text } = await relay("POST", "/register", { token: env.defaultSecretToken, body: input });
		const id = Sentc.doneRegister(text);
		const user = await Sentc.login(identifier, PASSWORD);
		assert.equal(user.user_data.user_id, id);
		assert.equal((await user.getGroup(await user.createGroup())).data.rank, 0);
	});

	test("delete with the public token is 203, the backend may", async () => {
		const { Sentc } = await browser(env.defaultPublicToken);
		const identifier = uniqueName("guarded");
		const body = Sentc.prepareRegister(identifier, PASSWORD);
		await relay("POST", "/register", { token: env.defaultSecretToken, body });
		const user = await Sentc.login(identifier, PASSWORD);
		await failsWith(203, user.deleteUser(PASSWORD));
		const { jwt } = (await Sentc.login(identifier, PASSWORD)).user_data;
		assert.equal((await api("DELETE", "/user", { token: env.defaultSecretToken, jwt })).result, "Success");
		await failsWith(112, Sentc.login(identifier, PASSWORD));
	});

	test("apps do not see each other", async () => {
		const alice = await newUser("alice");
		const { Sentc } = await browser(env.defaultPublicToken);
		assert.equal(await Sentc.checkUserIdentifierAvailable(alice.identifier), true);
		await failsWith(112, Sentc.login(alice.identifier, PASSWORD));
		await failsWith(100, Sentc.getUserPublicData(env.url, env.defaultPublicToken, alice.id));
		const { jwt } = alice.user.user_data;
		assertRefused(await api("GET", "/group/all/0/none", { token: env.defaultPublicToken, jwt }), 30, 35, 100);
	});
});
