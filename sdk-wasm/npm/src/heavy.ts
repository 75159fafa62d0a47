// What takes long: each is a pure function of texts and bytes, so that a worker may run it.

import * as wasm from "./wasm/keystead.js";
import * as parts from "./parts.js";

export const heavy = {
	prepareRegister: (identifier: string, password: string): string => wasm.prepareRegister(identifier, password),
	prepareRegisterDeviceStart: (identifier: string, password: string): string =>
		wasm.prepareRegisterDeviceStart(identifier, password),
	prepareLogin: (identifier: string, password: string, output: string): string[] =>
		wasm.prepareLogin(identifier, password, output),
	encryptPart: parts.encryptPart,
	decryptPart: parts.decryptPart,
	room,
};

export type Heavy = typeof heavy;
export type Made<K extends keyof Heavy> = Awaited<ReturnType<Heavy[K]>>;

/** So many bytes that the system has given memory for: at the first touch of each page that takes five times as long as to copy it. */
function room(length: number): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(length);
	for (let at = 0; at < length; at += 4096) {
		bytes[at] = 0;
	}
	return bytes;
}

/** A call for the worker. */
export interface Job {
	id: number;
	name: keyof Heavy;
	args: unknown[];
}

/** What the worker says: that it is there, or what came of a call. */
export type Answer = { id: 0 } | { id: number; value: unknown } | { id: number; error: [name: string, code: number, message: string] };

/** The buffers of the bytes in arguments and results: they are handed over, not copied. */
export function buffers(value: unknown): ArrayBuffer[] {
	if (value instanceof Uint8Array) {
		return [value.buffer as ArrayBuffer];
	}
	return Array.isArray(value) ? value.flatMap(buffers) : [];
}
