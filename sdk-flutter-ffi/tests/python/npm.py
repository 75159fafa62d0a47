"""Reads what the npm client made, and answers. Usage: LIBRARY HEADER URL TOKEN IDENTIFIER PASSWORD GROUP TEXT; prints the answer."""

import sys

sys.path.insert(0, __file__.rsplit("/tests/", 1)[0] + "/python")
from keystead import Keystead  # noqa: E402

library, header, url, token, identifier, password, group_id, text = sys.argv[1:]
ks = Keystead(library, header)
client = ks.client_new(url, token)
user = ks.client_login_g03(client, identifier, password)
keys = ks.net_group_data(ks.session_get_group(user, group_id))
plain = ks.decrypt_string(keys, None, text, None, None)
print(ks.encrypt_string(keys, None, f"{plain}, read", None, None), end="")
client.close()
