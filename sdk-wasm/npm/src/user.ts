import * as wasm from "./wasm/keystead.js";
import type { Client, Factor } from "./client.js";
import { KeysteadError, run } from "./errors.js";
import { Files } from "./files.js";
import { Group } from "./group.js";
import { id, result } from "./http.js";
import { HeldKeys, Sealer, type SealerOptions } from "./sealer.js";
import type { Device, GroupInvite, GroupListItem, LightGroup, SecondFactor, Session } from "./types.js";

/** A logged-in user. */
export class User extends Files {
	/** @internal */
	readonly client: Client;
	/** The identifier of this device. */
	identifier: string;
	/** @internal */
	readonly keys: wasm.User;
	readonly #held: HeldKeys;

	/** @internal */
	constructor(client: Client, identifier: string, keys: wasm.User) {
		super();
		this.client = client;
		this.identifier = identifier;
		this.keys = keys;
		this.#held = new HeldKeys(keys, async (keyId) => {
			await this.#holdKey(keyId);
			if (!keys.hasKey(keyId)) {
				throw new KeysteadError("client_110", 110, "the key was not found");
			}
		});
	}

	/** User id. */
	get user_id(): string {
		return this.keys.userId;
	}

	/** Id of this device. */
	get device_id(): string {
		return this.keys.deviceId;
	}

	/** The refresh token, to be put into a cookie by the app's backend. Empty after a reload with the strategies `cookie` and `cookie_fn`. */
	get refresh_token(): string {
		return this.keys.refreshToken;
	}

	/** A good JWT; an expired one is refreshed. */
	async getJwt(): Promise<string> {
		if (run(() => wasm.needsRefresh(this.keys.jwt, Date.now() / 1000))) {
			this.keys.jwt = await this.client.refreshJwt(this.keys);
			await this.client.keep(this.identifier, this.keys);
		}
		return this.keys.jwt;
	}

	/** Ends this session at the server and forgets it on this device. */
	async logout(): Promise<void> {
		const refresh = this.keys.refreshToken;
		if (refresh) {
			const body = wasm.prepareRefresh(refresh);
			await this.client.send("DELETE", "/refresh", { jwt: this.keys.jwt, body }).catch(() => undefined);
		}
		await this.client.forget(this.identifier);
	}

	/** Encrypts text for a user; only he can open it. `sign`: he can see who wrote it. */
	async encryptString(text: string, user_id: string, sign = false): Promise<string> {
		const to = await this.client.publicKey(user_id);
		return run(() => (sign ? to.encryptStringSigned(text, this.keys) : to.encryptString(text)));
	}

	/** Opens text that somebody encrypted for this user. `verify_user_id` demands his signature. */
	async decryptString(text: string, verify_user_id?: string): Promise<string> {
		const [key, signer] = run(() => wasm.stringHead(text));
		await this.#holdKey(key!);
		if (verify_user_id === undefined) {
			return run(() => this.keys.decryptString(text));
		}
		const verify = await this.#verifyKey(verify_user_id, signer);
		return run(() => this.keys.decryptStringVerified(text, verify));
	}

	/** Encrypts bytes for a user; only he can open them. */
	async encrypt(data: Uint8Array, user_id: string, sign = false): Promise<Uint8Array> {
		const to = await this.client.publicKey(user_id);
		return run(() => (sign ? to.encryptSigned(data, this.keys) : to.encrypt(data)));
	}

	/** Opens bytes that somebody encrypted for this user. `verify_user_id` demands his signature. */
	async decrypt(data: Uint8Array, verify_user_id?: string): Promise<Uint8Array> {
		const [key, signer] = run(() => wasm.head(data.subarray(0, 8192)));
		await this.#holdKey(key!);
		if (verify_user_id === undefined) {
			return run(() => this.keys.decrypt(data));
		}
		const verify = await this.#verifyKey(verify_user_id, signer);
		return run(() => this.keys.decryptVerified(data, verify));
	}

	/** As `sealer` of a group, for records that only this user, on all his devices, can read. */
	sealer(namespace: string, attributes: readonly string[], options: SealerOptions = {}): Sealer {
		return new Sealer(this.#held, namespace, attributes, options);
	}

	/** The safety number of this user and another one: both see the same, unless the server lies. */
	async createSafetyNumber(user_id: string): Promise<string> {
		const output = await this.client.send("GET", `/user/${id(user_id)}/public_key`);
		const signer = run(() => wasm.publicKeySigner(output));
		if (signer === undefined) {
			throw new KeysteadError("client", 0, "an account of a client of 2022 has nothing to compare");
		}
		const theirs = await this.client.verifyKey(user_id, signer);
		return run(() => this.keys.verifyKey().safetyNumber(this.user_id, theirs, user_id));
	}

	/** The body of `POST /group`, for the app's own backend. */
	prepareGroupCreate(): string {
		return run(() => this.keys.prepareGroupCreate());
	}

	/** Reads the server's answer of `POST /group`: the new group's id. */
	doneGroupCreate(server_output: string): string {
		return run(() => wasm.User.doneGroupCreate(server_output));
	}

	/** Creates a group and gives its id. */
	async createGroup(): Promise<string> {
		return this.doneGroupCreate(await this.send("POST", "/group", this.prepareGroupCreate()));
	}

	/** Fetches a group with its keys. `group_as_member`: the group through which this user is in it. */
	getGroup(group_id: string, group_as_member?: string): Promise<Group> {
		return Group.fetch(this, group_id, group_as_member);
	}

	/** What this user is in a group, without its keys. */
	async getGroupLight(group_id: string): Promise<LightGroup> {
		return result(await this.send("GET", `/group/${id(group_id)}/light`));
	}

	/** A page of this user's groups; `last` is the last item of the page before. */
	async getGroups(last?: GroupListItem): Promise<GroupListItem[]> {
		return result(await this.send("GET", `/group/all/${last?.time ?? 0}/${id(last?.group_id ?? "none")}`));
	}

	/** A page of this user's invites. */
	async getGroupInvites(last?: GroupInvite): Promise<GroupInvite[]> {
		return result(await this.send("GET", `/group/invite/${last?.time ?? 0}/${id(last?.group_id ?? "none")}`));
	}

	/** Joins a group after an invite. */
	async acceptGroupInvite(group_id: string): Promise<void> {
		run0(await this.send("PATCH", `/group/${id(group_id)}/invite`));
	}

	/** Turns an invite down. */
	async rejectGroupInvite(group_id: string): Promise<void> {
		run0(await this.send("DELETE", `/group/${id(group_id)}/invite`));
	}

	/** Asks to join a group. */
	async groupJoinRequest(group_id: string): Promise<void> {
		run0(await this.send("PATCH", `/group/${id(group_id)}/join_req`));
	}

	/** Lets a further device in. `server_output`: the text of `registerDeviceStart` from the new device. */
	async registerDevice(server_output: string): Promise<void> {
		const [first, ...further] = this.prepareRegisterDevice(server_output);
		const output = await this.send("PUT", "/user/done_register_device", first);
		const session = run(() => wasm.Group.doneInvite(output));
		for (const page of session === undefined ? [] : further) {
			run0(await this.send("PUT", `/user/user_keys/session/${id(session!)}`, page));
		}
	}

	/** The bodies of `registerDevice`: the first, and pages for its session. */
	prepareRegisterDevice(server_output: string): string[] {
		return run(() => this.keys.prepareRegisterDevice(server_output));
	}

	/** A page of this user's devices. */
	async getDevices(last?: Device): Promise<Device[]> {
		return result(await this.send("GET", `/user/device/${last?.time ?? 0}/${id(last?.device_id ?? "none")}`));
	}

	/** Deletes a device, after a login in the background. */
	async deleteDevice(password: string, device_id: string, factor?: SecondFactor): Promise<void> {
		run0(await this.#withFresh(password, factor, "DELETE", `/user/device/${id(device_id)}`));
	}

	/** A page of this user's open sessions. */
	async getSessions(last?: Session): Promise<Session[]> {
		return result(await this.send("GET", `/user/sessions/${last?.time ?? 0}/${id(last?.session_id ?? "none")}`));
	}

	/** Renames this device. */
	async updateUser(new_identifier: string): Promise<void> {
		run0(await this.send("PUT", "/user", wasm.User.prepareUserIdentifierUpdate(new_identifier)));
		const old = this.identifier;
		await this.client.forget(old);
		this.identifier = new_identifier;
		await this.client.keep(new_identifier, this.keys);
	}

	/** Changes the password of this device, after a login in the background with the old one. */
	async changePassword(old_password: string, new_password: string, factor?: SecondFactor): Promise<void> {
		const login = await this.#prove(old_password, factor);
		const body = run(() => login.prepareChangePassword(new_password, this.keys.refreshToken));
		const fresh = await this.client.verifyLogin(login);
		try {
			run0(await this.client.send("PUT", "/user/update_pw", { jwt: fresh.jwt, body }));
		} finally {
			await this.#end(fresh);
		}
	}

	/** Sets a new password for this device, which still holds its keys. */
	async resetPassword(new_password: string): Promise<void> {
		run0(await this.send("PUT", "/user/reset_pw", run(() => this.keys.prepareResetPassword(new_password))));
	}

	/** Switches the second factor on: the address for an authenticator, and recovery keys. */
	async registerOtp(issuer: string, audience: string, password: string): Promise<[url: string, recover: string[]]> {
		const output = await this.#withFresh(password, undefined, "PATCH", "/user/register_otp");
		const [url, ...recover] = run(() => wasm.doneRegisterOtp(output, issuer, audience));
		return [url!, recover];
	}

	/** Switches the second factor off. */
	async disableOtp(password: string, factor: SecondFactor): Promise<void> {
		run0(await this.#withFresh(password, factor, "PATCH", "/user/disable_otp"));
	}

	/** Deletes the account, after a login in the background. With the default options of an app only its backend may do this. */
	async deleteUser(password: string, factor?: SecondFactor): Promise<void> {
		run0(await this.#withFresh(password, factor, "DELETE", "/user"));
		await this.client.forget(this.identifier);
	}

	/** Gives this user new keys; his other devices take them with `finishKeyRotation`. Old keys stay for what they encrypted. */
	async keyRotation(): Promise<string> {
		const output = await this.send("POST", "/user/user_keys/rotation", run(() => this.keys.prepareKeyRotation()));
		const keyId = run(() => wasm.Group.doneKeyRotationStart(output));
		await this.reloadKeys();
		return keyId;
	}

	/** Takes the keys of rotations on other devices. */
	async finishKeyRotation(): Promise<void> {
		for (let round = 0; round < 10; round++) {
			const output = await this.send("GET", "/user/user_keys/rotation");
			const waiting = run(() => this.keys.doneKeyRotation(output));
			if (!waiting.length) {
				return;
			}
			for (let at = 0; at < waiting.length; at += 2) {
				run0(await this.send("PUT", `/user/user_keys/rotation/${id(waiting[at]!)}`, waiting[at + 1]));
			}
			await this.reloadKeys();
		}
	}

	/** Fetches user keys that came up since the login. */
	async reloadKeys(): Promise<void> {
		await this.#loadFrom("0/none");
	}

	/** @internal After a login: the keys of further pages. */
	async loadKeys(): Promise<void> {
		await this.#loadFrom(this.keys.nextKeys());
	}

	async #loadFrom(from: string | undefined): Promise<void> {
		const seen = new Set<string>();
		for (let at = from; at !== undefined && !seen.has(at); ) {
			seen.add(at);
			const output = await this.send("GET", `/user/user_keys/keys/${at}`);
			at = run(() => this.keys.addKeys(output));
			this.#held.renewed();
		}
		run(() => this.client.trust.pinOwn(this.keys));
		await this.client.keep(this.identifier, this.keys);
	}

	async #holdKey(keyId: string): Promise<void> {
		if (!this.keys.hasKey(keyId)) {
			await this.reloadKeys();
		}
		if (!this.keys.hasKey(keyId)) {
			await this.finishKeyRotation();
		}
	}

	async #verifyKey(userId: string, signer: string | undefined): Promise<wasm.VerifyKey> {
		if (signer === undefined) {
			throw new KeysteadError("client_not_signed", 0, "this is not signed");
		}
		return this.client.verifyKey(userId, signer);
	}

	async #prove(password: string, factor?: SecondFactor): Promise<wasm.Login> {
		const { login, complete } = await this.client.beginLogin(this.identifier, password);
		if (!complete) {
			if (!factor) {
				throw new KeysteadError("second_factor", 0, "the account has a second factor");
			}
			const given: Factor =
				"code" in factor ? { token: factor.code, recovery: false } : { token: factor.recovery_key, recovery: true };
			await this.client.answerFactor(login, given);
		}
		return login;
	}

	async #withFresh(password: string, factor: SecondFactor | undefined, method: string, path: string): Promise<string> {
		const fresh = await this.client.verifyLogin(await this.#prove(password, factor));
		try {
			return await this.client.send(method, path, { jwt: fresh.jwt });
		} finally {
			await this.#end(fresh);
		}
	}

	/** The session of a login in the background. What it did may have ended it already. */
	async #end(fresh: wasm.User): Promise<void> {
		const body = wasm.prepareRefresh(fresh.refreshToken);
		await this.client.send("DELETE", "/refresh", { jwt: fresh.jwt, body }).catch(() => undefined);
		fresh.free();
	}

	/** @internal */
	async send(method: string, path: string, body?: string, via?: string): Promise<string> {
		return this.client.send(method, path, { jwt: await this.getJwt(), body, via });
	}

	/** @internal */
	override place(): { user: User; groupId?: string; via?: string | undefined } {
		return { user: this };
	}

	/** @internal */
	override async fileKey(for_user?: string): Promise<wasm.NewFile> {
		if (for_user === undefined) {
			return run(() => this.keys.newFile());
		}
		const to = await this.client.publicKey(for_user);
		return run(() => this.keys.newFileFor(to));
	}

	/** @internal */
	override async openKey(json: string, masterKeyId: string): Promise<wasm.Key> {
		await this.#holdKey(masterKeyId);
		return run(() => this.keys.openKey(json));
	}
}

/** Checks an answer that carries nothing else. */
function run0(output: string): void {
	run(() => wasm.doneSuccess(output));
}
