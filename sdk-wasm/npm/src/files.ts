import * as wasm from "./wasm/keystead.js";
import type { Bytes } from "./aes.js";
import { work } from "./engine.js";
import { KeysteadError, run } from "./errors.js";
import { id, part as sendPart, read, result } from "./http.js";
import type { FileMeta, FilePart } from "./types.js";
import type { User } from "./user.js";

/** Bytes of a part. */
const PART = 4 * 1024 * 1024;
/** Parts in a page of the server's list. */
const PAGE = 500;
/** How often a part is sent when the connection breaks. */
const TRIES = 4;

/** What a file is made of: a `File`, a `Blob`, bytes, or a stream of bytes. */
export type FileSource = Blob | Uint8Array | ReadableStream<Uint8Array>;

/** How a file is made. */
export interface CreateFileOptions {
	/** Its name, which is encrypted; that of a `File` when it is left out. */
	name?: string;
	/** Signs name and parts. */
	sign?: boolean;
	/** Only for files that are no group's: the user who gets it, and alone can open it. */
	reply_id?: string;
	/** Is called after each part, with the share that is done (0 to 1; of a stream: the bytes). */
	upload_callback?: (progress: number) => void;
	/** Stops the upload. */
	signal?: AbortSignal;
}

/** A new file. */
export interface CreatedFile {
	file_id: string;
	master_key_id: string;
}

/** How a file is read. */
export interface DownloadFileOptions {
	/** Demands that this user has signed the parts. */
	verify_user_id?: string;
	/** Is called after each part, with the share that is done (0 to 1). */
	download_callback?: (progress: number) => void;
	/** Stops the download. */
	signal?: AbortSignal;
}

/** The files of a user or a group. */
export abstract class Files {
	/** @internal */
	abstract place(): { user: User; groupId?: string; via?: string | undefined };
	/** @internal */
	abstract fileKey(for_user?: string): Promise<wasm.NewFile>;
	/** @internal */
	abstract openKey(json: string, masterKeyId: string): Promise<wasm.Key>;

	/** Encrypts a file and uploads it, part by part; no more than two parts are in memory. */
	async createFile(file: FileSource, options: CreateFileOptions = {}): Promise<CreatedFile> {
		const { user, groupId, via } = this.place();
		const name = options.name ?? (typeof File !== "undefined" && file instanceof File ? file.name : undefined);
		const made = await this.fileKey(options.reply_id);
		const body = run(() =>
			options.sign
				? made.prepareRegisterSigned(groupId, options.reply_id, name, user.keys)
				: made.prepareRegister(groupId, options.reply_id, name),
		);
		const output = await user.send("POST", this.#path(), body, via);
		const [fileId, session] = run(() => wasm.doneFileRegister(output));
		const total = file instanceof Blob ? file.size : file instanceof Uint8Array ? file.length : 0;
		const parts = sealed(chunks(file), made.key, options.sign ? run(() => user.keys.signer()) : undefined);
		await upload(user, session!, parts, options, total);
		return { file_id: fileId!, master_key_id: made.key.masterKeyId };
	}

	/** Fetches a file: an address for a link or an image (give it back with `URL.revokeObjectURL`), and what is known of it. */
	async downloadFile(file_id: string, options: DownloadFileOptions = {}): Promise<[url: string, meta: FileMeta]> {
		const [blob, meta] = await this.downloadFileBlob(file_id, options);
		return [URL.createObjectURL(blob), meta];
	}

	/** Fetches a file whole. */
	async downloadFileBlob(file_id: string, options: DownloadFileOptions = {}): Promise<[blob: Blob, meta: FileMeta]> {
		const [stream, meta] = await this.downloadFileStream(file_id, options);
		const parts: BlobPart[] = [];
		for (const reader = stream.getReader(); ; ) {
			const { done, value } = await reader.read();
			if (done) {
				return [new Blob(parts), meta];
			}
			parts.push(value);
		}
	}

	/** Fetches a file as a stream; one part is in memory. */
	async downloadFileStream(
		file_id: string,
		options: DownloadFileOptions = {},
	): Promise<[stream: ReadableStream<Uint8Array<ArrayBuffer>>, meta: FileMeta]> {
		const { meta, key } = await this.#open(file_id);
		const parts = await this.#parts(meta);
		let at = 0;
		let previous = key.raw() as Bytes;
		const pull = async (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
			options.signal?.throwIfAborted();
			const next = parts[at];
			if (!next) {
				return controller.close();
			}
			at += 1;
			// The chain of keys would notice too; this says it better.
			if (next.sequence !== at) {
				throw new KeysteadError("client", 0, "a part of the file is missing");
			}
			const bytes = await this.#part(next);
			const verify = await this.#verifyKey(bytes, options.verify_user_id);
			const [used, plain] = await work("decryptPart", previous, bytes, verify?.save());
			previous = used;
			options.download_callback?.(at / parts.length);
			controller.enqueue(plain);
		};
		return [new ReadableStream({ pull }, { highWaterMark: 0 }), meta];
	}

	/** What is known of a file, with its name opened. */
	async getFileMeta(file_id: string): Promise<FileMeta> {
		return (await this.#open(file_id)).meta;
	}

	/** Gives a file another name; undefined removes it. Only its owner may. */
	async updateFileName(file_id: string, name?: string): Promise<void> {
		const { key } = await this.#open(file_id);
		const output = await this.place().user.send("PUT", `/file/${id(file_id)}`, run(() => key.prepareFileNameUpdate(name)));
		run(() => wasm.doneSuccess(output));
	}

	/** Deletes a file. */
	async deleteFile(file_id: string): Promise<void> {
		const { user, via } = this.place();
		const output = await user.send("DELETE", `${this.#path()}/${id(file_id)}`, undefined, via);
		run(() => wasm.doneSuccess(output));
	}

	async #open(fileId: string): Promise<{ meta: FileMeta; key: wasm.Key }> {
		const { user, via } = this.place();
		const output = await user.send("GET", `${this.#path()}/${id(fileId)}`, undefined, via);
		const meta = result<FileMeta>(output);
		let [wrapped, registered] = run(() => wasm.fileKey(output));
		if (registered !== undefined) {
			wrapped = JSON.stringify(result(await user.send("GET", `/keys/sym_key/${id(registered)}`)));
		}
		const master = (JSON.parse(wrapped!) as { master_key_id: string }).master_key_id;
		const key = await this.openKey(wrapped!, master);
		if (meta.encrypted_file_name) {
			const name = meta.encrypted_file_name;
			meta.file_name = run(() => key.decryptFileName(name));
		}
		return { meta, key };
	}

	async #parts(meta: FileMeta): Promise<FilePart[]> {
		const { user, via } = this.place();
		const parts = [...meta.part_list];
		for (let last = parts.length; last >= PAGE; ) {
			const after = parts[parts.length - 1]!.sequence;
			const page = result<FilePart[]>(await user.send("GET", `/file/${id(meta.file_id)}/part_fetch/${after}`, undefined, via));
			parts.push(...page);
			last = page.length;
		}
		return parts;
	}

	async #part(part: FilePart): Promise<Uint8Array<ArrayBuffer>> {
		const { user, via } = this.place();
		const response = await sendPart(user.client.connection, "GET", id(part.part_id), { jwt: await user.getJwt(), via });
		if (!response.ok) {
			result(await read(response));
			throw new KeysteadError("client", 0, "the server did not give a part of the file");
		}
		return new Uint8Array(await response.arrayBuffer());
	}

	async #verifyKey(part: Uint8Array, userId: string | undefined): Promise<wasm.VerifyKey | undefined> {
		if (userId === undefined) {
			return undefined;
		}
		const signer = run(() => wasm.partSignKeyId(part.subarray(0, 8192)));
		if (signer === undefined) {
			throw new KeysteadError("client_not_signed", 0, "this is not signed");
		}
		return this.place().user.client.verifyKey(userId, signer);
	}

	#path(): string {
		const { groupId } = this.place();
		return groupId === undefined ? "/file" : `/group/${id(groupId)}/file`;
	}
}

interface Piece {
	body: Blob;
	plain: number;
	end: boolean;
}

/** A file's parts, each encrypted while the one before is on its way. */
async function* sealed(source: AsyncGenerator<Bytes>, first: wasm.Key, signer?: string[]): AsyncGenerator<Piece> {
	let key = first.raw() as Bytes;
	let plain = await source.next();
	while (!plain.done) {
		const { length } = plain.value;
		const sealing = work("encryptPart", key, plain.value, signer);
		// When reading on fails, nobody looks at it any more.
		sealing.catch(() => undefined);
		plain = await source.next();
		const [next, ...body] = await sealing;
		key = next;
		yield { body: new Blob(body), plain: length, end: plain.done === true };
	}
}

async function upload(user: User, session: string, parts: AsyncGenerator<Piece>, options: CreateFileOptions, total: number) {
	let sequence = 0;
	let done = 0;
	let next = parts.next();
	for (;;) {
		const { done: over, value } = await next;
		if (over) {
			return;
		}
		options.signal?.throwIfAborted();
		next = parts.next();
		next.catch(() => undefined);
		sequence += 1;
		await send(user, `${id(session)}/${sequence}/${value.end}`, value.body, session);
		done += value.plain;
		options.upload_callback?.(total ? done / total : done);
	}
}

/** Sends a part until it is answered: the next part's key hangs on these very bytes. */
async function send(user: User, place: string, body: Blob, session: string): Promise<void> {
	for (let attempt = 1; ; attempt++) {
		try {
			const call = { jwt: await user.getJwt(), body };
			const output = await read(await sendPart(user.client.connection, "POST", place, call));
			run(() => wasm.doneSuccess(output));
			return;
		} catch (error) {
			const { name, serverCode } = error as KeysteadError;
			if (name === "network" && attempt < TRIES) {
				continue;
			}
			// The last part had arrived, its answer had not.
			if (attempt > 1 && serverCode === 510) {
				const { finished } = result<{ finished: boolean }>(await user.send("GET", `/file/session/${id(session)}`));
				if (finished) {
					return;
				}
			}
			throw error;
		}
	}
}

/** The parts, each in a buffer of its own: the worker takes it over. */
async function* chunks(source: FileSource): AsyncGenerator<Bytes> {
	if (source instanceof Blob) {
		for (let at = 0; at < source.size; at += PART) {
			yield new Uint8Array(await source.slice(at, at + PART).arrayBuffer());
		}
		return;
	}
	if (source instanceof Uint8Array) {
		for (let at = 0; at < source.length; at += PART) {
			yield source.slice(at, at + PART);
		}
		return;
	}
	let buffer = new Uint8Array(PART);
	let filled = 0;
	for (const reader = source.getReader(); ; ) {
		const { done, value } = await reader.read();
		for (let at = 0; value && at < value.length; ) {
			const piece = value.subarray(at, at + PART - filled);
			buffer.set(piece, filled);
			filled += piece.length;
			at += piece.length;
			if (filled === PART) {
				yield buffer;
				[buffer, filled] = [new Uint8Array(PART), 0];
			}
		}
		if (done) {
			break;
		}
	}
	if (filled) {
		yield buffer.subarray(0, filled);
	}
}
