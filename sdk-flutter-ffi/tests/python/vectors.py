"""The cross vectors through ctypes: every output made again, everything encrypted opened. Usage: LIBRARY HEADER VECTORS"""

import base64
import json
import sys

sys.path.insert(0, __file__.rsplit("/tests/", 1)[0] + "/python")
from keystead import SERVER, Keystead, KeysteadError  # noqa: E402

library, header, path = sys.argv[1:]
ks = Keystead(library, header)
with open(path, encoding="utf-8") as file:
    vectors = json.load(file)
world = vectors["world"]

_, start = ks.prepare_login(world["identifier"], world["password"], world["prepare_login_answer"])
step, login, _ = ks.done_login(start, world["done_login_answer"])
assert step == 0
alice = ks.done_verify_login(ks.done_login(start, world["done_login_answer"])[1], world["verify_login_answer"])
pins = ks.pins_import(world["pins"])
group = ks.done_get_group(world["get_group_answer"], alice, None, pins)
public = ks.public_key(world["public_key_answer"], pins, world["user_id"])
verify_key = ks.user_verify_key(alice)
b64 = lambda data: base64.b64encode(data).decode()  # noqa: E731


def signer(args):
    return alice if args["sign"] else None


def text(args):
    made = ks.encrypt_string(group, None, args["text"], args["aad"], signer(args))
    assert ks.decrypt_string(group, None, made, args["aad"], verify_key if args["sign"] else None) == args["text"]
    return made


def sealed(args):
    made = ks.encrypt_string_asymmetric(public, args["text"], signer(args))
    assert ks.decrypt_string_asymmetric(None, alice, made, verify_key if args["sign"] else None) == args["text"]
    return made


def part(args):
    key = ks.key_import(args["key"])
    made, following = ks.encrypt_file_part(key, base64.b64decode(args["plain"]), signer(args))
    plain, again = ks.decrypt_file_part(key, made, verify_key if args["sign"] else None)
    assert b64(plain) == args["plain"] and ks.key_export(again) == ks.key_export(following)
    return {"part": b64(made), "next": ks.key_export(following)}


def sym_key(_):
    wrapped, key = ks.make_non_registered_sym_key(group, None)
    assert ks.key_export(ks.open_sym_key(wrapped, group, None)) == ks.key_export(key)
    return {"wrapped": wrapped, "key": ks.key_export(key)}


def value(args):
    place = (args["namespace"], args["entity_id"], args["attribute"])
    made = ks.seal_value(group, None, *place, args["json"])
    assert ks.open_value(group, None, *place, made) == args["json"]
    assert made.startswith(f"ks1:{ks.sealed_key_id(made)}:")
    return made


CALLS = {
    "prepare_register": lambda a: ks.prepare_register(a["identifier"], a["password"]),
    "prepare_register_with": lambda a: ks.prepare_register_with(a["asym"], a["sign"], a["identifier"], a["password"]),
    "prepare_register_light": lambda a: ks.prepare_register_light(a["identifier"], a["password"]),
    "generate_user_register_data": lambda a: list(ks.generate_user_register_data()),
    "prepare_register_device_start": lambda a: ks.prepare_register_device_start(a["identifier"], a["password"]),
    "done_register": lambda a: ks.done_register(a["answer"]),
    "prepare_login_start": lambda a: ks.prepare_login_start(a["identifier"]),
    "prepare_login": lambda a: ks.prepare_login(
        world["identifier"], world["password"], a.get("answer", world["prepare_login_answer"])
    )[0],
    "prepare_verify_login": lambda a: ks.prepare_verify_login(start, login),
    "prepare_change_password": lambda a: ks.prepare_change_password(start, login, a["new_password"], a["refresh_token"]),
    "prepare_reset_password": lambda a: ks.prepare_reset_password(alice, a["new_password"], None),
    "prepare_create_group": lambda a: ks.prepare_create_group(alice, a["sign"]),
    "prepare_create_child_group": lambda a: ks.prepare_create_child_group(group, alice, a["sign"]),
    "prepare_group_keys_for_new_member": lambda a: ks.prepare_group_keys_for_new_member(group, public, a["rank"])[0],
    "prepare_key_rotation": lambda a: ks.prepare_key_rotation(group, alice, None, a["sign"]),
    "prepare_user_key_rotation": lambda a: ks.prepare_user_key_rotation(alice),
    "make_non_registered_sym_key": sym_key,
    "create_safety_number": lambda a: ks.create_safety_number(verify_key, world["user_id"], None, None),
    "fingerprint": lambda a: ks.public_key_fingerprint(public),
    "create_search_raw": lambda a: json.loads(ks.create_search_raw(group, a["text"], a["full"], 0)),
    "search": lambda a: ks.search(group, a["text"]),
    "encrypt_sortable_number_raw": lambda a: str(ks.encrypt_sortable_number_raw(group, a["number"])),
    "encrypt_sortable_string_raw": lambda a: str(ks.encrypt_sortable_string_raw(group, a["text"])),
    "encrypt_string": text,
    "encrypt": lambda a: b64(ks.encrypt(group, None, base64.b64decode(a["plain"]), b"", None)),
    "encrypt_string_asymmetric": sealed,
    "seal_value": value,
    "open_value": lambda a: ks.open_value(group, None, a["namespace"], a["entity_id"], a["attribute"], a["sealed"]),
    "search_value": lambda a: ks.search_value(group, None, a["namespace"], a["attribute"], a["text"]),
    "prepare_register_file": lambda a: ks.prepare_register_file(
        a["wrapped"], ks.key_import(a["key"]), None, a["group_id"], a["name"], None
    ),
    "encrypt_file_part": part,
    "encrypt_file_name": lambda a: ks.encrypt_file_name(ks.key_import(a["key"]), a["name"], None),
    "decrypt_string": lambda a: ks.decrypt_string(
        group, None, a["content"], a["aad"], verify_key if a["verify"] else None
    ),
}

for case in vectors["cases"]:
    if case["seed"] is not None:
        ks.vectors_seed(case["seed"])
    made, wanted = CALLS[case["call"]](case["args"]), case["out"]
    if isinstance(wanted, dict) and wanted.get("next", "") is None:
        made["next"] = None
    assert made == wanted, f"{case['name']}: other output"

for case in vectors["errors"]:
    try:
        CALLS[case["call"]](case["args"])
    except KeysteadError as error:
        offset = SERVER if case["status"].startswith("server_") else 0
        assert (error.number - offset, error.status) == (case["code"], case["status"]), case["name"]
    else:
        raise AssertionError(f"{case['name']}: not refused")

npm = vectors["npm"]
body, start = ks.prepare_login_g03(npm["identifier"], npm["password"], npm["prepare_login_answer"])
assert body == npm["done_login_body"]
step, _, user = ks.done_login(start, npm["done_login_answer"])
assert step == 2 and ks.user_id(user) == npm["user_id"]
assert ks.decrypt_string(None, user, npm["content"], None, None) == npm["plain"]
assert ks.decrypt_string_asymmetric(None, user, npm["sealed"], None) == npm["plain"]
# A user who was saved is the same one.
again = ks.restore_user(ks.save_user(alice))
text = next(c for c in vectors["cases"] if c["name"] == "sealed")
assert ks.decrypt_string_asymmetric(None, again, text["out"], None) == text["args"]["text"]
print(f"{len(vectors['cases'])} cases, {len(vectors['errors'])} errors")
