// What `@instantdb/core` looks for to know that it runs at a front end. To be imported before it.

import WebSocket from 'ws';

globalThis.window = globalThis;
globalThis.WebSocket = WebSocket;
globalThis.addEventListener ??= () => {};
globalThis.removeEventListener ??= () => {};
// Tabs of one browser tell each other of logins; there are none here, and an open channel keeps Node running.
globalThis.BroadcastChannel = undefined;
