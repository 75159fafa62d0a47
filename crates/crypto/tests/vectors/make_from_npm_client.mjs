// Makes npm_client_0_3_1.json with the unmodified client @sentclose/sentc@0.3.1 (MIT), so that our code is held to
// bytes that it did not make itself. The file is frozen: run this only to make a further vector, and keep the old one.
//
//   mkdir /tmp/npmcheck && cd /tmp/npmcheck && npm init -y && npm install @sentclose/sentc@0.3.1 tslib
//   node <this file> /tmp/npmcheck npm_client_0_3_1.json
//
// With --open it does the reverse: the client logs in with the registration in ours_for_npm_client.json, which our code
// made (tests/npm_client.rs), and opens the texts there.
//
//   node <this file> /tmp/npmcheck --open ours_for_npm_client.json

import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";

const [dir, ...files] = process.argv.slice(2);
const ours = files[0] === "--open" && files[1];
const out = files[0];
const require = createRequire(join(dir, "package.json"));

// The module was built for browsers.
class Window {}
Object.setPrototypeOf(globalThis, Window.prototype);
Object.assign(globalThis, { Window, window: globalThis, self: globalThis });
globalThis.crypto ??= require("node:crypto").webcrypto;

const client = require("sentc_wasm");
const wasm = readFileSync(join(dir, "node_modules/sentc_wasm/sentc_wasm_bg.wasm"));
await (client.default ?? client.init)(wasm);

const identifier = "alice";
const password = "correct horse battery staple";
const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const envelope = (result) => JSON.stringify({ status: true, result });

// What a server does between register and login.
function login(registration) {
  const { device, group } = registration;
  const d = device.derived;
  const salt = createHash("sha256")
    .update(Buffer.concat([Buffer.from("sentc".padEnd(200, "P")), Buffer.from(d.client_random_value, "base64")]))
    .digest("base64");
  const prepared = client.prepare_login(
    identifier,
    password,
    envelope({ salt_string: salt, derived_encryption_key_alg: d.derived_alg }),
  );
  const answer = {
    device_keys: {
      encrypted_master_key: device.master_key.encrypted_master_key,
      encrypted_private_key: d.encrypted_private_key,
      public_key_string: d.public_key,
      keypair_encrypt_alg: d.keypair_encrypt_alg,
      encrypted_sign_key: d.encrypted_sign_key,
      verify_key_string: d.verify_key,
      keypair_sign_alg: d.keypair_sign_alg,
      keypair_encrypt_id: "device-1",
      keypair_sign_id: "device-1",
      user_id: "user-1",
      device_id: "device-1",
      user_group_id: "group-1",
    },
    jwt: "",
    refresh_token: "",
    user_keys: [
      {
        key_pair_id: "key-1",
        group_key_id: "key-1",
        encrypted_group_key: group.encrypted_group_key,
        group_key_alg: group.group_key_alg,
        encrypted_private_group_key: group.encrypted_private_group_key,
        public_group_key: group.public_group_key,
        keypair_encrypt_alg: group.keypair_encrypt_alg,
        user_public_key_id: "device-1",
        time: 0,
        encrypted_sign_key: group.encrypted_sign_key,
        verify_key: group.verify_key,
        keypair_sign_alg: group.keypair_sign_alg,
        keypair_sign_id: "key-1",
      },
    ],
    hmac_keys: [],
  };
  return { prepared, salt, user: client.done_login(prepared.get_master_key_encryption_key(), envelope(answer)) };
}

if (ours) {
  const made = JSON.parse(readFileSync(ours, "utf8"));
  const { user } = login(made.registration);
  const key = user.get_user_keys()[0];
  const opened = {
    sym: client.decrypt_raw_symmetric(key.group_key, Buffer.from(made.sym, "base64"), made.sym_head, ""),
    asym: client.decrypt_raw_asymmetric(key.private_key, Buffer.from(made.asym, "base64"), made.asym_head, ""),
    signed: client.decrypt_raw_symmetric(
      key.group_key,
      Buffer.from(made.signed, "base64"),
      made.signed_head,
      user.get_device_exported_verify_key(),
    ),
  };
  for (const [kind, bytes] of Object.entries(opened)) {
    if (Buffer.from(bytes).toString() !== made.plain) throw new Error(`${kind} differs`);
    console.log(kind, "opened");
  }
} else {
  const registration = JSON.parse(client.prepare_register(identifier, password));
  const { prepared, salt, user } = login(registration);
  const key = user.get_user_keys()[0];
  const plain = Buffer.from("what the client wrote");
  const public_handle = JSON.stringify({
    public_key_pem: registration.group.public_group_key,
    public_key_alg: registration.group.keypair_encrypt_alg,
    public_key_id: "key-1",
  });
  const sym = client.encrypt_raw_symmetric(key.group_key, plain, "");
  const asym = client.encrypt_raw_asymmetric(public_handle, plain, "");
  const signed = client.encrypt_raw_symmetric(key.group_key, plain, user.get_device_sign_key());
  writeFileSync(out, JSON.stringify({
    identifier, password, salt,
    login: JSON.parse(prepared.get_auth_key()),
    registration,
    plain: plain.toString(),
    sym: base64(sym.get_data()), sym_head: sym.get_head(),
    asym: base64(asym.get_data()), asym_head: asym.get_head(),
    signed: base64(signed.get_data()), signed_head: signed.get_head(),
  }, null, 2) + "\n");
}
