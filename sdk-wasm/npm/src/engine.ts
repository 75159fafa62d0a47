// The wasm module, and the worker that does what takes long.

import initialise, { initSync } from "./wasm/keystead.js";
import { KeysteadError, from } from "./errors.js";
import { type Answer, type Heavy, type Job, type Made, buffers, heavy } from "./heavy.js";

declare const KEYSTEAD_GLOBAL: boolean | undefined;
declare const process: { getBuiltinModule?(name: string): unknown } | undefined;

/** Where the wasm module comes from: nothing (beside this script), an address, or its bytes. */
export type WasmSource = string | URL | Request | ArrayBuffer | Uint8Array<ArrayBuffer> | WebAssembly.Module;

let loading: Promise<void> | undefined;
let loaded = false;
let compiled: WebAssembly.Module | undefined;
let starting: Promise<Worker | null> | undefined;
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

/** Runs a long computation in the worker, or here when there is none. Bytes among the arguments are gone after it. */
export async function work<K extends keyof Heavy>(name: K, ...args: Parameters<Heavy[K]>): Promise<Made<K>> {
	ready();
	const other = await (starting ??= startWorker());
	if (!other) {
		try {
			const made: unknown = await (heavy[name] as (...args: unknown[]) => unknown)(...args);
			return made as Made<K>;
		} catch (error) {
			throw from(error);
		}
	}
	const id = ++jobs;
	return new Promise((done, failed) => {
		waiting.set(id, { done: (value) => done(value as Made<K>), failed });
		other.postMessage({ id, name, args } satisfies Job, buffers(args));
	});
}

/** The worker once it has the module; null when there can be none. */
async function startWorker(): Promise<Worker | null> {
	if (typeof Worker === "undefined" || typeof document === "undefined") {
		return null;
	}
	let worker: Worker | undefined;
	try {
		const made = (worker =
			typeof KEYSTEAD_GLOBAL !== "undefined"
				? new Worker(new URL("keystead.worker.js", base))
				: new Worker(new URL("./worker.js", import.meta.url), { type: "module" }));
		await new Promise<void>((done, failed) => {
			waiting.set(0, { done: () => done(), failed });
			made.onmessage = ({ data }: MessageEvent<Answer>) => answered(data);
			made.onerror = () => gone();
			made.postMessage({ module: compiled });
		});
		return made;
	} catch {
		// A content security policy forbids workers, or its script is not there: the computation runs here.
		worker?.terminate();
		return null;
	}
}

function answered(answer: Answer): void {
	const job = waiting.get(answer.id);
	waiting.delete(answer.id);
	if ("error" in answer) {
		job?.failed(new KeysteadError(...answer.error));
	} else {
		job?.done("value" in answer ? answer.value : undefined);
	}
}

/** What waits for the worker fails; later calls run here. */
function gone(): void {
	starting = Promise.resolve(null);
	for (const job of waiting.values()) {
		job.failed(new KeysteadError("worker", 0, "the worker stopped"));
	}
	waiting.clear();
}
