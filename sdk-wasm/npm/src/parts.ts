// Parts of files: what a worker does with them, or this thread where there is none.

import * as wasm from "./wasm/keystead.js";
import { type Bytes, HEAD, isFast, open, seal } from "./aes.js";
import { run } from "./errors.js";

/** The key that the part of a file after this one needs, and the bytes: nothing else, so that a worker may do it. */
export type Part = [key: Bytes, ...bytes: Bytes[]];

/** Encrypts the next part of a file; `signer` is what `User.signer` gives. */
export async function encryptPart(previous: Bytes, plain: Bytes, signer?: string[]): Promise<Part> {
	const before = keyOf(previous);
	if (signer) {
		return taken(run(() => before.encryptFilePartSigned(plain, signer)));
	}
	if (!isFast()) {
		return taken(run(() => before.encryptFilePart(plain)));
	}
	const sealing = run(() => before.sealFilePart());
	const { key } = sealing;
	const [raw, prefix] = taken(sealing);
	return [raw, prefix, new Uint8Array(await seal(key, prefix, plain))];
}

/** Opens a part of a file; `verify` is what `VerifyKey.save` gives. */
export async function decryptPart(previous: Bytes, part: Bytes, verify?: string[]): Promise<[key: Bytes, plain: Bytes]> {
	const before = keyOf(previous);
	if (verify) {
		return taken(run(() => before.decryptFilePartVerified(part, verify)));
	}
	if (!isFast()) {
		return taken(run(() => before.decryptFilePart(part)));
	}
	const opening = run(() => before.openFilePart(part.subarray(0, HEAD)));
	const { nonce, key } = opening;
	opening.free();
	return [key.raw() as Bytes, await open(key, part, nonce)];
}

/** The bytes of the key are of no more use, and wiped. */
function keyOf(raw: Bytes): wasm.Key {
	try {
		return run(() => wasm.Key.ofPart(raw));
	} finally {
		raw.fill(0);
	}
}

function taken(made: wasm.Sealing): [key: Bytes, bytes: Bytes] {
	const raw = made.key.raw() as Bytes;
	const bytes = made.takePrefix() as Bytes;
	made.free();
	return [raw, bytes];
}
