// Runs in a Web Worker: the first message brings the compiled module, each further one a call.

import { initSync } from "./wasm/keystead.js";
import { type Answer, type Job, buffers, heavy } from "./heavy.js";

const scope = globalThis as unknown as { onmessage: unknown; postMessage(message: Answer, transfer?: Transferable[]): void };

scope.onmessage = async ({ data }: MessageEvent<{ module: WebAssembly.Module } | Job>) => {
	const id = "module" in data ? 0 : data.id;
	try {
		if ("module" in data) {
			initSync({ module: data.module });
			scope.postMessage({ id: 0 });
			return;
		}
		const value = await (heavy[data.name] as (...args: unknown[]) => unknown)(...data.args);
		scope.postMessage({ id, value }, buffers(value));
	} catch (error) {
		const { name, code, message } = error as Error & { code?: number };
		scope.postMessage({ id, error: [name, code ?? 0, message] });
	}
};
