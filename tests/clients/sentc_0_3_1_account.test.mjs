// The npm package @sentclose/sentc 0.3.1, unmodified: devices, passwords, and what an account with a second factor means to a
// client that knows none. sentc_0_3_1.test.mjs tells how to run these tests.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
	NOBODY,
	PASSWORD,
	UUID,
	anotherBrowser,
	api,
	assertRefused,
	browser,
	env,
	failsWith,
	groupOf,
	newUser,
	relay,
	uniqueName,
} from "./support.mjs";

/** One more device of a user, registered by the client's own calls and logged in. */
async function newDevice(of) {
	const client = await browser();
	const identifier = uniqueName("device");
	const text = await client.Sentc.registerDeviceStart(identifier, PASSWORD);
	await of.user.registerDevice(text);
	return { ...client, identifier, id: of.id, user: await client.Sentc.login(identifier, PASSWORD) };
}

describe("devices", () => {
	test("a second device logs in and reads what the first one wrote", async () => {
		const phone = await newUser("phone");
		const { id, group } = await groupOf(phone);
		const secret = await group.encryptString("for all my devices");
		const laptop = await newDevice(phone);
		assert.equal(laptop.user.user_data.user_id, phone.id);
		assert.match(laptop.user.user_data.device_id, UUID);
		assert.notEqual(laptop.user.user_data.device_id, phone.user.user_data.device_id);
		assert.deepEqual(laptop.user.user_data.user_keys, phone.user.user_data.user_keys);
		assert.equal(await (await laptop.user.getGroup(id)).decryptString(secret), "for all my devices");
		const answer = await (await laptop.user.getGroup(id)).encryptString("thanks", true);
		const { verify_key: key } = await phone.Sentc.getUserPublicData(env.url, env.publicToken, phone.id);
		assert.equal(await group.decryptString(answer, key), "thanks");
	});

	test("an identifier is taken while its device waits, and until then it cannot log in", async () => {
		const { Sentc } = await browser();
		const identifier = uniqueName("device");
		await Sentc.registerDeviceStart(identifier, PASSWORD);
		await failsWith(101, Sentc.registerDeviceStart(identifier, PASSWORD));
		await failsWith(101, Sentc.register(identifier, PASSWORD));
		assert.equal(await Sentc.checkUserIdentifierAvailable(identifier), false);
		await failsWith(112, Sentc.login(identifier, PASSWORD));
	});

	test("prepared and relayed by the app's own backend", async () => {
		const phone = await newUser("phone");
		const { Sentc } = await browser();
		const identifier = uniqueName("device");
		const body = Sentc.prepareRegisterDeviceStart(identifier, PASSWORD);
		const { text } = await relay("POST", "/user/prepare_register_device", { body });
		Sentc.doneRegisterDeviceStart(text);
		const { jwt } = phone.user.user_data;
		const letIn = { token: env.publicToken, jwt, body: phone.user.prepareRegisterDevice(text) };
		assert.equal((await api("PUT", "/user/done_register_device", letIn)).status, true);
		assertRefused(await api("PUT", "/user/done_register_device", letIn), 100);
		assert.equal((await Sentc.login(identifier, PASSWORD)).user_data.user_id, phone.id);
	});

	test("the list shows all devices, in pages", async () => {
		const phone = await newUser("phone");
		const devices = [phone, await newDevice(phone), await newDevice(phone)];
		const listed = await devices[2].user.getDevices();
		assert.deepEqual(
			listed.map(({ device_id: id }) => id),
			devices.map(({ user }) => user.user_data.device_id),
		);
		assert.ok(listed.every(({ time, device_identifier: name }) => Number(time) > 0 && !name.includes("device")));
		assert.deepEqual(await phone.user.getDevices(listed[0]), listed.slice(1));
		assert.deepEqual(await phone.user.getDevices(listed[2]), []);
	});

	test("a deleted device is out, the last one stays", async () => {
		const phone = await newUser("phone");
		const laptop = await newDevice(phone);
		const { device_id: laptopId, jwt, refresh_token: refreshToken } = laptop.user.user_data;
		const { device_id: phoneId } = phone.user.user_data;
		await failsWith(112, phone.user.deleteDevice("wrong", laptopId));
		await failsWith(116, phone.user.deleteDevice(PASSWORD, NOBODY));
		await phone.user.deleteDevice(PASSWORD, laptopId);
		await failsWith(112, laptop.Sentc.login(laptop.identifier, PASSWORD));
		await failsWith(100, laptop.Sentc.refreshJwt(jwt, refreshToken));
		await failsWith(115, phone.user.deleteDevice(PASSWORD, phoneId));
		assert.equal((await phone.user.getDevices()).length, 1);
	});

	test("a text that is no answer lets nobody in", async () => {
		const phone = await newUser("phone");
		await assert.rejects(async () => phone.user.registerDevice("garbage"));
		const refused = JSON.stringify({ status: false, err_code: 101, err_msg: "taken" });
		await assert.rejects(async () => phone.user.registerDevice(refused));
	});
});

describe("password", () => {
	test("changed: the client goes on, the old password is no good, the keys are the same", async () => {
		const alice = await newUser("alice");
		const { id, group } = await groupOf(alice);
		const secret = await group.encryptString("before the change");
		await failsWith(112, alice.user.changePassword("wrong", "new password"));
		await alice.user.changePassword(PASSWORD, "new password");
		assert.equal((await alice.user.getGroups()).length, 1);

		const { Sentc } = await browser();
		await failsWith(112, Sentc.login(alice.identifier, PASSWORD));
		const again = await Sentc.login(alice.identifier, "new password");
		assert.deepEqual(again.user_data.device, alice.user.user_data.device);
		assert.equal(await (await again.getGroup(id)).decryptString(secret), "before the change");
	});

	test("changed: sessions of other devices end", async () => {
		const phone = await newUser("phone");
		const laptop = await newDevice(phone);
		const { jwt, refresh_token: refreshToken } = laptop.user.user_data;
		await phone.user.changePassword(PASSWORD, "new password");
		await failsWith(114, laptop.Sentc.refreshJwt(jwt, refreshToken));
		await failsWith(30, laptop.user.getGroups());
		// Its own password is as before.
		await laptop.Sentc.login(laptop.identifier, PASSWORD);
	});

	test("reset right after the login: the keys are the same", async () => {
		const alice = await newUser("alice");
		const { id, group } = await groupOf(alice);
		const secret = await group.encryptString("before the reset");
		await alice.user.resetPassword("new password");
		const { jwt, refresh_token: refreshToken } = alice.user.user_data;
		await alice.Sentc.refreshJwt(jwt, refreshToken);
		const { Sentc } = await browser();
		await failsWith(112, Sentc.login(alice.identifier, PASSWORD));
		const again = await Sentc.login(alice.identifier, "new password");
		assert.equal(await (await again.getGroup(id)).decryptString(secret), "before the reset");
	});

	test("reset with a renewed JWT is 113: the server asks for a login first", async () => {
		const alice = await newUser("alice");
		const { jwt, refresh_token: refreshToken } = alice.user.user_data;
		alice.user.user_data.jwt = await alice.Sentc.refreshJwt(jwt, refreshToken);
		await failsWith(113, alice.user.resetPassword("new password"));
		await anotherBrowser(alice);
	});
});

test("an account with a second factor: this client stops at the login, until the backend takes it away", async () => {
	const alice = await newUser("alice");
	const registered = await api("PATCH", "/user/register_otp", { token: env.publicToken, jwt: alice.user.user_data.jwt });
	assert.equal(registered.result.alg, "totp_sha256");
	await assert.rejects(anotherBrowser(alice));
	// Who is logged in stays so.
	assert.deepEqual(await alice.user.getGroups(), []);
	const body = { user_identifier: alice.identifier };
	assert.equal((await api("PUT", "/user/forced/disable_otp", { body })).result, "Success");
	await anotherBrowser(alice);
});
