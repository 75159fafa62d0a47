import * as wasm from "./wasm/keystead.js";
import * as bulk from "./bulk.js";
import { KeysteadError, run } from "./errors.js";
import { Files } from "./files.js";
import { id, result } from "./http.js";
import { HeldKeys, Sealer, type SealerOptions } from "./sealer.js";
import type { AccessBy, ChildGroup, GroupInvite, JoinRequest, LightGroup, Member } from "./types.js";
import type { User } from "./user.js";

const UTF8 = new TextEncoder();
/** A chain of parents longer than this is no honest answer. */
const MAX_DEPTH = 64;

/** How to encrypt. */
export interface EncryptOptions {
	/** The reader can see who wrote it. */
	sign?: boolean;
	/** Bound to the content: the reader needs the same. */
	aad?: string;
}

/** How to decrypt. */
export interface DecryptOptions {
	/** Demands the signature of this user. */
	verify_user_id?: string;
	/** The same as for the encryption. */
	aad?: string;
}

/** A group as one member holds it, with its keys. */
export class Group extends Files {
	readonly #held: HeldKeys;

	private constructor(
		/** @internal */ readonly user: User,
		/** @internal */ readonly keys: wasm.Group,
		/** How this user enters. */
		readonly access_by: AccessBy,
		/** @internal */ readonly opener: Group | undefined,
		/** @internal */ readonly via: string | undefined,
	) {
		super();
		this.#held = new HeldKeys(keys, (keyId) => this.#holdKey(keyId));
	}

	/** @internal */
	static async fetch(user: User, groupId: string, via?: string, known?: Group, depth = 0): Promise<Group> {
		if (depth > MAX_DEPTH) {
			throw new KeysteadError("client", 0, "the groups have no end");
		}
		const output = await user.send("GET", `/group/${id(groupId)}`, undefined, via);
		const light = result<LightGroup>(output);
		const opener = await Group.#opener(user, light, via, known, depth);
		const { client } = user;
		await client.pinSigners(run(() => wasm.groupKeySigners(output)));
		const keys = await retried(opener ?? user, () =>
			opener ? opener.keys.doneGetGroup(output, groupId, client.trust) : user.keys.doneGetGroup(output, groupId, client.trust),
		);
		const group = new Group(user, keys, light.access_by, opener, via);
		await group.#loadFrom(keys.nextKeys());
		return group;
	}

	static async #opener(user: User, light: LightGroup, via: string | undefined, known: Group | undefined, depth: number) {
		const by = light.access_by;
		if (by === "User") {
			return undefined;
		}
		const [groupId, through] =
			"GroupAsUser" in by
				? [by.GroupAsUser, undefined]
				: // The keys are wrapped for the direct parent, wherever above the user is a member.
					[light.parent_group_id ?? ("Parent" in by ? by.Parent : by.GroupAsUserAsParent.parent), via];
		if (known?.group_id === groupId && known.via === through) {
			return known;
		}
		return Group.fetch(user, groupId, through, undefined, depth + 1);
	}

	/** Group id. */
	get group_id(): string {
		return this.keys.groupId;
	}

	/** Parent group. */
	get parent_group_id(): string | undefined {
		return this.keys.parentGroupId;
	}

	/** This user's rank: 0 creator, 1 admin, 2 member manager, 3 and 4 plain. */
	get rank(): number {
		return this.keys.rank;
	}

	/** True when a key rotation waits for this member: `finishKeyRotation`. */
	get key_update(): boolean {
		return this.keys.keyUpdate;
	}

	/** Encrypts text with the newest group key. */
	async encryptString(text: string, options: EncryptOptions = {}): Promise<string> {
		return this.encryptStringSync(text, options);
	}

	/** As `encryptString`, at once. */
	encryptStringSync(text: string, { sign = false, aad = "" }: EncryptOptions = {}): string {
		const key = run(() => this.keys.newestKey());
		const bound = UTF8.encode(aad);
		return run(() => (sign ? key.encryptStringSigned(text, bound, this.user.keys) : key.encryptString(text, bound)));
	}

	/** Opens text that a member encrypted. A key that came up since is fetched. */
	async decryptString(text: string, options: DecryptOptions = {}): Promise<string> {
		const [keyId, signer] = run(() => wasm.stringHead(text));
		const key = await this.#key(keyId!);
		const aad = UTF8.encode(options.aad ?? "");
		if (options.verify_user_id === undefined) {
			return run(() => key.decryptString(text, aad));
		}
		const verify = await this.#verifyKey(options.verify_user_id, signer);
		return run(() => key.decryptStringVerified(text, aad, verify));
	}

	/** As `decryptString`, at once, with the keys that are here. */
	decryptStringSync(text: string, aad = ""): string {
		const [keyId] = run(() => wasm.stringHead(text));
		return run(() => this.keys.key(keyId!).decryptString(text, UTF8.encode(aad)));
	}

	/** Encrypts bytes with the newest group key; large ones with WebCrypto. */
	async encrypt(data: Uint8Array, { sign = false, aad }: EncryptOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
		const key = run(() => this.keys.newestKey());
		const bound = aad === undefined ? undefined : UTF8.encode(aad);
		if (sign) {
			return run(() => key.encryptSigned(data, bound ?? new Uint8Array(), this.user.keys)) as Uint8Array<ArrayBuffer>;
		}
		return bulk.encrypt(key, data, bound);
	}

	/** As `encrypt`, in two pieces that belong together: large data is not copied, and `new Blob(pieces)` takes them as they are. */
	async encryptParts(data: Uint8Array, aad?: string): Promise<[head: Uint8Array<ArrayBuffer>, body: ArrayBuffer]> {
		const key = run(() => this.keys.newestKey());
		return bulk.encryptParts(key, data, aad === undefined ? undefined : UTF8.encode(aad));
	}

	/** Opens bytes that a member encrypted. */
	async decrypt(data: Uint8Array, options: DecryptOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
		const [keyId, signer] = run(() => wasm.head(data.subarray(0, 8192)));
		const key = await this.#key(keyId!);
		const aad = options.aad === undefined ? undefined : UTF8.encode(options.aad);
		if (options.verify_user_id === undefined) {
			return bulk.decrypt(key, data, aad);
		}
		const verify = await this.#verifyKey(options.verify_user_id, signer);
		return run(() => key.decryptVerified(data, aad ?? new Uint8Array(), verify)) as Uint8Array<ArrayBuffer>;
	}

	/**
	 * Seals and opens the secret attributes of records of the data API, beside its own client: `tx.notes[id].update(sealer.sealSync(id, {…}))`.
	 * The newest group key seals; every member can open.
	 */
	sealer(namespace: string, attributes: readonly string[], options: SealerOptions = {}): Sealer {
		return new Sealer(this.#held, namespace, attributes, options);
	}

	/** The hashes to store beside encrypted text, so that it can be found: of the whole text, or of each beginning. */
	createSearchRaw(text: string, full = false, limit?: number): string[] {
		return run(() => this.keys.createSearch(text, full, limit));
	}

	/** The hash of what is looked for. */
	search(text: string): string {
		return run(() => this.keys.search(text));
	}

	/** Sortable form of a number of 0 to 65532. */
	encryptSortableRawNumber(number: number): number {
		return run(() => this.keys.encryptSortableNumber(number));
	}

	/** Sortable form of a text's first four bytes. */
	encryptSortableRawString(text: string): number {
		return run(() => this.keys.encryptSortableString(text));
	}

	/** Invites a user, who then accepts. `rank` 1 to 4, default 4. */
	invite(user_id: string, rank?: number): Promise<void> {
		return this.#add(`invite/${id(user_id)}`, "invite", user_id, false, rank);
	}

	/** Makes a user a member at once. */
	inviteAuto(user_id: string, rank?: number): Promise<void> {
		return this.#add(`invite_auto/${id(user_id)}`, "invite", user_id, false, rank);
	}

	/** Invites a group. */
	inviteGroup(group_id: string, rank?: number): Promise<void> {
		return this.#add(`invite_group/${id(group_id)}`, "invite", group_id, true, rank);
	}

	/** Makes a group a member at once. */
	inviteGroupAuto(group_id: string, rank?: number): Promise<void> {
		return this.#add(`invite_group_auto/${id(group_id)}`, "invite", group_id, true, rank);
	}

	/** A page of the members; `last` is the last item of the page before. */
	async getMember(last?: Member): Promise<Member[]> {
		return result(await this.#send("GET", `member/${last?.joined_time ?? 0}/${id(last?.user_id ?? "none")}`));
	}

	/** A page of those who ask to join. */
	async getJoinRequests(last?: JoinRequest): Promise<JoinRequest[]> {
		return result(await this.#send("GET", `join_req/${last?.time ?? 0}/${id(last?.user_id ?? "none")}`));
	}

	/** Lets a user in who asked. */
	acceptJoinRequest(user_id: string, rank?: number): Promise<void> {
		return this.#add(`join_req/${id(user_id)}`, "join_req", user_id, false, rank);
	}

	/** Turns down who asked to join. */
	async rejectJoinRequest(user_id: string): Promise<void> {
		done(await this.#send("DELETE", `join_req/${id(user_id)}`));
	}

	/** A page of the invites that this group sent. */
	async getSentInvites(last?: GroupInvite): Promise<GroupInvite[]> {
		return result(await this.#send("GET", `invite/${last?.time ?? 0}/${id(last?.group_id ?? "none")}`));
	}

	/** Gives a member another rank, 1 to 4. */
	async updateRank(user_id: string, rank: number): Promise<void> {
		done(await this.#send("PUT", "change_rank", run(() => this.keys.prepareChangeRank(user_id, rank))));
	}

	/** Takes a member out. Rotate the keys after it. */
	async kickUser(user_id: string): Promise<void> {
		done(await this.#send("DELETE", `kick/${id(user_id)}`));
	}

	/** Leaves the group. */
	async leave(): Promise<void> {
		done(await this.#send("DELETE", "leave"));
	}

	/** Closes the group for invites and join requests, or opens it again. */
	async stopInvites(): Promise<void> {
		done(await this.#send("PATCH", "change_invite"));
	}

	/** The body of `POST /group/:g/child`, for the app's own backend. */
	prepareCreateChildGroup(): string {
		return run(() => this.keys.prepareGroupCreate(this.user.keys));
	}

	/** Creates a child group: every member of this group is in it. Gives its id. */
	async createChildGroup(): Promise<string> {
		return this.user.doneGroupCreate(await this.#send("POST", "child", this.prepareCreateChildGroup()));
	}

	/** Creates a group of which this group is the first member. Gives its id. */
	async createConnectedGroup(): Promise<string> {
		return this.user.doneGroupCreate(await this.#send("POST", "connected", this.prepareCreateChildGroup()));
	}

	/** A page of the child groups. */
	async getChildren(last?: ChildGroup): Promise<ChildGroup[]> {
		return result(await this.#send("GET", `children/${last?.time ?? 0}/${id(last?.group_id ?? "none")}`));
	}

	/** A child group of this group. */
	getChildGroup(group_id: string): Promise<Group> {
		return Group.fetch(this.user, group_id, this.via, this);
	}

	/** A group of which this group is a member. */
	getConnectedGroup(group_id: string): Promise<Group> {
		return Group.fetch(this.user, group_id, this.group_id, this);
	}

	/** Gives the group a new key. Old keys stay for what they encrypted. */
	async keyRotation(sign = true): Promise<string> {
		const { opener, user } = this;
		const body = run(() =>
			opener
				? this.keys.prepareKeyRotationBy(opener.keys, user.keys, sign)
				: this.keys.prepareKeyRotation(user.keys, sign),
		);
		const output = await this.#send("POST", "key_rotation", body);
		const keyId = run(() => wasm.Group.doneKeyRotationStart(output));
		await this.fetchKey(keyId);
		return keyId;
	}

	/** Takes the new keys of rotations by others. */
	async finishKeyRotation(): Promise<void> {
		const { opener, user } = this;
		for (let round = 0; round < 10; round++) {
			const output = await this.#send("GET", "key_rotation");
			const waiting = run(() =>
				opener ? this.keys.doneKeyRotationBy(output, opener.keys) : this.keys.doneKeyRotation(output, user.keys),
			);
			if (!waiting.length) {
				return;
			}
			for (let at = 0; at < waiting.length; at += 2) {
				done(await this.#send("PUT", `key_rotation/${id(waiting[at]!)}`, waiting[at + 1]));
				await this.fetchKey(waiting[at]!);
			}
		}
	}

	/** Fetches a key that came up since. */
	async fetchKey(key_id: string): Promise<void> {
		await this.#addPage(await this.#send("GET", `key/${id(key_id)}`));
		this.#check();
	}

	/** Deletes the group and all its children. */
	async deleteGroup(): Promise<void> {
		done(await this.user.send("DELETE", `/group/${this.group_id}`, undefined, this.via));
	}

	async #key(keyId: string): Promise<wasm.Key> {
		if (!this.keys.hasKey(keyId)) {
			await this.fetchKey(keyId);
		}
		return run(() => this.keys.key(keyId));
	}

	/** A key that came up since, also by a rotation that waits for this member. */
	async #holdKey(keyId: string): Promise<void> {
		try {
			await this.#key(keyId);
		} catch (error) {
			if ((error as KeysteadError).serverCode === undefined) {
				throw error;
			}
			await this.finishKeyRotation();
			if (!this.keys.hasKey(keyId)) {
				throw error;
			}
		}
	}

	async #verifyKey(userId: string, signer: string | undefined): Promise<wasm.VerifyKey> {
		if (signer === undefined) {
			throw new KeysteadError("client_not_signed", 0, "this is not signed");
		}
		return this.user.client.verifyKey(userId, signer);
	}

	async #add(path: string, kind: string, who: string, isGroup: boolean, rank?: number): Promise<void> {
		const { client } = this.user;
		const key = isGroup
			? await client.send("GET", `/group/${id(who)}/public_key`).then((out) => run(() => client.trust.checkGroupPublicKey(who, out)))
			: await client.publicKey(who);
		const [first, ...further] = run(() => this.keys.prepareKeysForNewMember(key, rank));
		const output = await this.#send("PUT", path, first);
		const session = run(() => wasm.Group.doneInvite(output));
		for (const page of session === undefined ? [] : further) {
			done(await this.#send("PUT", `${kind}/session/${id(session!)}`, page));
		}
	}

	async #loadFrom(from: string | undefined): Promise<void> {
		const seen = new Set<string>();
		for (let at = from; at !== undefined && !seen.has(at); ) {
			seen.add(at);
			at = await this.#addPage(await this.#send("GET", `keys/${at}`));
		}
		// All keys are there now: they are held against those of earlier times.
		this.#check();
		await this.user.client.keepPins();
	}

	#check(): void {
		run(() => this.user.client.trust.checkGroup(this.user.user_id, this.keys));
	}

	async #addPage(output: string): Promise<string | undefined> {
		const { client, keys } = this.user;
		const { opener } = this;
		await client.pinSigners(run(() => wasm.groupKeysPageSigners(output)));
		return retried(opener ?? this.user, () => {
			const next = opener
				? this.keys.addKeysOfGroup(output, opener.keys, client.trust)
				: this.keys.addKeysOfUser(output, keys, client.trust);
			this.#held.renewed();
			return next;
		});
	}

	/** Fetches all keys once more. @internal */
	async reloadKeys(): Promise<void> {
		await this.#loadFrom("0/none");
	}

	#send(method: string, path: string, body?: string): Promise<string> {
		return this.user.send(method, `/group/${this.group_id}/${path}`, body, this.via);
	}

	/** @internal */
	override place(): { user: User; groupId?: string; via?: string | undefined } {
		return { user: this.user, groupId: this.group_id, via: this.via };
	}

	/** @internal */
	override async fileKey(): Promise<wasm.NewFile> {
		return run(() => this.keys.newFile());
	}

	/** @internal */
	override async openKey(json: string, masterKeyId: string): Promise<wasm.Key> {
		await this.#key(masterKeyId);
		return run(() => this.keys.openKey(json));
	}
}

/** Opens keys; when one that opens them is missing (it was rotated since), those are fetched once more. */
async function retried<T>(owner: { reloadKeys(): Promise<void> }, open: () => T): Promise<T> {
	try {
		return run(open);
	} catch (error) {
		if ((error as KeysteadError).name !== KEY_NOT_FOUND) {
			throw error;
		}
	}
	await owner.reloadKeys();
	return run(open);
}

const KEY_NOT_FOUND = "client_110";

function done(output: string): void {
	run(() => wasm.doneSuccess(output));
}
