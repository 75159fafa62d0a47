// Records of the data API whose secret attributes only the holders of a key can read. What goes to the server and what comes from it
// passes through here; the client of the data API is not touched.

import * as wasm from "./wasm/keystead.js";
import { KeysteadError, from, run } from "./errors.js";

/** Records nested deeper than this are no honest answer; a query nests 20 deep at most. */
const MAX_DEPTH = 64;
/** Beside a searchable attribute. */
const SEARCH = "_search";

/** How a sealer reads and writes. */
export interface SealerOptions {
	/** Those secret attributes that can be found by equality; their values are texts. Each has an attribute `<name>_search` beside it. */
	searchable?: readonly string[];
	/** Under which links records of this namespace appear in results, when the label is not the namespace's name. */
	labels?: readonly string[];
}

/** How to open. */
export interface OpenOptions {
	/** Gets what cannot be opened, with `error.place`, and gives what stands in its place. Without it the first failure is thrown. */
	failed?: (error: KeysteadError) => unknown;
}

/** Seals and opens the secret attributes of the records of one namespace. Made by `group.sealer` and `user.sealer`. */
export class Sealer {
	readonly #keys: HeldKeys;
	readonly #secret: ReadonlySet<string>;
	readonly #searchable: ReadonlySet<string>;
	readonly #labels: ReadonlySet<string>;

	/** @internal */
	constructor(
		keys: HeldKeys,
		/** The namespace of the records. */
		readonly namespace: string,
		attributes: readonly string[],
		{ searchable = [], labels = [] }: SealerOptions,
	) {
		this.#keys = keys;
		this.#secret = new Set(attributes);
		this.#searchable = new Set(searchable);
		this.#labels = new Set([namespace, ...labels]);
		if (this.#secret.has("id")) {
			throw new KeysteadError("sealer", 0, "the id of a record cannot be secret");
		}
		for (const name of searchable) {
			if (!this.#secret.has(name) || this.#secret.has(name + SEARCH)) {
				throw new KeysteadError("sealer", 0, `${name} cannot be searchable: it is not among the secret attributes, or its token's name is`);
			}
		}
	}

	/**
	 * What to give to `tx[id].update` or `create` of the data API: secret attributes as sealed text, all others as they are. `id` is the
	 * record's UUID. A value is anything that JSON can hold, at most 1 MiB of it; attributes that are undefined are left out.
	 */
	async seal<T extends object>(id: string, values: T): Promise<T> {
		return this.sealSync(id, values);
	}

	/** As `seal`, at once. */
	sealSync<T extends object>(id: string, values: T): T {
		const out: Record<string, unknown> = {};
		for (const [name, value] of Object.entries(values)) {
			if (!this.#secret.has(name) || value === undefined) {
				put(out, name, value);
				continue;
			}
			try {
				put(out, name, this.#keys.newest().sealValue(this.namespace, id, name, json(value)));
				if (this.#searchable.has(name)) {
					put(out, name + SEARCH, value === null ? null : this.#token(name, value));
				}
			} catch (error) {
				throw this.#at(error, id, name);
			}
		}
		return out as T;
	}

	/**
	 * Opens a record, records, or the whole result of a query, in which it finds the records of this namespace by their labels, also
	 * nested. Gives a copy; what has nothing to open stays the same object. Keys that came up since are fetched. A secret attribute that
	 * is not sealed text is a failure; one that is missing or null stays so.
	 */
	async open<T>(found: T, options: OpenOptions = {}): Promise<T> {
		const missing = new Set<string>();
		this.#each(found, (_id, _name, sealed) => {
			const key = typeof sealed === "string" ? keyId(sealed) : undefined;
			if (key !== undefined && !this.#keys.get(key)) {
				missing.add(key);
			}
			return sealed;
		});
		const refused = new Map<string, KeysteadError>();
		for (const key of missing) {
			try {
				await this.#keys.fetch(key);
			} catch (error) {
				const why = from(error);
				if (why.serverCode === undefined && why.name !== KEY_NOT_FOUND) {
					throw why;
				}
				refused.set(key, why);
			}
		}
		return this.#open(found, options, refused);
	}

	/** As `open`, at once, with the keys that are here. */
	openSync<T>(found: T, options: OpenOptions = {}): T {
		return this.#open(found, options);
	}

	/** For `where` of a query of this namespace: the tokens of searchable attributes in place of their texts, all others as they are. */
	where(conditions: object): Record<string, unknown> {
		const out: Record<string, unknown> = {};
		for (const [name, value] of Object.entries(conditions)) {
			if ((name === "and" || name === "or") && Array.isArray(value)) {
				put(out, name, value.map((one) => this.where(one)));
			} else if (this.#searchable.has(name)) {
				put(out, name + SEARCH, this.#condition(name, value));
			} else if (this.#secret.has(name)) {
				throw new KeysteadError("sealer", 0, `${name} is secret and not searchable`);
			} else {
				put(out, name, value);
			}
		}
		return out;
	}

	#condition(name: string, value: unknown): unknown {
		if (value && typeof value === "object" && "$in" in value && Array.isArray(value.$in) && Object.keys(value).length === 1) {
			return { $in: value.$in.map((one) => this.#token(name, one)) };
		}
		return this.#token(name, value);
	}

	#token(name: string, value: unknown): string {
		if (typeof value !== "string") {
			throw new KeysteadError("sealer", 0, `${name} is searchable: only texts are`);
		}
		return run(() => this.#keys.search(this.namespace, name, value));
	}

	#open<T>(found: T, { failed }: OpenOptions, refused?: ReadonlyMap<string, KeysteadError>): T {
		return this.#each(found, (id, name, sealed) => {
			try {
				if (typeof sealed !== "string") {
					throw new KeysteadError("client_122", 122, "the value is not sealed");
				}
				const key = wasm.sealedKeyId(sealed);
				const held = this.#keys.get(key);
				if (!held) {
					throw refused?.get(key) ?? new KeysteadError(KEY_NOT_FOUND, 110, "the key was not found");
				}
				return parsed(held.openValue(this.namespace, id, name, sealed));
			} catch (error) {
				const why = this.#at(error, id, name);
				if (failed) {
					return failed(why);
				}
				throw why;
			}
		}) as T;
	}

	/** Calls `change` with every secret value that is there; a copy with what it gave, or the same when nothing has changed. */
	#each(found: unknown, change: (id: string, name: string, sealed: unknown) => unknown): unknown {
		const visit = (value: unknown, ours: boolean, root: boolean, depth: number): unknown => {
			if (depth > MAX_DEPTH) {
				throw new KeysteadError("sealer", 0, "the result nests too deep");
			}
			if (Array.isArray(value)) {
				let changed = false;
				const out = value.map((one) => {
					const next = isRecord(one) ? visit(one, ours, false, depth + 1) : one;
					changed ||= next !== one;
					return next;
				});
				return changed ? out : value;
			}
			const record = isRecord(value);
			// Other objects are values of JSON attributes, and the result itself.
			if (!record && !(root && value && typeof value === "object")) {
				return value;
			}
			const out: Record<string, unknown> = {};
			let changed = false;
			for (const [name, child] of Object.entries(value as object)) {
				let next: unknown = child;
				if (record && ours && this.#secret.has(name)) {
					next = child === null || child === undefined ? child : change(value.id, name, child);
				} else if (record && ours && name.endsWith(SEARCH) && this.#searchable.has(name.slice(0, -SEARCH.length))) {
					changed = true;
					continue;
				} else if (child && typeof child === "object") {
					next = visit(child, this.#labels.has(name), false, depth + 1);
				}
				changed ||= next !== child;
				put(out, name, next);
			}
			return changed ? out : value;
		};
		return visit(found, isRecord(found) || Array.isArray(found), true, 0);
	}

	#at(error: unknown, id: string, attribute: string): KeysteadError {
		const { name, code, message } = from(error);
		const { namespace } = this;
		return new KeysteadError(name, code, `${message}: ${namespace} ${id} ${attribute}`, { cause: error }, { namespace, id, attribute });
	}
}

const KEY_NOT_FOUND = "client_110";

/** The keys of a group or a user, each taken out of the module once. @internal */
export class HeldKeys {
	readonly #byId = new Map<string, wasm.Key>();
	#newest: wasm.Key | undefined;

	constructor(
		private readonly keys: wasm.Group | wasm.User,
		/** Fetches a key that came up since. */
		private readonly load: (keyId: string) => Promise<void>,
	) {}

	/** Others may be the newest now. */
	renewed(): void {
		this.#newest = undefined;
	}

	newest(): wasm.Key {
		this.#newest ??= this.keys.newestKey();
		return this.#newest;
	}

	get(keyId: string): wasm.Key | undefined {
		let key = this.#byId.get(keyId);
		if (!key && this.keys.hasKey(keyId)) {
			key = this.keys.key(keyId);
			this.#byId.set(keyId, key);
		}
		return key;
	}

	fetch(keyId: string): Promise<void> {
		return this.load(keyId);
	}

	search(namespace: string, attribute: string, text: string): string {
		return this.keys.searchValue(namespace, attribute, text);
	}
}

function isRecord(value: unknown): value is { id: string } {
	return value !== null && typeof value === "object" && typeof (value as { id?: unknown }).id === "string";
}

function keyId(sealed: string): string | undefined {
	try {
		return wasm.sealedKeyId(sealed);
	} catch {
		// Opening it tells why.
		return undefined;
	}
}

function json(value: unknown): string {
	const text: string | undefined = JSON.stringify(value);
	if (text === undefined) {
		throw new KeysteadError("sealer", 0, "JSON cannot hold the value");
	}
	return text;
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		// The error of the parser would show what it read.
		throw new KeysteadError("client_120", 120, "the encrypted content cannot be read");
	}
}

/** Also for a name that would set the prototype. */
function put(out: Record<string, unknown>, name: string, value: unknown): void {
	if (name === "__proto__") {
		Object.defineProperty(out, name, { value, enumerable: true, configurable: true, writable: true });
	} else {
		out[name] = value;
	}
}
