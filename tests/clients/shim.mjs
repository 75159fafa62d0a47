// Browser stand-ins that let the unmodified npm package @sentclose/sentc 0.3.1 run in Node 20, and `connect`, which
// gives one initialised client.
//
// What the package wants from a browser:
// - `self`, `window` and `instanceof Window`: its WASM part calls `fetch` only on an object that is a `Window`;
// - key storage: it asks `"indexedDB" in window`; Node has none, so it warns once and keeps keys in memory;
// - the WASM file: `wasm_path` also takes the bytes of the file.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const WASM = readFileSync(require.resolve("sentc_wasm/sentc_wasm_bg.wasm"));

/** Defines the missing globals. Safe to call more than once. */
export function installBrowserGlobals() {
	globalThis.self ??= globalThis;
	globalThis.window ??= globalThis;
	globalThis.Window ??= class Window {
		static [Symbol.hasInstance](value) {
			return value === globalThis;
		}
	};
}

/**
 * Loads a fresh copy of the package and initialises it.
 *
 * The package keeps options, key storage and the WASM memory in module state. A fresh copy per call behaves like one
 * more browser: own storage, own server, own app token.
 *
 * @param {{baseUrl: string, appToken: string, refresh?: object}} options `refresh` is handed to the client as it is
 * @returns {Promise<{Sentc: object, wasm: object, warnings: object[], resumed: object|undefined}>} the client class, the
 *   functions below it (some calls of the wire have no method in the client class), what the storage reported, and the
 *   result of `Sentc.init`
 */
export async function connect({ baseUrl, appToken, refresh }) {
	installBrowserGlobals();
	for (const path of Object.keys(require.cache)) {
		if (/node_modules[\\/](@sentclose[\\/]sentc|sentc_wasm)[\\/]/.test(path)) {
			delete require.cache[path];
		}
	}
	const { default: Sentc } = require("@sentclose/sentc");
	const wasm = require("sentc_wasm");
	const warnings = [];
	const resumed = await Sentc.init({
		base_url: baseUrl,
		app_token: appToken,
		wasm_path: WASM,
		storage: { errCallBack: (report) => warnings.push(report) },
		...(refresh && { refresh }),
	});
	return { Sentc, wasm, warnings, resumed };
}

/** Turns what the client throws (a JSON text) into `{status, error_message}`; other errors pass unchanged. */
export function clientError(thrown) {
	if (typeof thrown !== "string") {
		return thrown;
	}
	try {
		return JSON.parse(thrown);
	} catch {
		return { status: "not json", error_message: thrown };
	}
}
