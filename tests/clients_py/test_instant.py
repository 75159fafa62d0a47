"""Drives the unmodified Python client of Instant against a running server: python -m unittest test_instant."""

import asyncio
import io
import os
import unittest
import urllib.parse
import urllib.request

from instantdb import AsyncInstant, Instant, InstantAPIError, id, lookup

APP = {
    "app_id": os.environ["KEYSTEAD_DATA_APP"],
    "admin_token": os.environ["KEYSTEAD_DATA_ADMIN_TOKEN"],
    "api_uri": os.environ["KEYSTEAD_URL"],
}
WAIT_S = 20


def address():
    return f"{id()}@example.com"


class Blocking(unittest.TestCase):
    def setUp(self):
        self.db = Instant(**APP)
        self.addCleanup(self.db.close)

    def refused(self, kind, call):
        with self.assertRaises(InstantAPIError) as caught:
            call()
        self.assertEqual((caught.exception.status, caught.exception.body["type"]), (400, kind))

    def test_writes_and_reads(self):
        db, goal, todo = self.db, id(), id()
        done = db.transact([
            db.tx.pytodos[todo].create({"title": "Go on a run", "done": False}),
            db.tx.pygoals[goal].update({"title": "Get fit", "rank": 1}).link({"pytodos": todo}),
        ])
        self.assertGreater(done["tx-id"], 0)
        found = db.query({"pygoals": {"$": {"where": {"pytodos.title": "Go on a run"}}, "pytodos": {}}})
        todos = [{"id": todo, "title": "Go on a run", "done": False}]
        self.assertEqual(found, {"pygoals": [{"id": goal, "title": "Get fit", "rank": 1, "pytodos": todos}]})
        db.transact(db.tx.pygoals[goal].merge({"meta": {"a": 1, "b": 2}}))
        db.transact(db.tx.pygoals[goal].merge({"meta": {"b": None}}).unlink({"pytodos": todo}))
        found = db.query({"pygoals": {"pytodos": {}}})["pygoals"][0]
        self.assertEqual((found["meta"], found["pytodos"]), ({"a": 1}, []))
        self.refused("validation-failed", lambda: db.transact(db.tx.pygoals[goal].create({"title": "twice"})))
        db.transact([db.tx.pygoals[goal].delete(), db.tx.pytodos[todo].delete()])
        self.assertEqual(db.query({"pygoals": {}, "pytodos": {}}), {"pygoals": [], "pytodos": []})

    def test_lookups(self):
        db = self.db
        for age in (1, 2):
            db.transact(db.tx.pypeople[lookup("email", "a@b.co")].update({"age": age}))
        found = db.query({"pypeople": {"$": {"where": {"email": "a@b.co"}}}})["pypeople"]
        self.assertEqual([person["age"] for person in found], [2])

    def test_users(self):
        auth, email = self.db.auth, address()
        user, created = auth.check_magic_code(email=email, code=auth.generate_magic_code(email))
        self.assertEqual((user["email"], created), (email, True))
        self.refused("record-not-found", lambda: auth.check_magic_code(email=email, code="000000"))
        token = auth.create_token(id=user["id"])
        self.assertEqual(auth.verify_token(token)["id"], user["id"])
        self.assertEqual(auth.get_user(refresh_token=token)["email"], email)
        auth.sign_out(refresh_token=token)
        self.refused("record-not-found", lambda: auth.verify_token(token))
        self.assertEqual(auth.delete_user(email=email)["id"], user["id"])
        self.assertIsNone(auth.get_user(id=user["id"]))

    def test_impersonation(self):
        db, email, note = self.db, address(), id()
        token = db.auth.create_token(email=email)
        db.transact(db.tx.pynotes[note].update({"owner": email}))
        rules = {"pynotes": {"allow": {"view": "auth.email == data.owner", "update": "false"}}}
        for user in (db.as_user(email=email), db.as_user(token=token)):
            told = user.debug_query({"pynotes": {}}, rules=rules)
            self.assertEqual([found["id"] for found in told["result"]["pynotes"]], [note])
            told = user.debug_transact(user.tx.pynotes[note].update({"owner": "x"}), rules=rules)
            self.assertFalse(told["all-checks-ok?"])
        guest = db.as_user(guest=True).debug_query({"pynotes": {}}, rules=rules)
        self.assertEqual(guest["result"]["pynotes"], [])

    def test_files_and_rooms(self):
        path = f"python/{id()}.txt"
        stored = self.db.storage.upload_file(path, io.BytesIO(b"from Python"), content_type="text/plain")
        file = self.db.query({"$files": {"$": {"where": {"path": path}}}})["$files"][0]
        self.assertEqual((file["id"], file["content-type"]), (stored["data"]["id"], "text/plain"))
        # It names the address that the server is configured to have outside.
        link = urllib.parse.urlsplit(file["url"])
        with urllib.request.urlopen(f"{APP['api_uri']}{link.path}?{link.query}") as answer:
            self.assertEqual(answer.read(), b"from Python")
        self.assertEqual(self.db.rooms.get_presence("chat", "nobody-is-here"), {})

    def test_a_wrong_token(self):
        with Instant(**{**APP, "admin_token": id()}) as db:
            self.refused("record-not-found", lambda: db.query({"pynotes": {}}))


class Asynchronous(unittest.IsolatedAsyncioTestCase):
    async def test_live_query(self):
        async with AsyncInstant(**APP) as db:
            item = id()
            async with db.subscribe_query({"pylive": {}}) as live:
                first = await asyncio.wait_for(anext(live), WAIT_S)
                self.assertEqual((first["type"], first["data"]), ("ok", {"pylive": []}))
                await db.transact(db.tx.pylive[item].update({"n": 1}))
                second = await asyncio.wait_for(anext(live), WAIT_S)
                self.assertEqual(second["data"], {"pylive": [{"id": item, "n": 1}]})


if __name__ == "__main__":
    unittest.main()
