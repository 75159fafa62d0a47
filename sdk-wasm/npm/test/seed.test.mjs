// The published samples, as they stand apart from the package's name and the placeholders in them.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import Sentc, { MemoryStorage, REFRESH_ENDPOINT } from "@keystead/sdk";
import { env, relay } from "./support.mjs";

const at = { base_url: env.url, storage: new MemoryStorage() };

test("own backend: registration, a device, a group", async () => {
	await Sentc.init({ app_token: env.publicToken, ...at });
	const username = `seed-${randomUUID()}`;
	assert.match(await Sentc.register(username, "password"), /^[0-9a-f-]{36}$/);
	{
		const other = `seed-${randomUUID()}`;
		//call this before you do the request to your backend
		const input = Sentc.prepareRegister(other, "password");
		const server_output = await relay("POST", "/register", { body: input });
		//call this after you call the api. in the client
		const user_id = Sentc.doneRegister(server_output);
		assert.equal(user_id, JSON.parse(server_output).result.user_id);
		assert.throws(() => Sentc.doneRegister("server_output"), { name: /^client_\d+$/ });
	}
	{
		const input = Sentc.prepareRegisterDeviceStart(`device-${randomUUID()}`, "password");
		const server_output = await relay("POST", "/user/prepare_register_device", { body: input });
		Sentc.doneRegisterDeviceStart(server_output);
		assert.throws(() => Sentc.doneRegisterDeviceStart("server_output"), { name: /^client_\d+$/ });
	}
	const user = await Sentc.login(username, "password", true);
	const input = user.prepareGroupCreate();
	const jwt = await user.getJwt();
	const group_id = JSON.parse(await relay("POST", "/group", { jwt, body: input })).result.group_id;
	const light = JSON.parse(await relay("GET", `/group/${group_id}/light`, { jwt })).result;
	assert.deepEqual([light.rank, light.access_by], [0, "User"]);
});

test("the options of init", async () => {
	await Sentc.init({ app_token: env.publicToken, refresh: { endpoint: 0, endpoint_url: "http://127.0.0.1:9/refresh" }, ...at });
	await Sentc.init({ app_token: env.publicToken, refresh: { endpoint: 1, endpoint_fn: (old_jwt) => Promise.resolve(old_jwt) }, ...at });
	assert.deepEqual([REFRESH_ENDPOINT.cookie, REFRESH_ENDPOINT.cookie_fn, REFRESH_ENDPOINT.api], [0, 1, 2]);
	await assert.rejects(Sentc.init({ app_token: env.publicToken, refresh: { endpoint: 0 }, ...at }), { name: "client" });
});
