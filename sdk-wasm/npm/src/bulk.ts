// Content: small in wasm, large by what is faster.

import * as wasm from "./wasm/keystead.js";
import { type Bytes, HEAD, TAG, isFast, native, open, seal, sealInto, sealOnWeb } from "./aes.js";
import { work } from "./engine.js";
import { run } from "./errors.js";

/** Below this the way to the other implementation takes longer than the encryption. */
const SMALL = native ? 1024 : 16 * 1024;
/** From here on the worker makes the room for what is encrypted. */
const LARGE = 1024 * 1024;

/** Encrypts to `head 0x00 nonce ciphertext tag`. */
export async function encrypt(key: wasm.Key, plain: Uint8Array, aad?: Uint8Array): Promise<Bytes> {
	if (plain.length < SMALL || !isFast()) {
		return run(() => key.encrypt(plain, aad ?? new Uint8Array())) as Bytes;
	}
	if (native) {
		const prefix = run(() => key.sealContent()) as Bytes;
		const out = new Uint8Array(prefix.length + plain.length + TAG);
		out.set(prefix);
		await sealInto(out, prefix.length, native.createCipheriv, key, prefix, plain, aad);
		return out;
	}
	return joined(key, plain, aad);
}

/** As `encrypt`, in two pieces: nothing is copied, and a `Blob` or a request takes them as they are. */
export async function encryptParts(key: wasm.Key, plain: Uint8Array, aad?: Uint8Array): Promise<[Bytes, ArrayBuffer]> {
	const prefix = run(() => key.sealContent()) as Bytes;
	return [prefix, await seal(key, prefix, plain, aad)];
}

/** Opens `head 0x00 nonce ciphertext tag`; a signature is not checked. */
export async function decrypt(key: wasm.Key, sealed: Uint8Array, aad?: Uint8Array): Promise<Bytes> {
	if (sealed.length < SMALL || !isFast()) {
		return run(() => key.decrypt(sealed, aad ?? new Uint8Array())) as Bytes;
	}
	const nonce = run(() => wasm.openContent(sealed.subarray(0, HEAD)));
	return open(key, sealed, nonce, aad);
}

/** WebCrypto gives a buffer of its own, which is copied behind the head. */
async function joined(key: wasm.Key, plain: Uint8Array, aad?: Uint8Array): Promise<Bytes> {
	const prefix = run(() => key.sealContent()) as Bytes;
	const length = prefix.length + plain.length + TAG;
	const room = plain.length < LARGE ? undefined : work("room", length).catch(() => undefined);
	const sealed = await sealOnWeb(key, prefix, plain, aad);
	const out = (room && (await Promise.race([room, turn()]))) ?? new Uint8Array(length);
	out.set(prefix);
	out.set(new Uint8Array(sealed), prefix.length);
	return out;
}

/** What has come is looked at; a worker that has other work is not waited for. */
function turn(): Promise<undefined> {
	return new Promise((done) => setTimeout(done));
}
