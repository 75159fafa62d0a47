// Large data on WebCrypto, which is many times as fast as AES in wasm; in Node.js on its own ciphers, which write where we want.
// Without either (a page without TLS) wasm does it.

import * as wasm from "./wasm/keystead.js";
import { run } from "./errors.js";

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
const native =
	typeof process === "undefined"
		? undefined
		: (process.getBuiltinModule?.("node:crypto") as { createCipheriv: NewCipher; createDecipheriv: NewCipher } | undefined);
/** Below this the way to the other implementation takes longer than the encryption. */
const SMALL = native ? 1024 : 16 * 1024;
/** What stays in the processor's cache. */
const PIECE = 64 * 1024;
/** After so many bytes others have their turn. */
const TURN = 16 * 1024 * 1024;
const NONCE = 12;
const TAG = 16;
/** As much as a head with a signature can have. */
const HEAD = 12 * 1024;

type Bytes = Uint8Array<ArrayBuffer>;

/** True when something here is faster than wasm. */
function isFast(): boolean {
	return native !== undefined || globalThis.crypto?.subtle !== undefined;
}

async function imported(key: wasm.Key, usage: KeyUsage): Promise<CryptoKey> {
	const raw = key.raw() as Bytes;
	try {
		return await crypto.subtle.importKey("raw", raw, "AES-GCM", false, [usage]);
	} finally {
		raw.fill(0);
	}
}

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
	return joined(await encryptParts(key, plain, aad));
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

/** Encrypts the next part of a file: what is sent, and the key that the part after it needs. */
export function encryptPart(previous: wasm.Key, plain: Bytes, signer?: wasm.User): [Promise<BlobPart[]>, wasm.Key] {
	if (signer || !isFast()) {
		const part = run(() => (signer ? previous.encryptFilePartSigned(plain, signer) : previous.encryptFilePart(plain)));
		return [Promise.resolve([part.takePrefix() as Bytes]), taken(part)];
	}
	const sealing = run(() => previous.sealFilePart());
	const prefix = sealing.takePrefix() as Bytes;
	const key = taken(sealing);
	return [seal(key, prefix, plain).then((sealed) => [prefix, sealed]), key];
}

/** Opens a part of a file: the plain bytes, and the key that the part after it needs. */
export async function decryptPart(previous: wasm.Key, part: Bytes, verify?: wasm.VerifyKey): Promise<[Bytes, wasm.Key]> {
	if (verify || !isFast()) {
		const plain = run(() => (verify ? previous.decryptFilePartVerified(part, verify) : previous.decryptFilePart(part)));
		return [plain.takePrefix() as Bytes, taken(plain)];
	}
	const opening = run(() => previous.openFilePart(part.subarray(0, HEAD)));
	const { nonce, key } = opening;
	opening.free();
	return [await open(key, part, nonce), key];
}

function taken(made: { key: wasm.Key; free(): void }): wasm.Key {
	const { key } = made;
	made.free();
	return key;
}

async function seal(key: wasm.Key, prefix: Bytes, plain: Uint8Array, aad?: Uint8Array): Promise<ArrayBuffer> {
	if (native) {
		const out = new Uint8Array(plain.length + TAG);
		await sealInto(out, 0, native.createCipheriv, key, prefix, plain, aad);
		return out.buffer;
	}
	const secret = await imported(key, "encrypt");
	return crypto.subtle.encrypt(gcm(prefix.subarray(-NONCE), aad), secret, plain as Bytes);
}

async function open(key: wasm.Key, sealed: Uint8Array, nonce: number, aad?: Uint8Array): Promise<Bytes> {
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

/** Writes ciphertext and tag to `at`. */
async function sealInto(out: Bytes, at: number, make: NewCipher, key: wasm.Key, prefix: Bytes, plain: Uint8Array, aad?: Uint8Array) {
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

function joined([prefix, sealed]: [Bytes, ArrayBuffer]): Bytes {
	const out = new Uint8Array(prefix.length + sealed.byteLength);
	out.set(prefix);
	out.set(new Uint8Array(sealed), prefix.length);
	return out;
}
