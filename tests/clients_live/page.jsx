// A small front end, as its authors write them: a query, a write, who else is there.

import { init } from '@instantdb/react';
import { createRoot } from 'react-dom/client';

const { appId, apiURI, websocketURI, name } = window.page;
const db = init({ appId, apiURI, websocketURI, devtool: false });
const room = db.room('page', 'lobby');
window.add = (text) => db.transact(db.tx.messages[crypto.randomUUID()].update({ text }));

function Page() {
  const { isLoading, error, data } = db.useQuery({ messages: {} });
  db.rooms.useSyncPresence(room, { name });
  const { peers } = db.rooms.usePresence(room);
  if (isLoading) return <p id="state">loading</p>;
  if (error) return <p id="state">{error.message}</p>;
  return (
    <>
      <p id="state">ready</p>
      <ul>{data.messages.map((m) => <li key={m.id}>{m.text}</li>)}</ul>
      <p id="peers">{Object.values(peers).map((p) => p.name).sort().join(',')}</p>
    </>
  );
}

createRoot(document.getElementById('root')).render(<Page />);
