// The identity API's cookies in a real browser: a login page on the same origin, `browser` over TLS and `browser-dev` without.
// Run by tests/e2e/identity/browser.rs, which sets KEYSTEAD_URL, KEYSTEAD_CLOCK_OFFSET_FILE, KEYSTEAD_TLS_KEY and KEYSTEAD_TLS_CERT.

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch, site, tlsFromEnvironment } from "./browser.mjs";

const PASSWORD = "MyExamplePassword123*";
const NAMES = ["iam-access-token", "iam-refresh-token", "iam-sid"];
const FORTNIGHT = 14 * 86_400;
const DAY = 86_400;
const url = process.env.KEYSTEAD_URL;
const html = readFileSync(new URL("login_page.html", import.meta.url), "utf8");

let chromium, secure, plain, evil;
let people = 0;

before(async () => {
	const pages = { "/": html };
	chromium = await launch();
	secure = await site(url, pages, tlsFromEnvironment());
	plain = await site(url, pages);
	evil = await site(url, { "/": "<title>another site</title>" }, tlsFromEnvironment());
});

after(async () => {
	await chromium?.close();
	await Promise.all([secure, plain, evil].map((s) => s?.close()));
});

/** A browser of its own at the login page, with helpers. */
async function visitor(origin, platform) {
	const context = await chromium.newContext({ ignoreHTTPSErrors: true });
	const page = await context.newPage();
	const said = async (text) => {
		await page.waitForFunction((text) => document.querySelector("#said").textContent.startsWith(text), text);
		return page.textContent("#said");
	};
	const submit = async (form, fields) => {
		for (const [name, value] of Object.entries(fields)) {
			await page.fill(`#${form} [name=${name}]`, value);
		}
		await page.evaluate(() => (document.querySelector("#said").textContent = ""));
		await page.click(`#${form} button`);
		return said(`${form}:`);
	};
	await page.goto(`${origin}/?platform=${platform}`);
	return {
		context,
		page,
		email: `visitor${++people}@example.com`,
		who: async () => {
			await page.waitForFunction(() => document.querySelector("#who").textContent !== "");
			return page.textContent("#who");
		},
		register() {
			return submit("register", { email: this.email, password: PASSWORD });
		},
		login(password = PASSWORD) {
			return submit("login", { email: this.email, password });
		},
		async logout() {
			await page.click("#logout");
			return said("logout:");
		},
		iam: (method, path, body) => page.evaluate(([m, p, b]) => iam(m, p, b), [method, path, body]),
		cookies: async () => Object.fromEntries((await context.cookies()).map((c) => [c.name, c])),
	};
}

/** Registered, logged in. */
async function member(origin, platform) {
	const jo = await visitor(origin, platform);
	assert.equal(await jo.register(), "register: success");
	assert.equal(await jo.login(), "login: success");
	return jo;
}

function near(expires, seconds) {
	const wanted = Date.now() / 1000 + serverOffset() + seconds;
	assert.ok(Math.abs(expires - wanted) < 120, `expires ${expires}, wanted about ${wanted}`);
}

function serverOffset() {
	const file = process.env.KEYSTEAD_CLOCK_OFFSET_FILE;
	return existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
}

function advance(seconds) {
	writeFileSync(process.env.KEYSTEAD_CLOCK_OFFSET_FILE, String(serverOffset() + seconds));
}

test("browser over TLS: three secure cookies that no script sees", async () => {
	const jo = await visitor(secure.origin("app.test"), "browser");
	assert.equal(await jo.who(), "nobody");
	assert.equal(await jo.register(), "register: success");
	assert.deepEqual(await jo.cookies(), {}, "registration logs nobody in");
	assert.equal(await jo.login("wrong"), "login: Invalid login");
	assert.equal(await jo.login(), "login: success");
	assert.equal(await jo.who(), jo.email);
	const cookies = await jo.cookies();
	assert.deepEqual(Object.keys(cookies).sort(), NAMES);
	for (const cookie of Object.values(cookies)) {
		const { secure, httpOnly, sameSite, path, domain } = cookie;
		assert.deepEqual(
			{ secure, httpOnly, sameSite, path, domain },
			{ secure: true, httpOnly: true, sameSite: "Lax", path: "/", domain: "app.test" },
		);
	}
	assert.equal(cookies["iam-access-token"].expires, -1, "gone with the browser");
	assert.equal(cookies["iam-sid"].expires, -1);
	near(cookies["iam-refresh-token"].expires, FORTNIGHT);
	assert.equal(await jo.page.evaluate(() => document.cookie), "");
	// They come back with the next page, and with a change that needs the csrf token.
	await jo.page.reload();
	assert.equal(await jo.who(), jo.email);
	const { data: profile } = await jo.iam("GET", "/authn/profile");
	const change = { uuid: profile.uuid, csrf_token: profile.csrf_token, first_name: "Joanna" };
	assert.equal((await jo.iam("PUT", "/authn/update", change)).data.first_name, "Joanna");
	await jo.context.close();
});

test("browser over TLS: logout takes the cookies, and the session with them", async () => {
	const jo = await member(secure.origin("app.test"), "browser");
	const before = await jo.context.cookies();
	assert.equal(await jo.logout(), "logout: success");
	assert.equal(await jo.who(), "nobody");
	assert.deepEqual(await jo.cookies(), {});
	// Not only here: the cookies of before are worth nothing.
	await jo.context.addCookies(before);
	assert.deepEqual(await jo.iam("GET", "/authn/isauthenticated"), { status: "fail" });
	assert.equal((await jo.iam("POST", "/authn/refresh")).error.statusCode, 403);
	await jo.context.close();
});

test("browser over TLS: a failed login takes the cookies of the one before", async () => {
	const jo = await member(secure.origin("app.test"), "browser");
	assert.equal(await jo.login("wrong"), "login: Invalid login");
	assert.deepEqual(await jo.cookies(), {});
	await jo.context.close();
});

test("browser over TLS: renewal, asked for and on the way", async () => {
	const jo = await member(secure.origin("app.test"), "browser");
	const first = await jo.cookies();
	assert.deepEqual(await jo.iam("POST", "/authn/refresh"), { status: "success" });
	const second = await jo.cookies();
	for (const name of ["iam-access-token", "iam-refresh-token"]) {
		assert.notEqual(second[name].value, first[name].value);
	}
	assert.equal(second["iam-sid"].value, first["iam-sid"].value);
	// After a quarter of an hour a page asks for several things at once, as the front end does.
	advance(901);
	const asked = ["/authn/isauthenticated", "/authn/profile", "/authn/isauthenticated", "/authn/profile"];
	const answers = await jo.page.evaluate((paths) => Promise.all(paths.map((path) => iam("GET", path))), asked);
	assert.deepEqual(answers.map((a) => a.status), asked.map(() => "success"));
	const third = await jo.cookies();
	assert.notEqual(third["iam-refresh-token"].value, second["iam-refresh-token"].value);
	near(third["iam-refresh-token"].expires, FORTNIGHT);
	assert.deepEqual(await jo.iam("POST", "/authn/refresh"), { status: "success" }, "no alert was raised");
	assert.equal((await jo.iam("GET", "/authn/profile")).data.email, jo.email);
	await jo.context.close();
});

test("another site can neither act nor log anybody in", async () => {
	const jo = await member(secure.origin("app.test"), "browser");
	const before = await jo.cookies();
	const own = secure.origin("app.test");
	const stranger = await jo.context.newPage();
	await stranger.goto(evil.origin("evil.test"));
	// By script: with and without what would need a preflight.
	for (const headers of [{}, { "content-type": "application/json" }, { "client-platform": "app" }]) {
		const answer = await stranger.evaluate(
			async ([url, headers]) => {
				const init = { method: "POST", credentials: "include", headers, body: "{}" };
				return fetch(url, init).then((r) => r.status, () => "refused");
			},
			[`${own}/api/iam/authn/logout`, headers],
		);
		assert.equal(answer, "refused", "no page of another site reads an answer");
	}
	// By form, which needs no permission of the server: JSON in disguise, and nothing at all.
	const login = { email: jo.email, password: PASSWORD };
	for (const [path, type, fields] of [
		["/authn/login", "text/plain", { [`${JSON.stringify(login).slice(0, -1)},"x":"`]: '"}' }],
		["/authn/logout", "application/x-www-form-urlencoded", {}],
	]) {
		await stranger.goto(evil.origin("evil.test"));
		const [response] = await Promise.all([
			stranger.waitForNavigation(),
			stranger.evaluate(
				([action, enctype, fields]) => {
					const form = Object.assign(document.createElement("form"), { action, enctype, method: "POST" });
					for (const [name, value] of Object.entries(fields)) {
						form.append(Object.assign(document.createElement("input"), { name, value, type: "hidden" }));
					}
					document.body.append(form);
					form.submit();
				},
				[`${own}/api/iam${path}`, type, fields],
			),
		]);
		const answer = await response.json();
		assert.deepEqual([answer.status, answer.error.statusCode], ["fail", 403], path);
		assert.equal(response.headers()["access-control-allow-origin"], undefined);
	}
	await stranger.close();
	assert.equal((await jo.iam("GET", "/authn/profile")).data.email, jo.email, "the session goes on");
	assert.equal((await jo.cookies())["iam-sid"].value, before["iam-sid"].value);
	await jo.context.close();
});

test("browser without TLS: the browser keeps no secure cookie", async () => {
	const jo = await visitor(plain.origin("app.test"), "browser");
	assert.equal(await jo.register(), "register: success");
	assert.equal(await jo.login(), "login: success");
	assert.deepEqual(await jo.cookies(), {});
	assert.equal(await jo.who(), "nobody");
	await jo.context.close();
});

test("browser-dev without TLS: cookies that are not secure, and work", async () => {
	const jo = await member(plain.origin("app.test"), "browser-dev");
	assert.equal(await jo.who(), jo.email);
	const cookies = await jo.cookies();
	assert.deepEqual(Object.keys(cookies).sort(), NAMES);
	for (const { secure, httpOnly, sameSite } of Object.values(cookies)) {
		assert.deepEqual({ secure, httpOnly, sameSite }, { secure: false, httpOnly: true, sameSite: "Lax" });
	}
	near(cookies["iam-access-token"].expires, DAY);
	near(cookies["iam-refresh-token"].expires, DAY);
	assert.equal(cookies["iam-sid"].expires, -1);
	await jo.page.reload();
	assert.equal(await jo.who(), jo.email);
	assert.deepEqual(await jo.iam("POST", "/authn/refresh"), { status: "success" });
	assert.equal(await jo.logout(), "logout: success");
	assert.deepEqual(await jo.cookies(), {});
	await jo.context.close();
});
