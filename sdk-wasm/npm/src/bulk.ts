// Large data on WebCrypto, which is many times as fast as AES in wasm. Without it (a page without TLS) wasm does it.

import * as wasm from "./wasm/keystead.js";
import { run } from "./errors.js";

/** Below this the way to WebCrypto takes longer than the encryption. */
const SMALL = 16 * 1024;
const NONCE = 12;
/** As much as a head with a signature can have. */
const HEAD = 12 * 1024;

type Bytes = Uint8Array<ArrayBuffer>;

function subtle(): SubtleCrypto | undefined {
	return globalThis.crypto?.subtle;
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
	if (plain.length < SMALL || !subtle()) {
		return run(() => key.encrypt(plain, aad ?? new Uint8Array())) as Bytes;
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
	if (sealed.length < SMALL || !subtle()) {
		return run(() => key.decrypt(sealed, aad ?? new Uint8Array())) as Bytes;
	}
	const nonce = run(() => wasm.openContent(sealed.subarray(0, HEAD)));
	return open(key, sealed, nonce, aad);
}

/** Encrypts the next part of a file: what is sent, and the key that the part after it needs. */
export function encryptPart(previous: wasm.Key, plain: Bytes, signer?: wasm.User): [Promise<BlobPart[]>, wasm.Key] {
	if (signer || !subtle()) {
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
	if (verify || !subtle()) {
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
	const secret = await imported(key, "encrypt");
	return crypto.subtle.encrypt(gcm(prefix.subarray(-NONCE), aad), secret, plain as Bytes);
}

async function open(key: wasm.Key, sealed: Uint8Array, nonce: number, aad?: Uint8Array): Promise<Bytes> {
	const secret = await imported(key, "decrypt");
	const body = nonce + NONCE;
	try {
		const algorithm = gcm(sealed.subarray(nonce, body) as Bytes, aad);
		return new Uint8Array(await crypto.subtle.decrypt(algorithm, secret, sealed.subarray(body) as Bytes));
	} catch {
		// WebCrypto's own error says nothing; the same failure there has a name and a code.
		return run(() => key.decrypt(sealed, aad ?? new Uint8Array())) as Bytes;
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
