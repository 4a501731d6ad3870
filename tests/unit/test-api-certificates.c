/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Certificates over the API: what is shown and what never, what is refused, renewal, and the faults
 * of /readyz. */
#include "lib/lock.h"
#include "tests/unit/api-fixture.h"
#include "tests/unit/cert-samples.h"

#include <string.h>

#define CERTIFICATES "/api/v1/certificates"

/* A body with the members of extra (text, may be "") and the texts of cert. */
static char *
body_with (const TlsFixtureCert *cert, const char *pattern, const char *extra)
{
  g_autofree char *chain = g_strescape (cert->chain_pem, NULL);
  g_autofree char *key = g_strescape (cert->key_pem, NULL);

  return g_strdup_printf ("{\"hostname_pattern\":\"%s\",\"certificate_pem\":\"%s\","
                          "\"private_key_pem\":\"%s\"%s}",
                          pattern, chain, key, extra);
}

static Reply
make (ApiFixture *fixture, const TlsFixtureCert *cert, const char *pattern, const char *extra)
{
  g_autofree char *body = body_with (cert, pattern, extra);

  return api_call ("POST", CERTIFICATES, fixture->session, body);
}

static char *
path_of (const Reply *reply, const char *more)
{
  return g_strdup_printf (CERTIFICATES "/%" G_GINT64_FORMAT "%s", reply_id (reply), more);
}

static JsonObject *
status_of (const Reply *reply)
{
  return json_object_get_object_member (reply->json, "status");
}

static void
test_upload (ApiFixture *fixture, const void *data)
{
  g_auto (Reply) made = make (fixture, certs.good, "a.example", "");
  g_autofree char *path = path_of (&made, "");
  g_auto (Reply) read = api_call ("GET", path, fixture->tokens[STORE_ROLE_VIEWER], NULL);
  g_auto (Reply) list = api_call ("GET", CERTIFICATES, fixture->session, NULL);
  g_autofree char *tag = reply_dup_field (&made, "ETag");
  JsonObject *status;

  (void) data;
  assert_reply (made, 201);
  g_assert_nonnull (tag);
  assert_reply (read, 200);
  g_assert_true (json_object_get_null_member (read.json, "listener_id"));
  g_assert_cmpstr (json_object_get_string_member (read.json, "source"), ==, "manual");
  g_assert_cmpstr (json_object_get_string_member (read.json, "certificate_pem"), ==,
                   certs.good->chain_pem);
  status = status_of (&read);
  g_assert_cmpstr (json_object_get_string_member (status, "state"), ==, "ready");
  g_assert_cmpstr (json_object_get_string_member (status, "subject"), ==, "CN=a.example");
  g_assert_cmpuint (strlen (json_object_get_string_member (status, "sha256_fingerprint")), ==, 64);
  g_assert_true (json_object_get_null_member (status, "next_renewal_at"));
  g_assert_true (json_object_get_null_member (status, "last_error"));

  /* The key is in no answer and in no row of the audit. */
  {
    g_autofree char *body = body_with (certs.another, "a.example", "");
    g_auto (Reply) changed = api_call ("PATCH", path, fixture->session, body);
    g_auto (Reply) audit = api_call ("GET", "/api/v1/audit", fixture->session, NULL);
    const Reply *replies[] = { &made, &read, &list, &changed, &audit };

    assert_reply (changed, 200);
    g_assert_cmpint (json_object_get_int_member (changed.json, "version"), ==, 2);
    for (unsigned i = 0; i < G_N_ELEMENTS (replies); i++)
      {
        g_assert_null (strstr (replies[i]->text, "PRIVATE KEY"));
        g_assert_null (strstr (replies[i]->text, "private_key_pem"));
      }
  }
}

/* The key alone: the stored one is kept where it is left out, and must fit where it is not. */
static void
test_key (ApiFixture *fixture, const void *data)
{
  g_auto (Reply) made = make (fixture, certs.good, "a.example", "");
  g_autofree char *path = path_of (&made, "");
  g_autofree char *chain = g_strescape (certs.another->chain_pem, NULL);
  g_autofree char *body = g_strdup_printf ("{\"certificate_pem\":\"%s\"}", chain);

  (void) data;
  {
    g_auto (Reply) off = api_call ("PATCH", path, fixture->session, "{\"enabled\":false}");
    assert_reply (off, 200);
    g_assert_cmpstr (json_object_get_string_member (status_of (&off), "state"), ==, "pending");
  }
  {
    g_auto (Reply) reply = api_call ("PATCH", path, fixture->session, body);
    assert_reply (reply, 422);
    g_assert_true (reply_has_error (&reply, "private_key_pem"));
  }
  {
    g_auto (Reply) reply = api_call ("PATCH", path, fixture->session, "{\"private_key_pem\":null}");
    assert_reply (reply, 422);
    g_assert_true (reply_has_error (&reply, "private_key_pem"));
  }
  {
    g_auto (Reply) back = api_call ("GET", path, fixture->session, NULL);
    g_auto (Reply) same
        = api_call ("PATCH", path, fixture->session, back.text); /* as it was read */
    assert_reply (same, 200);
    g_assert_cmpint (json_object_get_int_member (same.json, "version"), ==, 2);
  }
}

static void
test_refusals (ApiFixture *fixture, const void *data)
{
  static const struct
  {
    const char *body;
    unsigned status;
    const char *field;
  } cases[] = {
    { "{}", 422, "hostname_pattern" },
    { "{\"hostname_pattern\":\"a.example\"}", 422, "certificate_pem" },
    { "{\"hostname_pattern\":\"a.example\",\"source\":\"acme\"}", 422, "source" },
    { "{\"hostname_pattern\":\"a.example\",\"source\":\"fallback\"}", 422, "source" },
    { "{\"hostname_pattern\":\"a.example\",\"acme\":{}}", 400, "acme" },
    { "{\"hostname_pattern\":\"\",\"source\":\"self_signed\"}", 422, "hostname_pattern" },
    { "{\"hostname_pattern\":\"a.*\",\"source\":\"self_signed\"}", 422, "hostname_pattern" },
    { "{\"hostname_pattern\":\"a.example\",\"source\":\"self_signed\",\"listener_id\":99}", 422,
      NULL },
    { "{\"hostname_pattern\":\"a.example\",\"source\":\"self_signed\",\"certificate_pem\":\"x\"}",
      422, "certificate_pem" },
    { "{\"hostname_pattern\":\"a.example\",\"certificate_path\":\"/nowhere\","
      "\"private_key_path\":\"/nowhere\"}",
      422, "certificate_path" },
  };
  g_auto (Reply) late = make (fixture, certs.expired, "a.example", "");
  g_auto (Reply) list = { 0 };

  (void) data;
  assert_reply (late, 422);
  g_assert_true (reply_has_error (&late, "certificate_pem"));
  g_assert_nonnull (strstr (late.text, "expired at"));
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Reply) reply = api_call ("POST", CERTIFICATES, fixture->session, cases[i].body);

      g_test_message ("%s", cases[i].body);
      assert_reply (reply, cases[i].status);
      if (cases[i].field)
        g_assert_true (reply_has_error (&reply, cases[i].field));
    }
  list = api_call ("GET", CERTIFICATES, fixture->session, NULL);
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (list.json, "items")), ==,
                    0);
}

static void
test_dry_run (ApiFixture *fixture, const void *data)
{
  g_autofree char *body = body_with (certs.good, "other.example", "");
  g_auto (Reply) dry = api_call ("POST", CERTIFICATES "?dry_run=true", fixture->session, body);
  g_auto (Reply) list = api_call ("GET", CERTIFICATES, fixture->session, NULL);
  JsonArray *warnings;

  (void) data;
  assert_reply (dry, 200);
  warnings = json_object_get_array_member (dry.json, "warnings");
  g_assert_cmpuint (json_array_get_length (warnings), ==, 1);
  g_assert_nonnull (strstr (json_array_get_string_element (warnings, 0), "does not name it"));
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (list.json, "items")), ==,
                    0);
}

static void
test_self_signed (ApiFixture *fixture, const void *data)
{
  g_auto (Reply) made
      = api_call ("POST", CERTIFICATES, fixture->session,
                  "{\"hostname_pattern\":\"*.example\",\"source\":\"self_signed\"}");
  g_autofree char *path = path_of (&made, "");
  g_autofree char *renew = path_of (&made, "/renew");
  g_autofree char *dry_path = path_of (&made, "/renew?dry_run=true");
  g_auto (Reply) dry = api_call ("POST", dry_path, fixture->session, NULL);
  g_auto (Reply) operator= api_call ("POST", renew, fixture->tokens[STORE_ROLE_OPERATOR], NULL);
  g_auto (Reply) renewed = api_call ("POST", renew, fixture->session, NULL);
  g_auto (Reply) moved = { 0 };
  g_auto (Reply) manual = { 0 };
  const char *first = json_object_get_string_member (made.json, "certificate_pem");

  (void) data;
  assert_reply (made, 201);
  g_assert_cmpstr (json_array_get_string_element (
                       json_object_get_array_member (status_of (&made), "dns_names"), 0),
                   ==, "*.example");
  g_assert_false (json_object_get_null_member (status_of (&made), "next_renewal_at"));
  assert_reply (dry, 200);
  g_assert_cmpstr (json_object_get_string_member (dry.json, "certificate_pem"), ==, first);
  assert_reply (operator, 403);
  assert_reply (renewed, 200);
  g_assert_cmpstr (json_object_get_string_member (renewed.json, "certificate_pem"), !=, first);
  g_assert_cmpint (json_object_get_int_member (renewed.json, "version"), ==, 2);

  /* Another name, another certificate; an upload takes its place. */
  moved = api_call ("PATCH", path, fixture->session, "{\"hostname_pattern\":\"b.example\"}");
  assert_reply (moved, 200);
  g_assert_cmpstr (json_array_get_string_element (
                       json_object_get_array_member (status_of (&moved), "dns_names"), 0),
                   ==, "b.example");
  {
    g_auto (Reply) upload = { 0 };
    g_autofree char *bad = body_with (certs.good, "a.example", "");
    g_autofree char *good = body_with (certs.good, "a.example", ",\"source\":\"manual\"");

    upload = api_call ("PATCH", path, fixture->session, bad);
    assert_reply (upload, 422);
    manual = api_call ("PATCH", path, fixture->session, good);
  }
  assert_reply (manual, 200);
  g_assert_true (json_object_get_null_member (status_of (&manual), "next_renewal_at"));
  {
    g_auto (Reply) refused = api_call ("POST", renew, fixture->session, NULL);
    assert_reply (refused, 409);
  }
}

/* A listener's fallback is no object of the API. */
static void
test_faults (ApiFixture *fixture, const void *data)
{
  g_auto (Reply) listener = api_call ("POST", "/api/v1/listeners", fixture->session,
                                      "{\"name\":\"web\",\"protocol\":\"https\",\"port\":0}");
  g_auto (Reply) route
      = api_call ("POST", "/api/v1/routes", fixture->session,
                  "{\"name\":\"a\",\"listener_id\":1,\"host_pattern\":\"a.example\","
                  "\"targets\":[]}");
  g_auto (Reply) fallback = api_call ("GET", CERTIFICATES "/1", fixture->session, NULL);
  g_auto (Reply) gone = api_call ("DELETE", CERTIFICATES "/1", fixture->session, NULL);

  (void) data;
  assert_reply (listener, 201);
  assert_reply (route, 201);
  assert_reply (fallback, 404);
  assert_reply (gone, 404);
  api_set_ready (true);
  {
    g_auto (Reply) ready = api_call ("GET", "/readyz", NULL, NULL);
    JsonArray *faults;
    JsonObject *fault;

    assert_reply (ready, 200);
    g_assert_cmpstr (json_object_get_string_member (ready.json, "status"), ==, "ready");
    faults = json_object_get_array_member (ready.json, "faults");
    g_assert_cmpuint (json_array_get_length (faults), ==, 1);
    fault = json_array_get_object_element (faults, 0);
    g_assert_cmpstr (json_object_get_string_member (fault, "kind"), ==, "certificate-missing");
    g_assert_cmpint (json_object_get_int_member (fault, "count"), ==, 1);
    g_assert_null (strstr (ready.text, "a.example")); /* anybody may read it */
  }
  {
    g_auto (Reply) made = make (fixture, certs.good, "a.example", "");
    g_auto (Reply) ready = api_call ("GET", "/readyz", NULL, NULL);

    assert_reply (made, 201);
    g_assert_cmpuint (json_array_get_length (json_object_get_array_member (ready.json, "faults")),
                      ==, 0);
  }
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func)                                                                            \
  g_test_add ("/api/certificates/" path, ApiFixture, NULL, api_fixture_init, func, api_fixture_done)
  ADD ("upload", test_upload);
  ADD ("key", test_key);
  ADD ("refusals", test_refusals);
  ADD ("dry-run", test_dry_run);
  ADD ("self-signed", test_self_signed);
  ADD ("faults", test_faults);
#undef ADD
  return cert_samples_run ();
}
