/* As much JSON as the vectors need: a tree of values, read once and freed at the end. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Json {
  char kind; /* '{' '[' '"' or 'x' for numbers, true, false, null (text holds it) */
  char *key, *text;
  struct Json *first, *next;
} Json;

static char *json_read_string(const char **at) {
  const char *p = *at + 1;
  char *out = malloc(strlen(p) + 1), *to = out;
  while (*p != '"') {
    if (*p != '\\') { *to++ = *p++; continue; }
    p++;
    if (*p == 'u') {
      unsigned code;
      sscanf(p + 1, "%4x", &code);
      p += 5;
      if (code < 0x80) *to++ = (char)code;
      else if (code < 0x800) { *to++ = (char)(0xc0 | code >> 6); *to++ = (char)(0x80 | (code & 63)); }
      else { *to++ = (char)(0xe0 | code >> 12); *to++ = (char)(0x80 | (code >> 6 & 63)); *to++ = (char)(0x80 | (code & 63)); }
      continue;
    }
    *to++ = *p == 'n' ? '\n' : *p == 't' ? '\t' : *p == 'r' ? '\r' : *p == 'b' ? '\b' : *p == 'f' ? '\f' : *p;
    p++;
  }
  *to = 0;
  *at = p + 1;
  return realloc(out, (size_t)(to - out) + 1);
}

static void json_space(const char **at) { *at += strspn(*at, " \n\r\t,:"); }

static Json *json_read(const char **at) {
  json_space(at);
  Json *value = calloc(1, sizeof *value);
  value->kind = **at;
  if (**at == '"') {
    value->text = json_read_string(at);
  } else if (**at == '{' || **at == '[') {
    char end = **at == '{' ? '}' : ']';
    Json **slot = &value->first;
    ++*at;
    for (json_space(at); **at != end; json_space(at)) {
      char *key = end == '}' ? json_read_string(at) : NULL;
      *slot = json_read(at);
      (*slot)->key = key;
      slot = &(*slot)->next;
    }
    ++*at;
  } else {
    size_t len = strcspn(*at, ",}] \n\r\t");
    value->kind = 'x';
    value->text = calloc(1, len + 1);
    memcpy(value->text, *at, len);
    *at += len;
  }
  return value;
}

static void json_free(Json *value) {
  while (value) {
    Json *next = value->next;
    json_free(value->first);
    free(value->key);
    free(value->text);
    free(value);
    value = next;
  }
}

static Json *json_get(const Json *object, const char *key) {
  for (Json *v = object ? object->first : NULL; v; v = v->next)
    if (v->key && !strcmp(v->key, key)) return v;
  fprintf(stderr, "the vectors have no %s\n", key);
  exit(2);
}

/* The text of a field; NULL for null. */
static const char *json_text(const Json *object, const char *key) {
  Json *v = json_get(object, key);
  return v->kind == 'x' && !strcmp(v->text, "null") ? NULL : v->text;
}

static bool json_true(const Json *object, const char *key) { return !strcmp(json_get(object, key)->text, "true"); }

static size_t base64(const char *text, unsigned char *out) {
  static const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t n = 0;
  unsigned bits = 0, held = 0;
  for (; *text && *text != '='; text++) {
    bits = bits << 6 | (unsigned)(strchr(digits, *text) - digits);
    if ((held += 6) >= 8) out[n++] = (unsigned char)(bits >> (held -= 8));
  }
  return n;
}
