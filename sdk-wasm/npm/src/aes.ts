// AES-256-GCM: by WebCrypto, which is many times as fast as wasm; in Node.js by its own ciphers, which write where we want.

import * as wasm from "./wasm/keystead.js";
import { run } from "./errors.js";

export type Bytes = Uint8Array<ArrayBuffer>;

interface Cipher {
	setAAD(aad: Uint8Array): void;
	setAuthTag(tag: Uint8Array): void;
	getAuthTag(): Uint8Array;
	update(piece: Uint8Array): Uint8Array;
	final(): Uint8Array;
}
type NewCipher = (name: "aes-256-gcm", key: Uint8Array, nonce: Uint8Array, options: { authTagLength: number }) => Cipher;
declare const process: { getBuiltinModule?(name: string): unknown } | undefined;

/** WebCrypto gives a buffer of its own, and to copy it behind the head costs a third of the encryption; this needs no copy. */
export const native =
	typeof process === "undefined"
		? undefined
		: (process.getBuiltinModule?.("node:crypto") as { createCipheriv: NewCipher; createDecipheriv: NewCipher } | undefined);
/** What stays in the processor's cache. */
const PIECE = 64 * 1024;
/** After so many bytes others have their turn. */
const TURN = 16 * 1024 * 1024;
const NONCE = 12;
export const TAG = 16;
/** As much as a head with a signature can have. */
export const HEAD = 12 * 1024;

/** True when something here is faster than wasm. */
export function isFast(): boolean {
	return native !== undefined || globalThis.crypto?.subtle !== undefined;
}

/** Ciphertext and tag; the nonce is the last of `prefix`. */
export async function seal(key: wasm.Key, prefix: Bytes, plain: Uint8Array, aad?: Uint8Array): Promise<ArrayBuffer> {
	if (native) {
		const out = new Uint8Array(plain.length + TAG);
		await sealInto(out, 0, native.createCipheriv, key, prefix, plain, aad);
		return out.buffer;
	}
	return sealOnWeb(key, prefix, plain, aad);
}

/** Opens what stands at `nonce` and after it. */
export async function open(key: wasm.Key, sealed: Uint8Array, nonce: number, aad?: Uint8Array): Promise<Bytes> {
	const body = nonce + NONCE;
	try {
		if (native) {
			const length = Math.max(0, sealed.length - body - TAG);
			const cipher = started(native.createDecipheriv, key, sealed.subarray(nonce, body), aad);
			const out = new Uint8Array(length);
			await through(cipher, sealed.subarray(body, body + length), out, 0);
			cipher.setAuthTag(sealed.subarray(body + length));
			cipher.final();
			return out;
		}
		const secret = await imported(key, "decrypt");
		const algorithm = gcm(sealed.subarray(nonce, body) as Bytes, aad);
		return new Uint8Array(await crypto.subtle.decrypt(algorithm, secret, sealed.subarray(body) as Bytes));
	} catch {
		// WebCrypto's own error says nothing; the same failure there has a name and a code.
		return run(() => key.decrypt(sealed, aad ?? new Uint8Array())) as Bytes;
	}
}

/** As `seal`, by WebCrypto. */
export async function sealOnWeb(key: wasm.Key, prefix: Bytes, plain: Uint8Array, aad?: Uint8Array): Promise<ArrayBuffer> {
	const secret = await imported(key, "encrypt");
	return crypto.subtle.encrypt(gcm(prefix.subarray(-NONCE), aad), secret, plain as Bytes);
}

/** Writes ciphertext and tag to `at`, by Node.js. */
export async function sealInto(out: Bytes, at: number, make: NewCipher, key: wasm.Key, prefix: Bytes, plain: Uint8Array, aad?: Uint8Array) {
	const cipher = started(make, key, prefix.subarray(-NONCE), aad);
	await through(cipher, plain, out, at);
	cipher.final();
	out.set(cipher.getAuthTag(), at + plain.length);
}

function started(make: NewCipher, key: wasm.Key, nonce: Uint8Array, aad?: Uint8Array): Cipher {
	const raw = key.raw();
	try {
		// Node.js takes shorter tags otherwise, which are easier to guess.
		const cipher = make("aes-256-gcm", raw, nonce, { authTagLength: TAG });
		if (aad?.length) {
			cipher.setAAD(aad);
		}
		return cipher;
	} finally {
		raw.fill(0);
	}
}

async function through(cipher: Cipher, from: Uint8Array, to: Bytes, at: number): Promise<void> {
	for (let done = 0; done < from.length; done += PIECE) {
		if (done && done % TURN === 0) {
			await new Promise((turn) => setTimeout(turn));
		}
		to.set(cipher.update(from.subarray(done, done + PIECE)), at + done);
	}
}

function gcm(iv: Bytes, aad?: Uint8Array): AesGcmParams {
	return aad?.length ? { name: "AES-GCM", iv, additionalData: aad as Bytes } : { name: "AES-GCM", iv };
}

async function imported(key: wasm.Key, usage: KeyUsage): Promise<CryptoKey> {
	const raw = key.raw() as Bytes;
	try {
		return await crypto.subtle.importKey("raw", raw, "AES-GCM", false, [usage]);
	} finally {
		raw.fill(0);
	}
}
