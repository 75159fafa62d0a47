// What the tests of live clients share: the server's address, waiting, an unreliable line to the server.

import assert from 'node:assert/strict';
import net from 'node:net';

export const url = process.env.KEYSTEAD_URL ?? '';
export const appId = process.env.KEYSTEAD_APP_ID ?? '';
export const adminToken = process.env.KEYSTEAD_ADMIN_TOKEN ?? '';
assert.ok(url && appId && adminToken, 'run by `cargo xtask test`: the address and tokens come from there');

/** The socket's address below an HTTP address. */
export const socketOf = (http) => http.replace(/^http/, 'ws') + '/runtime/session';

/** Waits until `condition` gives something true, and gives that. */
export async function until(condition, what, ms = 20_000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < end, `waited in vain for: ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** A line to the server that can be cut: `cut()` drops all connections and takes no more, `mend()` takes them again. */
export async function line() {
  const target = new URL(url);
  const open = new Set();
  let whole = true;
  const server = net.createServer((client) => {
    if (!whole) return client.destroy();
    const upstream = net.connect(Number(target.port), target.hostname);
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      open.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  server.unref();
  const cut = () => {
    whole = false;
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut,
    mend: () => {
      whole = true;
    },
    close: () => {
      cut();
      server.close();
    },
  };
}

/** A storage in memory, as `@instantdb/core` wants one outside of browsers. */
export class MemoryStorage {
  #items = new Map();
  async getItem(key) {
    return this.#items.get(key) ?? null;
  }
  async removeItem(key) {
    this.#items.delete(key);
  }
  async multiSet(pairs) {
    for (const [key, value] of pairs) this.#items.set(key, value);
  }
  async getAllKeys() {
    return [...this.#items.keys()];
  }
}

/** A network that is always there. */
export const online = { getIsOnline: async () => true, listen: () => () => {} };
