import { KeysteadError } from "./errors.js";

/** Who calls: an app of a server. */
export interface Connection {
	baseUrl: string;
	appToken: string;
	partUrl: string | undefined;
}

/** What a call carries besides its path. */
export interface Call {
	jwt?: string | undefined;
	body?: BodyInit | undefined;
	/** The group through which the user enters. */
	via?: string | undefined;
	headers?: Record<string, string>;
}

/** Sends one call and gives the answer's text. The HTTP status is not looked at: the envelope says it all. */
export async function send(to: Connection, method: string, path: string, call: Call = {}): Promise<string> {
	const response = await request(to, method, `${to.baseUrl}/api/v1${path}`, {
		...call,
		headers: { "content-type": "application/json" },
	});
	return read(response);
}

/** Sends or fetches a part of a file. */
export function part(to: Connection, method: string, rest: string, call: Call): Promise<Response> {
	return request(to, method, `${to.partUrl ?? `${to.baseUrl}/api/v1/file/part`}/${rest}`, call);
}

/** The text of an answer. */
export async function read(response: Response): Promise<string> {
	try {
		return await response.text();
	} catch (cause) {
		throw new KeysteadError("network", 0, "the answer broke off", { cause });
	}
}

async function request(to: Connection, method: string, url: string, call: Call): Promise<Response> {
	const headers: Record<string, string> = { ...call.headers, "x-sentc-app-token": to.appToken };
	if (call.jwt !== undefined) {
		headers["authorization"] = `Bearer ${call.jwt}`;
	}
	if (call.via !== undefined) {
		headers["x-sentc-group-access-id"] = call.via;
	}
	try {
		return await fetch(url, { method, headers, body: call.body ?? null });
	} catch (cause) {
		throw new KeysteadError("network", 0, `no answer from ${to.baseUrl}`, { cause });
	}
}

/** The result in an answer's envelope. */
export function result<T>(text: string): T {
	let envelope: { status?: boolean; result?: T; err_code?: number; err_msg?: string };
	try {
		envelope = JSON.parse(text);
	} catch (cause) {
		throw new KeysteadError("client", 0, "the server answered with something else", { cause });
	}
	if (envelope.status !== true) {
		const code = Number(envelope.err_code ?? 0);
		throw new KeysteadError(`server_${code}`, code, envelope.err_msg ?? "the server refused");
	}
	return envelope.result as T;
}

/** An id as a piece of a path. */
export function id(value: string): string {
	if (!/^[A-Za-z0-9_-]{1,64}$/.test(value)) {
		throw new KeysteadError("client", 0, "this is no id");
	}
	return value;
}
