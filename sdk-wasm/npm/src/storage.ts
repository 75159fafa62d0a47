/** Where logins and pinned keys are kept. All values are text; those of logins are secret. */
export interface KeyStorage {
	/** The value under a name, or undefined. */
	get(name: string): Promise<string | undefined>;
	/** Keeps a value. */
	set(name: string, value: string): Promise<void>;
	/** Forgets a value. */
	delete(name: string): Promise<void>;
}

/** Keeps values for the lifetime of this object. */
export class MemoryStorage implements KeyStorage {
	readonly #values = new Map<string, string>();

	async get(name: string): Promise<string | undefined> {
		return this.#values.get(name);
	}

	async set(name: string, value: string): Promise<void> {
		this.#values.set(name, value);
	}

	async delete(name: string): Promise<void> {
		this.#values.delete(name);
	}
}

interface Sealed {
	nonce: Uint8Array<ArrayBuffer>;
	sealed: ArrayBuffer;
}

const SEALING_KEY = "sealing key";

/**
 * Keeps values in IndexedDB. Where WebCrypto is there, they are encrypted with a key that the browser never gives out, so that
 * a copy of the profile's files does not show them to other programs at once; a script of the same origin can read them.
 */
export class IndexedDbStorage implements KeyStorage {
	readonly #name: string;
	#database: Promise<IDBDatabase> | undefined;
	#key: Promise<CryptoKey> | undefined;

	/** @param name of the database */
	constructor(name = "keystead") {
		this.#name = name;
	}

	async get(name: string): Promise<string | undefined> {
		const found = await this.#read(name);
		if (found === undefined || typeof found === "string") {
			return found as string | undefined;
		}
		const { nonce, sealed } = found as Sealed;
		const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce }, await this.#sealingKey(), sealed);
		return new TextDecoder().decode(plain);
	}

	async set(name: string, value: string): Promise<void> {
		let kept: string | Sealed = value;
		if (globalThis.crypto?.subtle) {
			const nonce = crypto.getRandomValues(new Uint8Array(12));
			const plain = new TextEncoder().encode(value);
			const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, await this.#sealingKey(), plain);
			kept = { nonce, sealed };
		}
		await this.#do("readwrite", (store) => store.put(kept, name));
	}

	async delete(name: string): Promise<void> {
		await this.#do("readwrite", (store) => store.delete(name));
	}

	#sealingKey(): Promise<CryptoKey> {
		this.#key ??= (async () => {
			const fresh = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
			// Another tab may have been faster: the first one stays.
			await this.#do("readwrite", (store) => store.add(fresh, SEALING_KEY)).catch(() => undefined);
			return (await this.#read(SEALING_KEY)) as CryptoKey;
		})();
		return this.#key;
	}

	async #read(name: string): Promise<unknown> {
		return this.#do("readonly", (store) => store.get(name));
	}

	async #do<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
		const database = await this.#open();
		return new Promise((done, failed) => {
			const transaction = database.transaction("values", mode);
			const request = work(transaction.objectStore("values"));
			transaction.oncomplete = () => done(request.result);
			transaction.onabort = () => failed(transaction.error ?? request.error);
		});
	}

	#open(): Promise<IDBDatabase> {
		this.#database ??= new Promise((done, failed) => {
			const request = indexedDB.open(this.#name, 1);
			request.onupgradeneeded = () => request.result.createObjectStore("values");
			request.onsuccess = () => done(request.result);
			request.onerror = () => failed(request.error);
		});
		return this.#database;
	}
}

/** @internal IndexedDB where there is one, else memory. */
export function defaultStorage(): KeyStorage {
	return typeof indexedDB === "undefined" ? new MemoryStorage() : new IndexedDbStorage();
}
