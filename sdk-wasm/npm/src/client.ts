import * as wasm from "./wasm/keystead.js";
import { type WasmSource, load, ready, work } from "./engine.js";
import { KeysteadError, run } from "./errors.js";
import { type Call, type Connection, id, send } from "./http.js";
import { type KeyStorage, defaultStorage } from "./storage.js";
import { User } from "./user.js";

/** How an expired JWT is refreshed. */
export enum REFRESH_ENDPOINT {
	/** `GET endpoint_url` at the app's own backend, with its cookies and the old JWT in `Authorization`; it answers with the new JWT as text. */
	cookie = 0,
	/** The app's own function. */
	cookie_fn = 1,
	/** This client calls the API with the refresh token, which it keeps. */
	api = 2,
}

/** The options of a refresh. */
export interface RefreshOptions {
	/** The strategy; `api` when it is left out. */
	endpoint?: REFRESH_ENDPOINT;
	/** For `cookie`: the address at the app's backend. */
	endpoint_url?: string;
	/** For `cookie_fn`: gets the old JWT and gives the new one. */
	endpoint_fn?: (old_jwt: string) => Promise<string>;
}

/** The options of `init`. */
export interface InitOptions {
	/** The public token of the app. */
	app_token: string;
	/** The server, `https://keys.example.org`; this page's own origin when it is left out. */
	base_url?: string;
	/** How JWTs are refreshed. */
	refresh?: RefreshOptions;
	/** Where logins are kept: IndexedDB in a browser, memory elsewhere. */
	storage?: KeyStorage;
	/** The parts of files in the app's own storage: `POST url/:session/:sequence/:end` and `GET url/:part_id`. */
	file_part_url?: string;
	/** The wasm module, when it does not stand beside this script. */
	wasm_path?: WasmSource;
}

/** A login that waits for the second factor. */
export class PendingLogin {
	/** @internal */
	constructor(
		readonly login: wasm.Login,
		readonly identifier: string,
	) {}
}

/** Where a login stands after the password. */
export type LoginResult = { kind: "user"; u: User } | { kind: "mfa"; u: PendingLogin };

/** @internal A second factor for the steps of a login. */
export interface Factor {
	token: string;
	recovery: boolean;
}

/** A client of one app. The default export of this package is one; programs that talk to several apps make more. */
export class Client {
	#connection: Connection | undefined;
	#storage: KeyStorage | undefined;
	#refresh: RefreshOptions = {};
	#trust: wasm.Trust | undefined;
	#user: User | undefined;
	readonly #refreshing = new Map<string, Promise<string>>();

	/**
	 * Loads the wasm module and what was kept of an earlier login. Call it first.
	 *
	 * @returns the user who is still logged in on this device, if there is one
	 */
	async init(options: InitOptions): Promise<User | undefined> {
		await load(options.wasm_path);
		const origin = typeof location === "undefined" ? undefined : location.origin;
		const baseUrl = options.base_url ?? origin;
		if (!baseUrl) {
			throw new KeysteadError("client", 0, "base_url is missing");
		}
		if (options.refresh?.endpoint === REFRESH_ENDPOINT.cookie && !options.refresh.endpoint_url) {
			throw new KeysteadError("client", 0, "refresh.endpoint_url is missing");
		}
		if (options.refresh?.endpoint === REFRESH_ENDPOINT.cookie_fn && !options.refresh.endpoint_fn) {
			throw new KeysteadError("client", 0, "refresh.endpoint_fn is missing");
		}
		this.#connection = {
			baseUrl: baseUrl.replace(/\/+$/, ""),
			appToken: options.app_token,
			partUrl: options.file_part_url?.replace(/\/+$/, ""),
		};
		this.#refresh = options.refresh ?? {};
		this.#storage = options.storage ?? defaultStorage();
		this.#trust = new wasm.Trust();
		this.#user = undefined;
		const pins = await this.#storage.get(this.#name("pins"));
		if (pins !== undefined) {
			run(() => this.trust.import(pins));
		}
		const current = await this.#storage.get(this.#name("current"));
		if (current !== undefined) {
			this.#user = await this.getUser(current);
		}
		return this.#user;
	}

	/** The user who logged in last on this device, with a good JWT. */
	async getActualUser(): Promise<User> {
		if (!this.#user) {
			throw new KeysteadError("not_logged_in", 0, "nobody is logged in");
		}
		await this.#user.getJwt();
		return this.#user;
	}

	/** A user who logged in on this device and did not log out, by his identifier. */
	async getUser(identifier: string): Promise<User | undefined> {
		const text = await this.storage.get(this.#name(`user:${identifier}`));
		return text === undefined ? undefined : new User(this, identifier, run(() => wasm.User.restore(text)));
	}

	/** Registers a user and gives the new user id. With the default options of an app only its backend may do this: see `prepareRegister`. */
	async register(identifier: string, password: string): Promise<string> {
		const body = await work("prepareRegister", identifier, password);
		return this.doneRegister(await this.send("POST", "/register", { body }));
	}

	/** The body of `POST /register`, for the app's own backend. Not in a worker: it takes some 100 ms here. */
	prepareRegister(identifier: string, password: string): string {
		ready();
		return run(() => wasm.prepareRegister(identifier, password));
	}

	/** Checks the server's answer to a registration and gives the new user id. */
	doneRegister(server_output: string): string {
		ready();
		return run(() => wasm.doneRegister(server_output));
	}

	/** True when nobody uses the identifier. */
	async checkUserIdentifierAvailable(identifier: string): Promise<boolean> {
		const body = this.prepareCheckUserIdentifierAvailable(identifier);
		return this.doneCheckUserIdentifierAvailable(await this.send("POST", "/exists", { body }));
	}

	/** The body of `POST /exists`. */
	prepareCheckUserIdentifierAvailable(identifier: string): string {
		ready();
		return wasm.prepareCheckUserIdentifier(identifier);
	}

	/** Reads the answer of `POST /exists`. */
	doneCheckUserIdentifierAvailable(server_output: string): boolean {
		ready();
		return run(() => wasm.doneCheckUserIdentifier(server_output));
	}

	/** An identifier and a password that no person types in. */
	generateRegisterData(): [identifier: string, password: string] {
		ready();
		return wasm.generateRegisterData() as [string, string];
	}

	/** The body of `POST /user/prepare_register_device`, for a further device. */
	prepareRegisterDeviceStart(device_identifier: string, password: string): string {
		ready();
		return run(() => wasm.prepareRegisterDeviceStart(device_identifier, password));
	}

	/** Checks the server's answer; it throws when the server refused. The text itself goes to a logged-in device. */
	doneRegisterDeviceStart(server_output: string): void {
		ready();
		run(() => wasm.doneRegisterDeviceStart(server_output));
	}

	/** Sends the keys of a new device. The text that comes back travels to a logged-in device: `User.registerDevice`. */
	async registerDeviceStart(device_identifier: string, password: string): Promise<string> {
		const body = await work("prepareRegisterDeviceStart", device_identifier, password);
		const output = await this.send("POST", "/user/prepare_register_device", { body });
		this.doneRegisterDeviceStart(output);
		return output;
	}

	/** Logs in. With `force` the user himself is the result, and an account with a second factor throws `second_factor`. */
	login(identifier: string, password: string, force: true): Promise<User>;
	/** Logs in: a user, or a login that goes on with `mfaLogin`. */
	login(identifier: string, password: string, force?: false): Promise<LoginResult>;
	async login(identifier: string, password: string, force = false): Promise<User | LoginResult> {
		const { login, complete } = await this.beginLogin(identifier, password);
		if (!complete) {
			if (force) {
				login.free();
				throw new KeysteadError("second_factor", 0, "the account has a second factor");
			}
			return { kind: "mfa", u: new PendingLogin(login, identifier) };
		}
		const u = await this.#finish(login, identifier);
		return force ? u : { kind: "user", u };
	}

	/** Goes on with the six digits of the authenticator. */
	mfaLogin(token: string, login: PendingLogin): Promise<User> {
		return this.#mfa({ token, recovery: false }, login);
	}

	/** Goes on with a recovery key, which is used up. */
	mfaRecoveryLogin(recovery_token: string, login: PendingLogin): Promise<User> {
		return this.#mfa({ token: recovery_token, recovery: true }, login);
	}

	async #mfa(factor: Factor, { login, identifier }: PendingLogin): Promise<User> {
		await this.answerFactor(login, factor);
		return this.#finish(login, identifier);
	}

	async #finish(login: wasm.Login, identifier: string): Promise<User> {
		const user = new User(this, identifier, await this.verifyLogin(login));
		await user.loadKeys();
		await this.storage.set(this.#name("current"), identifier);
		this.#user = user;
		return user;
	}

	/** @internal The steps of a login up to the second factor. */
	async beginLogin(identifier: string, password: string): Promise<{ login: wasm.Login; complete: boolean }> {
		ready();
		const salt = await this.send("POST", "/prepare_login", { body: wasm.prepareLoginStart(identifier) });
		const [body, start] = await work("prepareLogin", identifier, password, salt);
		const login = run(() => new wasm.Login(start!));
		const output = await this.send("POST", "/done_login", { body: body! });
		return { login, complete: run(() => login.doneLogin(output)) };
	}

	/** @internal */
	async answerFactor(login: wasm.Login, { token, recovery }: Factor): Promise<void> {
		const body = login.prepareValidateMfa(token);
		const output = await this.send("POST", recovery ? "/validate_recovery_otp" : "/validate_mfa", { body });
		run(() => login.doneValidateMfa(output));
	}

	/** @internal */
	async verifyLogin(login: wasm.Login): Promise<wasm.User> {
		const body = run(() => login.prepareVerify(this.trust));
		const output = await this.send("POST", "/verify_login", { body });
		return run(() => login.doneVerify(output));
	}

	/** @internal */
	get trust(): wasm.Trust {
		ready();
		return this.#trust!;
	}

	/** @internal */
	get connection(): Connection {
		if (!this.#connection) {
			throw new KeysteadError("not_initialised", 0, "call init first");
		}
		return this.#connection;
	}

	/** @internal */
	get storage(): KeyStorage {
		if (!this.#storage) {
			throw new KeysteadError("not_initialised", 0, "call init first");
		}
		return this.#storage;
	}

	/** @internal */
	send(method: string, path: string, call?: Call): Promise<string> {
		return send(this.connection, method, path, call);
	}

	/** @internal A new JWT by the strategy of `init`. Calls at the same time share one refresh. */
	refreshJwt(user: wasm.User): Promise<string> {
		const old = user.jwt;
		let running = this.#refreshing.get(old);
		if (!running) {
			running = this.#newJwt(user, old).finally(() => this.#refreshing.delete(old));
			this.#refreshing.set(old, running);
		}
		return running;
	}

	async #newJwt(user: wasm.User, old: string): Promise<string> {
		const { endpoint, endpoint_url, endpoint_fn } = this.#refresh;
		if (endpoint === REFRESH_ENDPOINT.cookie_fn) {
			return endpoint_fn!(old);
		}
		if (endpoint === REFRESH_ENDPOINT.cookie) {
			let response: Response;
			try {
				response = await fetch(endpoint_url!, { credentials: "include", headers: { authorization: `Bearer ${old}` } });
			} catch (cause) {
				throw new KeysteadError("network", 0, "no answer from the refresh endpoint", { cause });
			}
			if (!response.ok) {
				throw new KeysteadError("refresh", response.status, "the refresh endpoint refused");
			}
			return (await response.text()).trim();
		}
		const body = wasm.prepareRefresh(user.refreshToken);
		const output = await this.send("PUT", "/refresh", { jwt: old, body });
		return run(() => wasm.doneRefresh(output, user));
	}

	/** @internal Keeps a user; the refresh token only where this client refreshes. */
	async keep(identifier: string, user: wasm.User): Promise<void> {
		let text = user.save();
		if ((this.#refresh.endpoint ?? REFRESH_ENDPOINT.api) !== REFRESH_ENDPOINT.api) {
			text = JSON.stringify({ ...JSON.parse(text), refresh_token: "" });
		}
		await this.storage.set(this.#name(`user:${identifier}`), text);
		await this.keepPins();
	}

	/** @internal */
	async keepPins(): Promise<void> {
		await this.storage.set(this.#name("pins"), this.trust.export());
	}

	/** @internal */
	async forget(identifier: string): Promise<void> {
		await this.storage.delete(this.#name(`user:${identifier}`));
		if ((await this.storage.get(this.#name("current"))) === identifier) {
			await this.storage.delete(this.#name("current"));
		}
		if (this.#user?.identifier === identifier) {
			this.#user = undefined;
		}
	}

	#name(what: string): string {
		return `${this.connection.baseUrl}|${this.connection.appToken}|${what}`;
	}

	/** @internal Fetches a verify key unless it is known; of a known user also the keys between, as far as each is vouched for. */
	async pinVerifyKey(userId: string, keyId: string): Promise<void> {
		const stranger = this.trust.isStranger(userId);
		const chain: string[] = [];
		let at: string | undefined = keyId;
		while (at !== undefined && !this.trust.knows(userId, at)) {
			const of: string = at;
			const output = await this.send("GET", `/user/${id(userId)}/verify_key/${id(of)}`);
			const before = run(() => wasm.verifyKeyBefore(output, of));
			chain.unshift(output);
			at = stranger || chain.length >= 64 ? undefined : before;
		}
		if (chain.length) {
			run(() => this.trust.pinChain(userId, chain));
			await this.keepPins();
		}
	}

	/** @internal Pins those who signed group keys; who is gone, or whose older key is not believed, leaves his keys unchecked. */
	async pinSigners(signers: string[]): Promise<void> {
		for (let at = 0; at < signers.length; at += 2) {
			try {
				await this.pinVerifyKey(signers[at]!, signers[at + 1]!);
			} catch (error) {
				const { name, serverCode } = error as KeysteadError;
				if (serverCode !== 100 && !(at > 0 && name === CHANGED_KEY)) {
					throw error;
				}
			}
		}
	}

	/** @internal The checked public key of a user. */
	async publicKey(userId: string): Promise<wasm.PublicKey> {
		const output = await this.send("GET", `/user/${id(userId)}/public_key`);
		const signer = run(() => wasm.publicKeySigner(output));
		if (signer !== undefined) {
			await this.pinVerifyKey(userId, signer);
		}
		return run(() => this.trust.checkPublicKey(userId, output));
	}

	/** @internal A user's verify key. */
	async verifyKey(userId: string, keyId: string): Promise<wasm.VerifyKey> {
		await this.pinVerifyKey(userId, keyId);
		return run(() => this.trust.verifyKey(userId, keyId));
	}

	/** Forgets the keys of a user: he is a stranger again, whose next key is believed. For accounts that were reset. */
	async forgetUser(user_id: string): Promise<void> {
		this.trust.forget(user_id);
		await this.keepPins();
	}

	/** Believes the key that the server shows for a user now, although no known key vouches for it: compare safety numbers first. */
	async acceptUser(user_id: string): Promise<void> {
		const output = await this.send("GET", `/user/${id(user_id)}/public_key`);
		const signer = run(() => wasm.publicKeySigner(output));
		if (signer !== undefined) {
			const key = await this.send("GET", `/user/${id(user_id)}/verify_key/${id(signer)}`);
			run(() => this.trust.accept(user_id, key));
			await this.keepPins();
		}
	}
}

const CHANGED_KEY = "client_134";
