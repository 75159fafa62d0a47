// Settings and users of the tests.

import { randomUUID } from "node:crypto";
import { Client, KeysteadError, MemoryStorage } from "@keystead/sdk";

export const env = {
	url: required("KEYSTEAD_URL").replace(/\/+$/, ""),
	publicToken: required("KEYSTEAD_PUBLIC_TOKEN"),
	secretToken: required("KEYSTEAD_SECRET_TOKEN"),
	/** The same app in the data API. */
	appId: required("KEYSTEAD_DATA_APP"),
	adminToken: required("KEYSTEAD_DATA_ADMIN_TOKEN"),
	/** Where the server stores. */
	dataDir: required("KEYSTEAD_DATA_DIR"),
};

export const PASSWORD = "correct horse battery staple";

/** A client with a storage of its own: one more device. */
export async function device(options = {}) {
	const client = new Client();
	const storage = options.storage ?? new MemoryStorage();
	const found = await client.init({ app_token: env.publicToken, base_url: env.url, ...options, storage });
	return { client, storage, found };
}

/** Registers and logs in a new user on a device of his own. */
export async function newUser(name, options) {
	const { client, storage } = await device(options);
	const identifier = `${name}-${randomUUID()}`;
	const id = await client.register(identifier, PASSWORD);
	const user = await client.login(identifier, PASSWORD, true);
	return { client, storage, identifier, id, user };
}

/** One request as a customer's backend makes it: the answer's text. */
export async function relay(method, path, { token = env.secretToken, jwt, body } = {}) {
	const response = await fetch(`${env.url}/api/v1${path}`, {
		method,
		headers: {
			"x-sentc-app-token": token,
			"content-type": "application/json",
			...(jwt && { authorization: `Bearer ${jwt}` }),
		},
		body,
	});
	return response.text();
}

/** For `assert.rejects`: an error with this name and the code in it. */
export function failure(name) {
	const code = Number(/\d+$/.exec(name)?.[0] ?? 0);
	return (error) => error instanceof KeysteadError && error.name === name && error.code === code;
}

/** Runs `work` while the clients believe that it is `seconds` later. */
export async function later(seconds, work) {
	const now = Date.now;
	Date.now = () => now() + seconds * 1000;
	try {
		return await work();
	} finally {
		Date.now = now;
	}
}

function required(name) {
	const value = process.env[name];
	if (!value) {
		throw new Error(`${name} is not set: see README.md, Tests`);
	}
	return value;
}
