/* The cross vectors (tests/vectors/sdk.json) through the C ABI: every output is made again byte for byte, everything
   encrypted is opened, every error has its number. Run under valgrind by tests/e2e/ffi.rs. Usage: vectors FILE */
#define KEYSTEAD_VECTORS
#include "../../include/keystead.h"
#include "json.h"

static int failures, cases;

#define OK(call)                                                                            \
  do {                                                                                      \
    int32_t error_ = (call);                                                                \
    if (error_) { fprintf(stderr, "%s:%d: %d %s\n", #call, __LINE__, error_, keystead_last_error()); failures++; } \
  } while (0)

static void same(const char *name, char *made, const char *wanted) {
  cases++;
  if (!made || strcmp(made, wanted)) {
    fprintf(stderr, "%s: made %.60s…, wanted %.60s…\n", name, made ? made : "(null)", wanted);
    failures++;
  }
  keystead_string_free(made);
}

static void same_bytes(const char *name, uint8_t *made, size_t len, const char *wanted) {
  unsigned char *bytes = malloc(strlen(wanted) + 1);
  size_t n = base64(wanted, bytes);
  cases++;
  if (n != len || memcmp(bytes, made, n)) { fprintf(stderr, "%s: other bytes\n", name); failures++; }
  free(bytes);
  keystead_bytes_free(made, len);
}

typedef struct {
  KeysteadLoginStart *start;
  KeysteadLogin *login;
  KeysteadUser *alice;
  KeysteadPins *pins;
  KeysteadGroup *group;
  KeysteadPublicKey *public_key;
  char *verify_key;
} World;

static World open_world(const Json *w) {
  World o = {0};
  char *text = NULL;
  int32_t step = -1;
  KeysteadLogin *used = NULL;
  KeysteadUser *none = NULL;
  const char *name = json_text(w, "identifier"), *password = json_text(w, "password");
  OK(keystead_prepare_login(name, password, json_text(w, "prepare_login_answer"), &text, &o.start));
  keystead_string_free(text);
  OK(keystead_done_login(o.start, json_text(w, "done_login_answer"), &step, &used, &none));
  OK(keystead_done_login(o.start, json_text(w, "done_login_answer"), &step, &o.login, &none));
  if (step != KEYSTEAD_LOGIN_CHALLENGE) failures++;
  KeysteadChallenges *challenges = NULL;
  OK(keystead_challenges_new(&challenges));
  OK(keystead_challenges_answer(challenges, used));
  if (keystead_challenges_answer(challenges, o.login) != 117) { fprintf(stderr, "a challenge was answered twice\n"); failures++; }
  keystead_challenges_free(challenges);
  OK(keystead_done_verify_login(used, json_text(w, "verify_login_answer"), &o.alice));
  if (keystead_done_verify_login(used, json_text(w, "verify_login_answer"), &none) != KEYSTEAD_ARGUMENT) failures++;
  keystead_login_free(used);
  OK(keystead_pins_import(json_text(w, "pins"), &o.pins));
  OK(keystead_done_get_group(json_text(w, "get_group_answer"), o.alice, NULL, o.pins, &o.group));
  OK(keystead_group_require_signed_keys(o.group));
  OK(keystead_public_key(json_text(w, "public_key_answer"), o.pins, json_text(w, "user_id"), &o.public_key));
  OK(keystead_user_verify_key(o.alice, &o.verify_key));
  return o;
}

static void close_world(World *o) {
  keystead_login_start_free(o->start);
  keystead_login_free(o->login);
  keystead_user_free(o->alice);
  keystead_pins_free(o->pins);
  keystead_group_free(o->group);
  keystead_public_key_free(o->public_key);
  keystead_string_free(o->verify_key);
}

static void run_case(const World *o, const Json *world, const Json *c) {
  const char *name = json_text(c, "name"), *call = json_text(c, "call"), *seed = json_text(c, "seed");
  const Json *args = json_get(c, "args"), *out = json_get(c, "out");
  const char *wanted = out->text;
  char *text = NULL, *further = NULL;
  KeysteadKey *key = NULL, *next = NULL;
  if (seed) OK(keystead_vectors_seed(strtoull(seed, NULL, 10)));
#define IS(x) (!strcmp(call, x))
#define A(x) json_text(args, x)
  if (IS("prepare_register")) OK(keystead_prepare_register(A("identifier"), A("password"), &text));
  else if (IS("prepare_register_with"))
    OK(keystead_prepare_register_with(A("asym"), A("sign"), A("identifier"), A("password"), &text));
  else if (IS("prepare_register_light")) OK(keystead_prepare_register_light(A("identifier"), A("password"), &text));
  else if (IS("generate_user_register_data")) {
    OK(keystead_generate_user_register_data(&text, &further));
    same(name, further, out->first->next->text);
    further = NULL;
    wanted = out->first->text;
  } else if (IS("prepare_register_device_start"))
    OK(keystead_prepare_register_device_start(A("identifier"), A("password"), &text));
  else if (IS("done_register")) OK(keystead_done_register(A("answer"), &text));
  else if (IS("prepare_login_start")) OK(keystead_prepare_login_start(A("identifier"), &text));
  else if (IS("prepare_login")) {
    KeysteadLoginStart *start = NULL;
    OK(keystead_prepare_login(json_text(world, "identifier"), json_text(world, "password"),
                              json_text(world, "prepare_login_answer"), &text, &start));
    keystead_login_start_free(start);
  } else if (IS("prepare_verify_login")) OK(keystead_prepare_verify_login(o->start, o->login, &text));
  else if (IS("prepare_change_password"))
    OK(keystead_prepare_change_password(o->start, o->login, A("new_password"), A("refresh_token"), &text));
  else if (IS("prepare_reset_password")) OK(keystead_prepare_reset_password(o->alice, A("new_password"), NULL, &text));
  else if (IS("prepare_create_group")) OK(keystead_prepare_create_group(o->alice, json_true(args, "sign"), &text));
  else if (IS("prepare_create_child_group"))
    OK(keystead_prepare_create_child_group(o->group, o->alice, json_true(args, "sign"), &text));
  else if (IS("prepare_group_keys_for_new_member"))
    OK(keystead_prepare_group_keys_for_new_member(o->group, o->public_key, atoi(A("rank")), &text, &further));
  else if (IS("prepare_key_rotation"))
    OK(keystead_prepare_key_rotation(o->group, o->alice, NULL, json_true(args, "sign"), &text));
  else if (IS("prepare_user_key_rotation")) OK(keystead_prepare_user_key_rotation(o->alice, &text));
  else if (IS("make_non_registered_sym_key")) {
    OK(keystead_make_non_registered_sym_key(o->group, NULL, &text, &key));
    OK(keystead_key_export(key, &further));
    same(name, further, json_text(out, "key"));
    further = NULL;
    OK(keystead_open_sym_key(text, o->group, NULL, &next));
    wanted = json_text(out, "wrapped");
  } else if (IS("create_safety_number"))
    OK(keystead_create_safety_number(o->verify_key, json_text(world, "user_id"), NULL, NULL, &text));
  else if (IS("fingerprint")) OK(keystead_public_key_fingerprint(o->public_key, &text));
  else if (IS("create_search_raw")) {
    OK(keystead_create_search_raw(o->group, A("text"), json_true(args, "full"), 0, &text));
    const char *at = text;
    Json *list = json_read(&at);
    for (Json *a = list->first, *b = out->first; a || b; a = a->next, b = b->next)
      if (!a || !b || strcmp(a->text, b->text)) { fprintf(stderr, "%s: other hashes\n", name); failures++; break; }
    json_free(list);
    wanted = text;
    char *copy = text;
    cases++;
    text = NULL;
    keystead_string_free(copy);
    return;
  } else if (IS("search")) OK(keystead_search(o->group, A("text"), &text));
  else if (IS("encrypt_sortable_number_raw") || IS("encrypt_sortable_string_raw")) {
    uint64_t number = 0;
    char shown[32];
    if (IS("encrypt_sortable_number_raw"))
      OK(keystead_encrypt_sortable_number_raw(o->group, strtoull(A("number"), NULL, 10), &number));
    else OK(keystead_encrypt_sortable_string_raw(o->group, A("text"), &number));
    snprintf(shown, sizeof shown, "%llu", (unsigned long long)number);
    cases++;
    if (strcmp(shown, wanted)) { fprintf(stderr, "%s: %s\n", name, shown); failures++; }
    return;
  } else if (IS("encrypt_string")) {
    bool sign = json_true(args, "sign");
    OK(keystead_encrypt_string(o->group, NULL, A("text"), A("aad"), sign ? o->alice : NULL, &text));
    OK(keystead_decrypt_string(o->group, NULL, wanted, A("aad"), sign ? o->verify_key : NULL, &further));
    same(name, further, A("text"));
    further = NULL;
  } else if (IS("encrypt")) {
    uint8_t plain[16], *made = NULL, *opened = NULL;
    size_t n = base64(A("plain"), plain), len = 0, opened_len = 0;
    OK(keystead_encrypt(o->group, NULL, plain, n, NULL, 0, NULL, &made, &len));
    OK(keystead_decrypt(o->group, NULL, made, len, NULL, 0, NULL, &opened, &opened_len));
    same_bytes(name, opened, opened_len, A("plain"));
    same_bytes(name, made, len, wanted);
    return;
  } else if (IS("encrypt_string_asymmetric")) {
    bool sign = json_true(args, "sign");
    OK(keystead_encrypt_string_asymmetric(o->public_key, A("text"), sign ? o->alice : NULL, &text));
    OK(keystead_decrypt_string_asymmetric(NULL, o->alice, wanted, sign ? o->verify_key : NULL, &further));
    same(name, further, A("text"));
    further = NULL;
  } else if (IS("seal_value")) {
    OK(keystead_seal_value(o->group, NULL, A("namespace"), A("entity_id"), A("attribute"), A("json"), &text));
    OK(keystead_open_value(o->group, NULL, A("namespace"), A("entity_id"), A("attribute"), wanted, &further));
    same(name, further, A("json"));
    OK(keystead_sealed_key_id(wanted, &further));
    if (!further || strncmp(wanted + 4, further, strlen(further))) { fprintf(stderr, "%s: another key\n", name); failures++; }
    keystead_string_free(further);
    further = NULL;
  } else if (IS("search_value"))
    OK(keystead_search_value(o->group, NULL, A("namespace"), A("attribute"), A("text"), &text));
  else if (IS("prepare_register_file")) {
    OK(keystead_key_import(A("key"), &key));
    OK(keystead_prepare_register_file(A("wrapped"), key, NULL, A("group_id"), A("name"), NULL, &text));
  } else if (IS("encrypt_file_part")) {
    uint8_t plain[64], *part = NULL, *opened = NULL;
    size_t n = base64(A("plain"), plain), len = 0, opened_len = 0;
    bool sign = json_true(args, "sign");
    KeysteadKey *again = NULL;
    OK(keystead_key_import(A("key"), &key));
    OK(keystead_encrypt_file_part(key, plain, n, sign ? o->alice : NULL, &part, &len, &next));
    OK(keystead_decrypt_file_part(key, part, len, sign ? o->verify_key : NULL, &opened, &opened_len, &again));
    same_bytes(name, opened, opened_len, A("plain"));
    same_bytes(name, part, len, json_text(out, "part"));
    if (json_text(out, "next")) {
      OK(keystead_key_export(again, &text));
      same(name, text, json_text(out, "next"));
    }
    keystead_key_free(again);
    keystead_key_free(key);
    keystead_key_free(next);
    return;
  } else if (IS("encrypt_file_name")) {
    OK(keystead_key_import(A("key"), &key));
    OK(keystead_encrypt_file_name(key, A("name"), NULL, &text));
  } else {
    fprintf(stderr, "nobody runs %s\n", call);
    failures++;
  }
  same(name, text, wanted);
  keystead_string_free(further);
  keystead_key_free(key);
  keystead_key_free(next);
}

static void run_error(const World *o, const Json *world, const Json *e) {
  const char *call = json_text(e, "call");
  const Json *args = json_get(e, "args");
  int32_t number = 0, wanted = atoi(json_text(e, "code"));
  char *text = NULL;
  if (!strncmp(json_text(e, "status"), "server_", 7)) wanted += KEYSTEAD_SERVER;
  if (IS("decrypt_string"))
    number = keystead_decrypt_string(o->group, NULL, A("content"), A("aad"), json_true(args, "verify") ? o->verify_key : NULL, &text);
  else if (IS("open_value"))
    number = keystead_open_value(o->group, NULL, A("namespace"), A("entity_id"), A("attribute"), A("sealed"), &text);
  else if (IS("done_register")) number = keystead_done_register(A("answer"), &text);
  else if (IS("prepare_login")) {
    KeysteadLoginStart *start = NULL;
    number = keystead_prepare_login(json_text(world, "identifier"), json_text(world, "password"), A("answer"), &text, &start);
    keystead_login_start_free(start);
  }
  cases++;
  if (number != wanted || text || !strstr(keystead_last_error(), json_text(e, "status"))) {
    fprintf(stderr, "%s: %d, wanted %d; %s\n", json_text(e, "name"), number, wanted, keystead_last_error());
    failures++;
  }
}

/* What the unmodified npm client made. */
static void run_npm(const Json *npm) {
  char *text = NULL;
  int32_t step = -1;
  KeysteadLoginStart *start = NULL;
  KeysteadLogin *none = NULL;
  KeysteadUser *user = NULL;
  OK(keystead_prepare_login_g03(json_text(npm, "identifier"), json_text(npm, "password"), json_text(npm, "prepare_login_answer"), &text, &start));
  same("npm login", text, json_text(npm, "done_login_body"));
  OK(keystead_done_login(start, json_text(npm, "done_login_answer"), &step, &none, &user));
  if (step != KEYSTEAD_LOGIN_DONE) failures++;
  OK(keystead_decrypt_string(NULL, user, json_text(npm, "content"), NULL, NULL, &text));
  same("npm content", text, json_text(npm, "plain"));
  OK(keystead_decrypt_string_asymmetric(NULL, user, json_text(npm, "sealed"), NULL, &text));
  same("npm sealed", text, json_text(npm, "plain"));
  keystead_user_free(user);
  keystead_login_start_free(start);
}

int main(int argc, char **argv) {
  FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  if (!file) { fprintf(stderr, "usage: vectors FILE\n"); return 2; }
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  char *all = calloc(1, (size_t)size + 1);
  if (fread(all, 1, (size_t)size, file) != (size_t)size) return 2;
  fclose(file);
  const char *at = all;
  Json *vectors = json_read(&at);
  const Json *world = json_get(vectors, "world");
  World open = open_world(world);
  if (failures) return 1;
  for (Json *c = json_get(vectors, "cases")->first; c; c = c->next) run_case(&open, world, c);
  for (Json *e = json_get(vectors, "errors")->first; e; e = e->next) run_error(&open, world, e);
  run_npm(json_get(vectors, "npm"));
  close_world(&open);
  json_free(vectors);
  free(all);
  printf("%d checks, %d failures\n", cases, failures);
  return failures != 0 || cases < 50;
}
