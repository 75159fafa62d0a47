// What is measured, the same in Node.js and in a page.

const SIZES = { "1 KiB": 1 << 10, "1 MiB": 1 << 20, "64 MiB": 64 << 20 };
/** Work is repeated so long, milliseconds: also that of large data several times, so that its own garbage is cleared meanwhile. */
const LEAST = 600;

/** Registers and logs in; gives the last user. */
export async function accounts(of, rounds, id, register, login, tell) {
	const [made, entered] = [[], []];
	let user;
	for (let round = 0; round < rounds; round++) {
		const name = `bench-${id()}`;
		let start = performance.now();
		await register(name);
		made.push(performance.now() - start);
		start = performance.now();
		user = await login(name);
		entered.push(performance.now() - start);
	}
	await tell("register, ms", of, median(made));
	await tell("login, ms", of, median(entered));
	return user;
}

/** Encrypts and decrypts with a group's key; in every round WebCrypto right after it, when it is the yardstick. */
export async function content({ of, yardstick, rounds, group, tell }) {
	const key = yardstick && (await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]));
	const gcm = { name: "AES-GCM", iv: new Uint8Array(12) };
	for (const [name, size] of Object.entries(SIZES)) {
		const data = new Uint8Array(size).fill(7);
		const sealed = await group.encrypt(data);
		const raw = yardstick && new Uint8Array(await crypto.subtle.encrypt(gcm, key, data));
		const works = {
			encrypt: [() => group.encrypt(data), yardstick && (() => crypto.subtle.encrypt(gcm, key, data))],
			decrypt: [() => group.decrypt(sealed), yardstick && (() => crypto.subtle.decrypt(gcm, key, raw))],
		};
		if (yardstick) {
			works["encrypt in two pieces"] = [() => group.encryptParts(data), works.encrypt[1]];
		}
		for (const [what, [ours, theirs]] of Object.entries(works)) {
			const [speeds, yard, shares] = [[], [], []];
			for (let round = 0; round < rounds; round++) {
				speeds.push(await speed(size, ours));
				if (theirs) {
					yard.push(await speed(size, theirs));
					shares.push(speeds[round] / yard[round]);
				}
			}
			const row = `${what} ${name}, MB/s`;
			await tell(row, of, median(speeds), theirs && median(shares));
			if (theirs) {
				await tell(row, yardstick, median(yard));
			}
		}
	}
}

/** MB/s of work on so many bytes. */
async function speed(size, work) {
	let done = 0;
	// What the one before has left is not this one's to clear.
	globalThis.gc();
	const start = performance.now();
	do {
		await work();
		done += size;
	} while (performance.now() - start < LEAST);
	return done / 1e3 / (performance.now() - start);
}

function median(values) {
	return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
