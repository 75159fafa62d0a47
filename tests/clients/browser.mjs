// A headless Chromium, and sites for it: a page and the server's API behind one origin, with TLS or without.

import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { chromium } from "playwright-core";

const ARGS = [
	"--headless",
	"--no-sandbox",
	"--disable-gpu",
	"--disable-quic",
	"--no-first-run",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
	// Names that end in .test are this machine; unlike localhost, a browser does not trust them without TLS.
	"--host-resolver-rules=MAP *.test 127.0.0.1",
];

/** Starts Chromium: the program in KEYSTEAD_CHROMIUM, or Debian's. */
export function launch() {
	const executablePath = process.env.KEYSTEAD_CHROMIUM || "/usr/bin/chromium";
	return chromium.launch({ executablePath, args: ARGS });
}

/**
 * Serves `pages` (`{"/": html}`) and hands everything below `/api/` to the server at `target`, as a reverse proxy does. With
 * `tls` (`{key, cert}`, PEM) over TLS. Returns `{origin(name), close()}`.
 */
export async function site(target, pages, tls) {
	const to = new URL(target);
	const answer = (req, res) => {
		if (req.url.startsWith("/api/")) {
			return forward(to, req, res);
		}
		const page = pages[new URL(req.url, target).pathname];
		res.writeHead(page === undefined ? 404 : 200, { "content-type": "text/html; charset=utf-8" });
		res.end(page ?? "nothing here");
	};
	const server = tls ? createTlsServer(tls, answer) : createServer(answer);
	await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
	const { port } = server.address();
	return {
		origin: (name) => `${tls ? "https" : "http"}://${name}:${port}`,
		close: () => {
			server.closeAllConnections();
			return new Promise((closed) => server.close(closed));
		},
	};
}

/** The key pair of KEYSTEAD_TLS_KEY and KEYSTEAD_TLS_CERT (files). */
export function tlsFromEnvironment() {
	return { key: readFileSync(process.env.KEYSTEAD_TLS_KEY), cert: readFileSync(process.env.KEYSTEAD_TLS_CERT) };
}

function forward(to, req, res) {
	const { hostname, port } = to;
	const out = request({ hostname, port, path: req.url, method: req.method, headers: req.headers }, (answer) => {
		res.writeHead(answer.statusCode, answer.rawHeaders);
		answer.pipe(res);
	});
	out.on("error", (error) => res.destroy(error));
	req.pipe(out);
}
