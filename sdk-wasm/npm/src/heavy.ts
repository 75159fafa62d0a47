// What takes long: each is a pure function of texts and bytes, so that a worker may run it.

import * as wasm from "./wasm/keystead.js";

export const heavy = {
	prepareRegister: (identifier: string, password: string): string => wasm.prepareRegister(identifier, password),
	prepareRegisterDeviceStart: (identifier: string, password: string): string =>
		wasm.prepareRegisterDeviceStart(identifier, password),
	prepareLogin: (identifier: string, password: string, output: string): string[] =>
		wasm.prepareLogin(identifier, password, output),
};

export type Heavy = typeof heavy;

/** A call for the worker. */
export interface Job {
	id: number;
	name: keyof Heavy;
	args: unknown[];
}
