/**
 * End-to-end encryption for your app: users, groups and files whose keys the server cannot read.
 *
 * @module
 */

import { Client } from "./client.js";

export { Client, type InitOptions, type LoginResult, PendingLogin, REFRESH_ENDPOINT, type RefreshOptions } from "./client.js";
export type { WasmSource } from "./engine.js";
export { KeysteadError } from "./errors.js";
export { Files, type CreateFileOptions, type CreatedFile, type DownloadFileOptions, type FileSource } from "./files.js";
export { Group, type DecryptOptions, type EncryptOptions } from "./group.js";
export { IndexedDbStorage, type KeyStorage, MemoryStorage } from "./storage.js";
export { type OpenOptions, Sealer, type SealerOptions } from "./sealer.js";
export type * from "./types.js";
export { User } from "./user.js";

/** The client of this program's app. */
const Keystead = new Client();

export default Keystead;
