// The wasm module, and the worker that does what takes long.

import initialise, { initSync } from "./wasm/keystead.js";
import { KeysteadError, from } from "./errors.js";
import { type Heavy, type Job, heavy } from "./heavy.js";

declare const KEYSTEAD_GLOBAL: boolean | undefined;
declare const process: { getBuiltinModule?(name: string): unknown } | undefined;

/** Where the wasm module comes from: nothing (beside this script), an address, or its bytes. */
export type WasmSource = string | URL | Request | ArrayBuffer | Uint8Array<ArrayBuffer> | WebAssembly.Module;

let loading: Promise<void> | undefined;
let loaded = false;
let compiled: WebAssembly.Module | undefined;
let worker: Worker | undefined | null;
let jobs = 0;
const waiting = new Map<number, { done(value: unknown): void; failed(error: unknown): void }>();

/** The folder of this script in the build with a global. */
const base =
	typeof document !== "undefined" && document.currentScript instanceof HTMLScriptElement
		? document.currentScript.src
		: undefined;

/** Loads the module once. */
export function load(source?: WasmSource): Promise<void> {
	loading ??= fetchModule(source).then(
		(module) => {
			compiled = module;
			initSync({ module });
			loaded = true;
		},
		(error) => {
			loading = undefined;
			throw new KeysteadError("wasm", 0, "the wasm module could not be loaded", { cause: error });
		},
	);
	return loading;
}

/** Throws when the module is not loaded. */
export function ready(): void {
	if (!loaded) {
		throw new KeysteadError("not_initialised", 0, "call init first");
	}
}

async function fetchModule(source?: WasmSource): Promise<WebAssembly.Module> {
	if (source instanceof WebAssembly.Module) {
		return source;
	}
	if (source instanceof ArrayBuffer || source instanceof Uint8Array) {
		return WebAssembly.compile(source);
	}
	const from = source ?? location();
	if (typeof process !== "undefined" && process.getBuiltinModule && from instanceof URL && from.protocol === "file:") {
		// No import: bundlers for browsers would follow it, and webpack fails at it.
		const fs = process.getBuiltinModule("node:fs/promises") as { readFile(path: URL): Promise<Uint8Array<ArrayBuffer>> };
		return WebAssembly.compile(await fs.readFile(from));
	}
	const response = await fetch(from);
	if (!response.ok) {
		throw new Error(`${response.status} for ${response.url}`);
	}
	// Not every server knows the type that streaming compilation wants.
	return WebAssembly.compile(await response.arrayBuffer());
}

function location(): URL {
	if (typeof KEYSTEAD_GLOBAL !== "undefined") {
		return new URL("wasm/keystead_bg.wasm", base);
	}
	return new URL("./wasm/keystead_bg.wasm", import.meta.url);
}

/** Runs a long computation in the worker, or here when there is none. */
export async function work<K extends keyof Heavy>(name: K, ...args: Parameters<Heavy[K]>): Promise<ReturnType<Heavy[K]>> {
	ready();
	const other = startWorker();
	if (!other) {
		try {
			return (heavy[name] as unknown as (...args: Parameters<Heavy[K]>) => ReturnType<Heavy[K]>)(...args);
		} catch (error) {
			throw from(error);
		}
	}
	const id = ++jobs;
	return new Promise((done, failed) => {
		waiting.set(id, { done: (value) => done(value as ReturnType<Heavy[K]>), failed });
		other.postMessage({ id, name, args } satisfies Job);
	});
}

function startWorker(): Worker | null {
	if (worker === undefined) {
		worker = null;
		if (typeof Worker !== "undefined" && typeof document !== "undefined") {
			try {
				listen(
					typeof KEYSTEAD_GLOBAL !== "undefined"
						? new Worker(new URL("keystead.worker.js", base))
						: new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
				);
			} catch {
				// A content security policy forbids workers: the computation runs here.
			}
		}
	}
	return worker ?? null;
}

function listen(started: Worker): void {
	worker = started;
	started.onmessage = ({ data }: MessageEvent<{ id: number; value?: unknown; error?: [string, number, string] }>) => {
		const job = waiting.get(data.id);
		waiting.delete(data.id);
		if (data.error) {
			job?.failed(new KeysteadError(...data.error));
		} else {
			job?.done(data.value);
		}
	};
	started.onerror = () => {
		// It could not be loaded: what waits for it fails, later calls run here.
		worker = null;
		for (const job of waiting.values()) {
			job.failed(new KeysteadError("worker", 0, "the worker could not be started"));
		}
		waiting.clear();
	};
	started.postMessage({ module: compiled });
}
