/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Strict JSON, and the field tables on a resource made for the purpose: every type, every flag. */
#include "daemon/api/fields.h"
#include "daemon/api/json.h"
#include "daemon/store/store.h"

#include <string.h>

static void
test_json (void)
{
  static const struct
  {
    const char *text;
    bool good;
  } rows[] = {
    { "{}", true },
    { " [1, -2, 3.5, 1e3, 0, -0.5E-2] ", true },
    { "{\"a\":{\"b\":[true,false,null]}}", true },
    { "\"\\u00e9\\n\\\"\\ud83d\\ude00\"", true },
    { "999999999999999999", true },
    { "", false },
    { " ", false },
    { "{", false },
    { "{}x", false },
    { "{}{}", false },
    { "{\"a\":1,}", false },
    { "[1,]", false },
    { "[,1]", false },
    { "{a:1}", false },
    { "{'a':1}", false },
    { "{\"a\":1 /* c */}", false },
    { "// c\n{}", false },
    { "{\"a\" 1}", false },
    { "{\"a\":1,\"a\":2}", false },
    { "{\"\\u0061\":1}", false },
    { "01", false },
    { "+1", false },
    { ".5", false },
    { "1.", false },
    { "1e", false },
    { "0x1", false },
    { "NaN", false },
    { "nul", false },
    { "1000000000000000000", false },
    { "\"\\u0000\"", false },
    { "\"\\ud800\"", false },
    { "\"\\udc00\"", false },
    { "\"\\x\"", false },
    { "\"a\nb\"", false },
    { "\"a", false },
    { "\"\xff\"", false },
    { "\xef\xbb\xbf{}", false },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      /* Not NUL-terminated, so that reading on would be seen. */
      size_t n = strlen (rows[i].text);
      g_autofree char *exact = n > 0 ? g_memdup2 (rows[i].text, n) : NULL;
      g_autoptr (GError) error = NULL;
      JsonNode *node = api_json_parse ((P2pSpan){ exact, n }, &error);

      g_test_message ("%s", rows[i].text);
      g_assert_cmpint (node != NULL, ==, rows[i].good);
      if (node)
        json_node_unref (node);
      else
        g_assert_error (error, API_ERROR, API_PROBLEM_MALFORMED);
    }
}

static void
test_json_depth (void)
{
  for (unsigned depth = 1; depth < 1000000; depth = depth * 4 + 3)
    {
      g_autofree char *text = g_strnfill (depth, '[');
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = api_json_parse (p2p_span_from_string (text), &error);

      g_assert_null (node);
    }
}

/* --- A resource made for the purpose ---------------------------------------------------------- */

typedef struct
{
  int64_t id;
  char *name, *secret, *written, *text;
  int64_t number, at;
  double ratio;
  bool flag;
  StoreRole role;
  char **words;
  GPtrArray *labels, *headers;
  GPtrArray *rows;
  int64_t inner;
} Thing;

typedef struct
{
  int64_t id;
  char *name;
} Row;

static void *
row_new (void)
{
  Row *row = g_new0 (Row, 1);

  row->name = g_strdup ("");
  return row;
}

static void
row_free (void *data)
{
  Row *row = data;

  g_free (row->name);
  g_free (row);
}

static void *
thing_new (void)
{
  Thing *thing = g_new0 (Thing, 1);

  thing->name = g_strdup ("");
  thing->secret = g_strdup ("");
  thing->written = g_strdup ("");
  thing->text = g_strdup ("default");
  thing->number = 5;
  thing->flag = true;
  thing->words = g_strsplit ("a,b", ",", -1);
  thing->labels = store_pairs_new ();
  thing->headers = store_pairs_new ();
  thing->rows = g_ptr_array_new_with_free_func (row_free);
  return thing;
}

static void
thing_free (void *data)
{
  Thing *thing = data;

  g_free (thing->name);
  g_free (thing->secret);
  g_free (thing->written);
  g_free (thing->text);
  g_strfreev (thing->words);
  g_ptr_array_unref (thing->labels);
  g_ptr_array_unref (thing->headers);
  g_ptr_array_unref (thing->rows);
  g_free (thing);
}

static const ApiField row_fields[] = {
  API_FIELD ("id", API_INT, API_READ_ONLY, offsetof (Row, id), .max = INT64_MAX),
  API_FIELD ("name", API_TEXT, API_REQUIRED, offsetof (Row, name), .min = 1, .max = 9),
  API_FIELD ("position", API_POSITION, API_READ_ONLY, 0),
};
static const ApiSchema row_schema = { row_fields, G_N_ELEMENTS (row_fields), row_new, row_free };
static const ApiField inner_fields[] = {
  API_FIELD ("inner", API_INT, 0, offsetof (Thing, inner), .max = 9),
};
static const ApiSchema inner_schema = { inner_fields, 1, thing_new, thing_free };
static const ApiField fields[] = {
  API_FIELD ("id", API_INT, API_READ_ONLY, offsetof (Thing, id), .max = INT64_MAX),
  API_FIELD ("name",
             API_TEXT,
             API_REQUIRED | API_IMMUTABLE,
             offsetof (Thing, name),
             .min = 1,
             .max = 9),
  API_FIELD ("secret", API_TEXT, API_SENSITIVE, offsetof (Thing, secret), .max = 99),
  API_FIELD ("written", API_TEXT, API_WRITE_ONLY, offsetof (Thing, written), .max = 99),
  API_FIELD ("text", API_TEXT, API_LINES, offsetof (Thing, text), .max = 99),
  API_FIELD ("number", API_INT, 0, offsetof (Thing, number), .min = 1, .max = 9),
  API_FIELD ("at", API_TIME, 0, offsetof (Thing, at)),
  API_FIELD ("ratio", API_NUMBER, 0, offsetof (Thing, ratio), .max = 1),
  API_FIELD ("flag", API_BOOL, 0, offsetof (Thing, flag)),
  API_FIELD ("role", API_ENUM, 0, offsetof (Thing, role), .words = store_role_words),
  API_FIELD ("words", API_TEXTS, 0, offsetof (Thing, words), .max = 2),
  API_FIELD ("labels", API_MAP, 0, offsetof (Thing, labels), .max = 2),
  API_FIELD ("headers", API_PAIRS, 0, offsetof (Thing, headers), .max = 2),
  API_FIELD ("rows", API_ROWS, 0, offsetof (Thing, rows), .max = 3, .schema = &row_schema),
  API_FIELD ("object", API_OBJECT, 0, 0, .schema = &inner_schema),
  API_FIELD ("status", API_COMPUTED, API_READ_ONLY, 0),
};
static const ApiSchema schema = { fields, G_N_ELEMENTS (fields), thing_new, thing_free };

/* -1 when it was taken, else the problem. */
static int
apply (Thing *thing, ApiApply how, const char *body)
{
  g_autoptr (ApiFieldErrors) errors = api_field_errors_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = api_json_parse (p2p_span_from_string (body), &error);

  g_assert_no_error (error);
  if (api_fields_apply (&schema, thing, node, how, errors, &error))
    return -1;
  g_test_message ("%s: %s", body, error->message);
  g_assert_cmpuint (error->domain, ==, API_ERROR);
  return error->code;
}

static char *
print (const Thing *thing)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  json_node_take_object (node, api_fields_print (&schema, thing));
  return json_to_string (node, false);
}

static void
test_defaults (void)
{
  Thing *thing = thing_new ();
  g_autofree char *text = NULL;

  g_assert_cmpint (apply (thing, API_CREATE, "{\"name\":\"x\"}"), ==, -1);
  text = print (thing);
  g_assert_cmpstr (
      text, ==,
      "{\"id\":0,\"name\":\"x\",\"secret\":\"\",\"text\":\"default\",\"number\":5,"
      "\"at\":null,\"ratio\":0.0,\"flag\":true,\"role\":\"admin\",\"words\":[\"a\",\"b\"],"
      "\"labels\":{},\"headers\":[],\"rows\":[],\"object\":{\"inner\":0}}");
  thing_free (thing);
}

static void
test_patch (void)
{
  static const struct
  {
    const char *body;
    int problem;
  } rows[] = {
    { "{\"number\":9,\"flag\":false,\"ratio\":1,\"role\":\"viewer\"}", -1 },
    { "{\"number\":10}", API_PROBLEM_INVALID },
    { "{\"number\":1.5}", API_PROBLEM_INVALID },
    { "{\"number\":true}", API_PROBLEM_INVALID },
    { "{\"number\":[1]}", API_PROBLEM_INVALID },
    { "{\"flag\":1}", API_PROBLEM_INVALID },
    { "{\"flag\":\"true\"}", API_PROBLEM_INVALID },
    { "{\"ratio\":1.5}", API_PROBLEM_INVALID },
    { "{\"ratio\":\"1\"}", API_PROBLEM_INVALID },
    { "{\"role\":\"Admin\"}", API_PROBLEM_INVALID },
    { "{\"text\":\"a\\nb\\u202e\"}", -1 },
    { "{\"text\":\"a\\u0007\"}", API_PROBLEM_INVALID },
    { "{\"at\":\"2030-01-31T12:00:00.500+01:00\"}", -1 },
    { "{\"at\":\"2030-01-31T12:00:00\"}", API_PROBLEM_INVALID },
    { "{\"at\":\"1960-01-31T12:00:00Z\"}", API_PROBLEM_INVALID },
    { "{\"words\":[\"x\"]}", -1 },
    { "{\"words\":[\"x\",\"y\",\"z\"]}", API_PROBLEM_INVALID },
    { "{\"words\":\"x\"}", API_PROBLEM_INVALID },
    { "{\"words\":[1]}", API_PROBLEM_INVALID },
    { "{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}", -1 },
    { "{\"labels\":{\"c\":\"3\"}}", API_PROBLEM_INVALID },
    { "{\"labels\":[]}", API_PROBLEM_INVALID },
    { "{\"headers\":[{\"name\":\"n\",\"value\":\"v\"}]}", -1 },
    { "{\"headers\":[{\"name\":\"n\"}]}", API_PROBLEM_INVALID },
    { "{\"headers\":[{\"name\":\"n\",\"value\":\"v\",\"x\":1}]}", API_PROBLEM_INVALID },
    { "{\"object\":{\"inner\":3}}", -1 },
    { "{\"object\":{\"inner\":30}}", API_PROBLEM_INVALID },
    { "{\"object\":{\"outer\":3}}", API_PROBLEM_UNKNOWN_MEMBER },
    { "{\"object\":3}", API_PROBLEM_INVALID },
    { "{\"name\":\"x\"}", -1 },
    { "{\"name\":\"y\"}", API_PROBLEM_INVALID },
    { "{\"id\":0}", -1 },
    { "{\"id\":7}", API_PROBLEM_INVALID },
    { "{\"status\":{\"any\":1}}", -1 },
    { "{\"statos\":1}", API_PROBLEM_UNKNOWN_MEMBER },
    { "{\"number\":99,\"statos\":1}", API_PROBLEM_UNKNOWN_MEMBER },
    { "[]", API_PROBLEM_MALFORMED },
    { "3", API_PROBLEM_MALFORMED },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Thing *thing = thing_new ();

      g_assert_cmpint (
          apply (thing, API_CREATE, "{\"name\":\"x\",\"labels\":{\"z\":\"26\",\"a\":\"0\"}}"), ==,
          -1);
      if (strstr (rows[i].body, "\"b\":\"2\""))
        g_assert_cmpint (apply (thing, API_PATCH, "{\"labels\":{\"z\":null}}"), ==, -1);
      g_test_message ("%s", rows[i].body);
      g_assert_cmpint (apply (thing, API_PATCH, rows[i].body), ==, rows[i].problem);
      thing_free (thing);
    }
}

/* null takes each member back to its default. */
static void
test_null (void)
{
  Thing *thing = thing_new ();
  Thing *fresh = thing_new ();
  g_autofree char *wanted = NULL;
  g_autofree char *text = NULL;

  g_assert_cmpint (apply (fresh, API_CREATE, "{\"name\":\"x\"}"), ==, -1);
  g_assert_cmpint (
      apply (thing, API_CREATE,
             "{\"name\":\"x\",\"secret\":\"s\",\"text\":\"t\",\"number\":1,\"ratio\":0.5,"
             "\"at\":\"2030-01-31T12:00:00Z\",\"flag\":false,\"role\":\"viewer\","
             "\"words\":[],\"labels\":{\"a\":\"1\"},\"headers\":[{\"name\":\"n\","
             "\"value\":\"v\"}],\"rows\":[{\"name\":\"r\"}],\"object\":{\"inner\":3}}"),
      ==, -1);
  g_assert_cmpint (
      apply (thing, API_PATCH,
             "{\"secret\":null,\"text\":null,\"number\":null,\"ratio\":null,\"at\":null,"
             "\"flag\":null,\"role\":null,\"words\":null,\"labels\":null,\"headers\":null,"
             "\"rows\":null,\"object\":null}"),
      ==, -1);
  wanted = print (fresh);
  text = print (thing);
  g_assert_cmpstr (text, ==, wanted);
  g_assert_cmpint (apply (thing, API_PATCH, "{\"name\":null}"), ==, API_PROBLEM_INVALID);
  thing_free (thing);
  thing_free (fresh);
}

static void
test_sensitive (void)
{
  Thing *thing = thing_new ();
  g_autofree char *text = NULL;

  g_assert_cmpint (apply (thing, API_CREATE, "{\"name\":\"x\",\"secret\":\"********\"}"), ==,
                   API_PROBLEM_INVALID);
  g_assert_cmpint (apply (thing, API_PATCH, "{\"secret\":\"canary\"}"), ==, -1);
  text = print (thing);
  g_assert_null (strstr (text, "canary"));
  g_assert_nonnull (strstr (text, "\"secret\":\"********\""));
  g_assert_cmpint (apply (thing, API_PATCH, text), ==, -1);
  g_assert_cmpstr (thing->secret, ==, "canary");
  g_assert_cmpint (apply (thing, API_PATCH, "{\"secret\":null}"), ==, -1);
  g_assert_cmpstr (thing->secret, ==, "");
  thing_free (thing);
}

static void
test_write_only (void)
{
  Thing *thing = thing_new ();
  g_autofree char *before = api_fields_digest (&schema, thing);
  g_autofree char *after = NULL;
  g_autofree char *text = NULL;

  g_assert_cmpint (apply (thing, API_CREATE, "{\"name\":\"x\",\"written\":\"canary\"}"), ==, -1);
  text = print (thing);
  g_assert_null (strstr (text, "written"));
  after = api_fields_digest (&schema, thing);
  g_assert_cmpstr (before, !=, after);
  g_assert_null (strstr (after, "canary"));
  g_assert_cmpint (apply (thing, API_PATCH, text), ==, -1); /* left out: kept */
  g_assert_cmpstr (thing->written, ==, "canary");
  g_assert_cmpint (apply (thing, API_PATCH, "{\"written\":null}"), ==, -1);
  g_assert_cmpstr (thing->written, ==, "");
  thing_free (thing);
}

static void
test_rows (void)
{
  Thing *thing = thing_new ();

  g_assert_cmpint (
      apply (thing, API_CREATE, "{\"name\":\"x\",\"rows\":[{\"name\":\"a\"},{\"name\":\"b\"}]}"),
      ==, -1);
  for (unsigned i = 0; i < 2; i++)
    ((Row *) g_ptr_array_index (thing->rows, i))->id = i + 1;
  /* Another order, one left out, one new. */
  g_assert_cmpint (
      apply (thing, API_PATCH, "{\"rows\":[{\"name\":\"c\"},{\"id\":2,\"position\":7}]}"), ==, -1);
  g_assert_cmpuint (thing->rows->len, ==, 2);
  g_assert_cmpint (((Row *) g_ptr_array_index (thing->rows, 0))->id, ==, 0);
  g_assert_cmpint (((Row *) g_ptr_array_index (thing->rows, 1))->id, ==, 2);
  g_assert_cmpstr (((Row *) g_ptr_array_index (thing->rows, 1))->name, ==, "b");
  /* The one that was left out is of this object no more. */
  g_assert_cmpint (apply (thing, API_PATCH, "{\"rows\":[{\"id\":1}]}"), ==, API_PROBLEM_INVALID);
  thing_free (thing);

  thing = thing_new ();
  g_assert_cmpint (
      apply (thing, API_CREATE, "{\"name\":\"x\",\"rows\":[{\"name\":\"a\"},{\"name\":\"b\"}]}"),
      ==, -1);
  for (unsigned i = 0; i < 2; i++)
    ((Row *) g_ptr_array_index (thing->rows, i))->id = i + 1;
  g_assert_cmpint (apply (thing, API_PATCH,
                          "{\"rows\":[{\"id\":2,\"position\":7},{\"name\":\"c\"},{\"id\":2}]}"),
                   ==, API_PROBLEM_INVALID);
  thing_free (thing);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/api/fields/json", test_json);
  g_test_add_func ("/api/fields/json-depth", test_json_depth);
  g_test_add_func ("/api/fields/defaults", test_defaults);
  g_test_add_func ("/api/fields/patch", test_patch);
  g_test_add_func ("/api/fields/null", test_null);
  g_test_add_func ("/api/fields/sensitive", test_sensitive);
  g_test_add_func ("/api/fields/write-only", test_write_only);
  g_test_add_func ("/api/fields/rows", test_rows);
  return g_test_run ();
}
