// Helpers of the client tests: settings from the environment, users, raw requests, checks.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { clientError, connect } from "./shim.mjs";

/** Settings. Optional: the `default*` tokens (app with default options), the JWT verify key, the clock file. */
export const env = {
	url: required("KEYSTEAD_URL").replace(/\/+$/, ""),
	publicToken: required("KEYSTEAD_PUBLIC_TOKEN"),
	secretToken: required("KEYSTEAD_SECRET_TOKEN"),
	defaultPublicToken: process.env.KEYSTEAD_DEFAULT_PUBLIC_TOKEN,
	defaultSecretToken: process.env.KEYSTEAD_DEFAULT_SECRET_TOKEN,
	jwtVerifyKey: process.env.KEYSTEAD_JWT_VERIFY_KEY,
	clockFile: process.env.KEYSTEAD_CLOCK_OFFSET_FILE,
};

/** The form of every id. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** An id that names nothing. */
export const NOBODY = "00000000-0000-4000-8000-000000000000";

export const PASSWORD = "correct horse battery staple";

/** A login identifier that no other test and no earlier run has used. */
export function uniqueName(name) {
	return `${name}-${randomUUID()}`;
}

/** A client in a browser of its own, for the lax app unless another token is given. */
export function browser(appToken = env.publicToken, options = {}) {
	return connect({ baseUrl: env.url, appToken, ...options });
}

/** Registers and logs in a new user. `id` is what `register` returned, `user` the logged-in client object. */
export async function newUser(name) {
	const client = await browser();
	const identifier = uniqueName(name);
	const id = await client.Sentc.register(identifier, PASSWORD);
	const user = await client.Sentc.login(identifier, PASSWORD);
	return { ...client, identifier, id, user };
}

/** Logs the same user in from one more browser. */
export async function anotherBrowser({ identifier, id }) {
	const client = await browser();
	return { ...client, identifier, id, user: await client.Sentc.login(identifier, PASSWORD) };
}

/** Creates a group as `owner` and makes the others members at once. */
export async function groupOf(owner, ...members) {
	const id = await owner.user.createGroup();
	const group = await owner.user.getGroup(id);
	for (const member of members) {
		await group.inviteAuto(member.id);
	}
	return { id, group };
}

/** One request as a customer's backend makes it; returns the parsed envelope. `body` text is sent unchanged. */
export async function api(method, path, { token = env.secretToken, jwt, body } = {}) {
	const { text } = await relay(method, path, { token, jwt, body });
	return JSON.parse(text);
}

/** As `api`, but returns HTTP status, headers and the text of the answer, as the client's `done…` calls want it. */
export async function relay(method, path, { token = env.secretToken, jwt, body } = {}) {
	const response = await fetch(`${env.url}/api/v1${path}`, {
		method,
		headers: {
			...(token && { "x-sentc-app-token": token }),
			...(jwt && { authorization: `Bearer ${jwt}` }),
			...(body !== undefined && { "content-type": "application/json" }),
		},
		body: typeof body === "object" ? JSON.stringify(body) : body,
	});
	return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Checks that a client call fails with this error code of the server. */
export function failsWith(code, call) {
	return assert.rejects(call, (thrown) => {
		assert.equal(clientError(thrown)?.status, `server_${code}`, `expected server_${code}, got ${String(thrown)}`);
		return true;
	});
}

/** Checks that the client itself refuses, before any request. */
export function refusedLocally(status, call) {
	return assert.rejects(call, (thrown) => {
		assert.equal(clientError(thrown)?.status, status, `expected ${status}, got ${String(thrown)}`);
		return true;
	});
}

/** Checks a failure envelope of a raw request. */
export function assertRefused(envelope, ...codes) {
	assert.equal(envelope.status, false);
	assert.ok(codes.includes(envelope.err_code), `expected one of ${codes}, got ${JSON.stringify(envelope)}`);
	assert.equal(typeof envelope.err_msg, "string");
	assert.notEqual(envelope.err_msg, "");
}

/** Runs `work` while the client believes that it is `seconds` later. */
export async function later(seconds, work) {
	const realNow = Date.now;
	Date.now = () => realNow() + seconds * 1000;
	try {
		return await work();
	} finally {
		Date.now = realNow;
	}
}

/** Runs `work` while the server, through its clock file, believes that it is `seconds` later. */
export async function serverLater(seconds, work) {
	writeFileSync(env.clockFile, String(seconds));
	try {
		return await work();
	} finally {
		writeFileSync(env.clockFile, "0");
	}
}

/** Runs `work` and returns `{result, requests}`; each request is `{method, path, body}`. */
export async function recordRequests(work) {
	const realFetch = globalThis.fetch;
	const requests = [];
	globalThis.fetch = async (input, init) => {
		const request = new Request(input, init);
		requests.push({
			method: request.method,
			path: new URL(request.url).pathname.replace(/^.*\/api\/v1/, ""),
			body: await request.clone().text(),
		});
		return realFetch(request);
	};
	try {
		return { result: await work(), requests };
	} finally {
		globalThis.fetch = realFetch;
	}
}

function required(name) {
	const value = process.env[name];
	if (!value) {
		throw new Error(`${name} is not set; the header of sentc_0_3_1.test.mjs tells how to run these tests`);
	}
	return value;
}
