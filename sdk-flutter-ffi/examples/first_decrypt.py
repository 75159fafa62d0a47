"""From install to the first decrypt, in Python. Usage: first_decrypt.py LIBRARY HEADER URL PUBLIC_TOKEN SECRET_TOKEN"""

import json
import pathlib
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
library, header, url, public_token, secret_token = sys.argv[1:]

# doc: start
from keystead import Keystead, KeysteadError  # noqa: E402

keystead = Keystead(library, header)
client = keystead.client_new(url, public_token)
# doc: end


def api(method, path, body=None, token=public_token, jwt=None):
    """One request to the key API, with whatever your program sends requests with."""
    headers = {"x-sentc-app-token": token, "content-type": "application/json"}
    if jwt:
        headers["authorization"] = f"Bearer {jwt}"
    request = urllib.request.Request(f"{url}/api/v1{path}", body and body.encode(), headers, method=method)
    try:
        return urllib.request.urlopen(request).read().decode()
    except urllib.error.HTTPError as refused:
        return refused.read().decode()


def through_own_backend():
    name, password = keystead.generate_user_register_data()
    # doc: own backend
    body = keystead.prepare_register(name, password)  # on the client; send it to your backend
    answer = api("POST", "/register", body, token=secret_token)  # in your backend, with the secret token
    user_id = keystead.done_register(answer)  # on the client, with the answer
    # doc: end
    return name, password, user_id


def whole_flows():
    name, password, _ = through_own_backend()
    other, other_password = keystead.generate_user_register_data()
    # doc: first decrypt
    bob_id = keystead.client_register(client, other, other_password)
    alice = keystead.client_login(client, name, password)
    group_id = keystead.session_create_group(alice)
    group = keystead.session_get_group(alice, group_id)
    keystead.net_group_invite(group, bob_id, -1)
    keys, me = keystead.net_group_data(group), keystead.session_user(alice)
    letter = keystead.encrypt_string(keys, None, "hello bob", None, me)

    bob = keystead.client_login(client, other, other_password)
    keystead.session_accept_group_invite(bob, group_id)
    his = keystead.session_get_group(bob, group_id)
    text = keystead.net_group_decrypt_string_verified(his, letter, keystead.user_id(me))
    # doc: end
    assert text == "hello bob"
    files(group, his)
    refresh(alice)
    try:
        keystead.client_login(client, name, "another password")
        raise AssertionError("a wrong password")
    except KeysteadError as error:
        assert error.server_code == 112, error
    keystead.session_logout(alice)
    return name, password, group_id, letter


def files(group, his):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        source, copy = f"{folder}/a.bin", f"{folder}/b.bin"
        pathlib.Path(source).write_bytes(bytes(range(256)) * 20_000)
        # doc: files
        file_id = keystead.net_group_create_file(group, source, "a.bin", False)
        name = keystead.net_group_download_file(his, file_id, copy, None)
        # doc: end
        assert name == "a.bin"
        assert pathlib.Path(copy).read_bytes() == pathlib.Path(source).read_bytes()


def refresh(alice):
    # doc: refresh by the library
    if keystead.jwt_needs_refresh(keystead.session_jwt(alice), int(time.time())):
        keystead.session_refresh_jwt(alice)
    # doc: end
    jwt = keystead.session_jwt(alice)
    # doc: refresh by your backend
    body = keystead.prepare_refresh(keystead.session_refresh_token(alice))  # your backend has the token in a cookie
    answer = api("PUT", "/refresh", body, jwt=jwt)  # your backend, with the old JWT
    keystead.session_set_jwt(alice, json.loads(keystead.done_refresh(answer))["jwt"])
    # doc: end
    keystead.session_get_groups(alice)


def step_by_step(name, password, group_id, letter):
    """The same login and group without the library's network."""
    # doc: prepare and done
    answer = api("POST", "/prepare_login", keystead.prepare_login_start(name))
    body, start = keystead.prepare_login(name, password, answer)
    step, login, user = keystead.done_login(start, api("POST", "/done_login", body))
    if step == 1:  # a second factor
        body = keystead.prepare_validate_mfa(start, input("code: "))
        login = keystead.done_validate_mfa(start, api("POST", "/validate_mfa", body))
    body = keystead.prepare_verify_login(start, login)
    user = keystead.done_verify_login(login, api("POST", "/verify_login", body))

    pins = keystead.pins_new(False)
    keystead.pins_pin_own(pins, user)
    answer = api("GET", f"/group/{group_id}", jwt=keystead.user_jwt(user))
    group = keystead.done_get_group(answer, user, None, pins)
    text = keystead.decrypt_string(group, None, letter, None, None)
    # doc: end
    assert text == "hello bob"
    created = keystead.done_create_group(
        api("POST", "/group", keystead.prepare_create_group(user, True), jwt=keystead.user_jwt(user))
    )
    assert created != group_id
    return user


step_by_step(*whole_flows())
client.close()
print("decrypted")
