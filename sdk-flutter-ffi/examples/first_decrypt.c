/* From install to the first decrypt, in C. Usage: first_decrypt URL PUBLIC_TOKEN
   cc first_decrypt.c -I include -L . -lkeystead_ffi -lpthread; the app has the preset `lax`. */
#include "../include/keystead.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// doc: wait
/* One call of the network, waited for. */
typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t done;
  int ready;
  int32_t error;
  char *text;
  void *handle;
} Answer;

static void called_back(void *context, int32_t error, char *text, void *handle) {
  Answer *answer = context;
  pthread_mutex_lock(&answer->lock);
  answer->error = error;
  answer->text = text;
  answer->handle = handle;
  answer->ready = 1;
  pthread_cond_signal(&answer->done);
  pthread_mutex_unlock(&answer->lock);
}

#define NEW_ANSWER {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, NULL, NULL}

static Answer wait_for(Answer *answer) {
  pthread_mutex_lock(&answer->lock);
  while (!answer->ready) pthread_cond_wait(&answer->done, &answer->lock);
  pthread_mutex_unlock(&answer->lock);
  Answer got = *answer;
  answer->ready = 0;
  if (got.error) {
    fprintf(stderr, "%s: %s\n", keystead_error_message(got.error), got.text);
    exit(1);
  }
  return got;
}
// doc: end

static void must(int32_t error) {
  if (error) {
    fprintf(stderr, "%d: %s\n", error, keystead_last_error());
    exit(1);
  }
}

static char *text_of(Answer *answer) { return wait_for(answer).text; }

static void *handle_of(Answer *answer) {
  Answer got = wait_for(answer);
  keystead_string_free(got.text);
  return got.handle;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  const char *url = argv[1], *token = argv[2];
  Answer answer = NEW_ANSWER;
  char *alice_name = NULL, *bob_name = NULL, *password = NULL, *bob_password = NULL;
  must(keystead_generate_user_register_data(&alice_name, &password));
  must(keystead_generate_user_register_data(&bob_name, &bob_password));

  // doc: own backend
  char *body = NULL;
  must(keystead_prepare_register(alice_name, password, &body)); /* send it to your backend … */
  // doc: end
  keystead_string_free(body);

  // doc: first decrypt
  KeysteadClient *client = NULL;
  must(keystead_client_new(url, token, &client));
  must(keystead_client_register(client, alice_name, password, called_back, &answer));
  char *alice_id = text_of(&answer);
  must(keystead_client_register(client, bob_name, bob_password, called_back, &answer));
  char *bob_id = text_of(&answer);

  must(keystead_client_login(client, alice_name, password, called_back, &answer));
  KeysteadSession *alice = handle_of(&answer);
  must(keystead_session_create_group(alice, called_back, &answer));
  char *group_id = text_of(&answer);
  must(keystead_session_get_group(alice, group_id, called_back, &answer));
  KeysteadNetGroup *group = handle_of(&answer);
  must(keystead_net_group_invite_auto(group, bob_id, -1, called_back, &answer));
  keystead_string_free(text_of(&answer));

  KeysteadGroup *keys = NULL;
  KeysteadUser *me = NULL;
  char *letter = NULL;
  must(keystead_net_group_data(group, &keys));
  must(keystead_session_user(alice, &me));
  must(keystead_encrypt_string(keys, NULL, "hello bob", NULL, me, &letter));

  must(keystead_client_login(client, bob_name, bob_password, called_back, &answer));
  KeysteadSession *bob = handle_of(&answer);
  must(keystead_session_get_group(bob, group_id, called_back, &answer));
  KeysteadNetGroup *his = handle_of(&answer);
  must(keystead_net_group_decrypt_string_verified(his, letter, alice_id, called_back, &answer));
  char *text = text_of(&answer);
  // doc: end
  int same = !strcmp(text, "hello bob");

  // doc: refresh
  must(keystead_session_refresh_jwt(alice, called_back, &answer)); /* by the library … */
  char *jwt = text_of(&answer);
  must(keystead_session_set_jwt(alice, jwt)); /* … or you refresh it yourself, and put it in place */
  // doc: end

  /* A call that the end of the client cuts off is called back all the same. */
  Answer last = NEW_ANSWER;
  must(keystead_session_logout(bob, called_back, &last));
  keystead_client_free(client);
  pthread_mutex_lock(&last.lock);
  while (!last.ready) pthread_cond_wait(&last.done, &last.lock);
  pthread_mutex_unlock(&last.lock);
  if (last.error && last.error != KEYSTEAD_CANCELLED) same = 0;

  char *texts[] = {alice_name, bob_name, password, bob_password, alice_id, bob_id, group_id, letter, text, jwt, last.text};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) keystead_string_free(texts[i]);
  keystead_user_free(me);
  keystead_group_free(keys);
  keystead_net_group_free(his);
  keystead_net_group_free(group);
  keystead_session_free(bob);
  keystead_session_free(alice);
  puts(same ? "decrypted" : "failed");
  return !same;
}
