/** Every error of this package. */
export class KeysteadError extends Error {
	/** `server_310` (the server refused), `client_110` (a check of this client), or one of this layer: `network`, `second_factor`, `not_initialised`, `not_logged_in`, `refresh`, `sealer`, `wasm`, `worker`. */
	override readonly name: string;
	/** The number behind the name; 0 for those of this layer. */
	readonly code: number;

	/** Which value of a record it is about. */
	readonly place: { namespace: string; id: string; attribute: string } | undefined;

	/** @internal */
	constructor(name: string, code: number, message: string, options?: ErrorOptions, place?: KeysteadError["place"]) {
		super(message, options);
		this.name = name;
		this.code = code;
		this.place = place;
	}

	/** The server's error code, or undefined when the server did not refuse. */
	get serverCode(): number | undefined {
		return this.name.startsWith("server_") ? this.code : undefined;
	}
}

/** @internal What the wasm module threw, as this package's error. */
export function from(error: unknown): KeysteadError {
	if (error instanceof KeysteadError) {
		return error;
	}
	if (error instanceof Error && "code" in error && typeof error.code === "number") {
		return new KeysteadError(error.name, error.code, error.message, { cause: error });
	}
	const message = error instanceof Error ? error.message : String(error);
	return new KeysteadError("client", 0, message, { cause: error });
}

/** @internal Runs a call into the wasm module. */
export function run<T>(call: () => T): T {
	try {
		return call();
	} catch (error) {
		throw from(error);
	}
}
