/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Requests that the API refuses: the status, the problem document and the member it names. */
#include "lib/lock.h"
#include "tests/unit/api-fixture.h"

static void
test_bad_requests (ApiFixture *fixture, const void *data)
{
  static const struct
  {
    const char *method, *target, *type, *body;
    unsigned status;
    const char *problem, *field;
  } rows[] = {
    { "GET", "/api/v1/nothing", NULL, NULL, 404, "not-found", NULL },
    { "GET", "/api/v1/listeners/", NULL, NULL, 404, "not-found", NULL },
    { "GET", "/api/v1/listeners/01", NULL, NULL, 404, "not-found", NULL },
    { "GET", "/api/v1/listeners/-1", NULL, NULL, 404, "not-found", NULL },
    { "GET", "/api/v1/listeners/99999999999999999999", NULL, NULL, 404, "not-found", NULL },
    { "GET", "/api/v1//listeners", NULL, NULL, 404, "not-found", NULL },
    { "PUT", "/api/v1/listeners/1", "application/json", "{}", 405, "method-not-allowed", NULL },
    { "OPTIONS", "/api/v1/listeners", NULL, NULL, 405, "method-not-allowed", NULL },
    { "GET", "/api/v1/listeners?lmit=1", NULL, NULL, 400, "malformed", NULL },
    { "GET", "/api/v1/listeners?limit=0", NULL, NULL, 400, "malformed", NULL },
    { "GET", "/api/v1/listeners?limit=1001", NULL, NULL, 400, "malformed", NULL },
    { "GET", "/api/v1/listeners?limit=1&limit=2", NULL, NULL, 400, "malformed", NULL },
    { "GET", "/api/v1/listeners?cursor=x", NULL, NULL, 400, "malformed", NULL },
    { "GET", "/api/v1/listeners?limit=%zz", NULL, NULL, 400, "malformed", NULL },
    { "GET", "/api/v1/listeners?dry_run=true", NULL, NULL, 400, "malformed", NULL },
    { "POST", "/api/v1/listeners?dry_run=yes", NULL, "{}", 400, "malformed", NULL },
    { "POST", "/api/v1/listeners", "text/plain", "{}", 415, "unsupported-media-type", NULL },
    { "POST", "/api/v1/listeners", "application/x-www-form-urlencoded", "a=b", 415,
      "unsupported-media-type", NULL },
    { "POST", "/api/v1/listeners", "application/jsonp", "{}", 415, "unsupported-media-type", NULL },
    { "POST", "/api/v1/listeners", "Application/JSON; charset=utf-8", "{}", 422, "invalid-value",
      "name" },
    { "POST", "/api/v1/listeners", NULL, "{\"name\":\"a\",\"protocol\":\"gopher\"}", 422,
      "invalid-value", "protocol" },
    { "POST", "/api/v1/listeners", NULL, "{\"name\":\"a\",\"protocol\":\"http\",\"port\":65536}",
      422, "invalid-value", "port" },
    { "POST", "/api/v1/listeners", NULL, "{\"name\":\"a\",\"protocol\":\"http\",\"port\":\"80\"}",
      422, "invalid-value", "port" },
    { "POST", "/api/v1/listeners", NULL, "{\"name\":\"a\",\"protocol\":\"http\",\"port\":80.5}",
      422, "invalid-value", "port" },
    { "POST", "/api/v1/listeners", NULL, "{\"name\":\"a\\nb\",\"protocol\":\"http\"}", 422,
      "invalid-value", "name" },
    { "POST", "/api/v1/listeners", NULL, "{\"name\":\"\",\"protocol\":\"http\"}", 422,
      "invalid-value", "name" },
    { "POST", "/api/v1/listeners", NULL, "{\"name\":\"a\",\"name\":\"b\"}", 400, "malformed",
      NULL },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"urll\":1}]}", 400,
      "unknown-member", "targets[0].urll" },
    { "POST", "/api/v1/routes", NULL, "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{}]}", 422,
      "invalid-value", "targets[0].name" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"id\":77,\"name\":\"t\"}]}", 422,
      "invalid-value", "targets[0]" },
    { "POST", "/api/v1/routes", NULL, "{\"name\":\"a\",\"listener_id\":1,\"action\":\"redirect\"}",
      422, "invalid-value", "redirect_target" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"weight\":0}]}",
      422, "invalid-value", "targets[0].weight" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"priority_group\":1001}]}",
      422, "invalid-value", "targets[0].priority_group" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"agent_load_balancing\":\"fair\"}]}",
      422, "invalid-value", "targets[0].agent_load_balancing" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"target_load_balancing\":\"least_active\"}", 422,
      "invalid-value", "target_load_balancing" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"redirect_status_code\":303,\"action\":\"redirect\","
      "\"redirect_target\":\"//evil\"}",
      422, "invalid-value", "redirect_target" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"redirect_status_code\":306}", 422, "invalid-value",
      "redirect_status_code" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"redirect_status_code\":200}", 422, "invalid-value",
      "redirect_status_code" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"max_connections\":-1}]}",
      422, "invalid-value", "targets[0].max_connections" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"upstream_request_headers\":[{\"name\":\"X-A\",\"value\":\"********\"}]}]}",
      422, "invalid-value", "targets[0].upstream_request_headers[0]" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"upstream_request_headers\":[{\"name\":\"X_Forwarded_For\",\"value\":\"x\"}]}]}",
      422, "invalid-value", "targets[0].upstream_request_headers[0]" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"upstream_request_headers\":[{\"name\":\"Host\",\"value\":\"x\"}]}]}",
      422, "invalid-value", "targets[0].upstream_request_headers[0]" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"upstream_request_headers\":[{\"name\":\"X-A\",\"value\":\"x\",\"sensitive\":1}]}]}",
      422, "invalid-value", "targets[0].upstream_request_headers[0]" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"static_response_headers\":[{\"name\":\"X-A\",\"value\":\"x\",\"sensitive\":true}]}]}",
      422, "invalid-value", "targets[0].static_response_headers[0]" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"upstream_basic_auth\":{\"username\":\"a\",\"password\":\"********\"}}]}",
      422, "invalid-value", "targets[0].upstream_basic_auth.password" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"upstream_basic_auth\":{\"password\":\"p\"}}]}",
      422, "invalid-value", "targets[0].upstream_basic_auth" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"upstream_basic_auth\":{\"user\":\"p\"}}]}",
      400, "unknown-member", "targets[0].upstream_basic_auth.user" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"health_check\":{\"interval_ms\":999}}]}",
      422, "invalid-value", "targets[0].health_check.interval_ms" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"health_check\":{\"interval_ms\":1000,\"timeout_ms\":1001}}]}",
      422, "invalid-value", "targets[0].health_check.timeout_ms" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"health_check\":{\"method\":\"POST\"}}]}",
      422, "invalid-value", "targets[0].health_check.method" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"health_check\":{\"expected_status_min\":300,\"expected_status_max\":200}}]}",
      422, "invalid-value", "targets[0].health_check.expected_status_max" },
    { "POST", "/api/v1/listeners", NULL,
      "{\"name\":\"a\",\"protocol\":\"http\",\"trusted_proxy_cidrs\":[\"::/0\",\"10.0.0.0/40\"]}",
      422, "invalid-value", "trusted_proxy_cidrs[1]" },
    { "POST", "/api/v1/listeners", NULL,
      "{\"name\":\"a\",\"protocol\":\"http\",\"accept_proxy_protocol\":\"v3\"}", 422,
      "invalid-value", "accept_proxy_protocol" },
    { "POST", "/api/v1/routes", NULL, "{\"name\":\"a\",\"listener_id\":4711}", 422, "invalid-value",
      "listener_id" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"type\":\"static\","
      "\"static_response_headers\":[{\"name\":\"Content-Length\",\"value\":\"1\"}]}]}",
      422, "invalid-value", "targets[0].static_response_headers[0]" },
    { "POST", "/api/v1/agents", NULL,
      "{\"name\":\"a\",\"labels\":{\"p2pstream.io/agent-id\":\"forged\"}}", 422, "invalid-value",
      "labels.p2pstream.io/agent-id" },
    { "POST", "/api/v1/agents", NULL, "{\"name\":\"a\",\"labels\":{\"x\":1}}", 422, "invalid-value",
      "labels.x" },
    { "POST", "/api/v1/tokens", NULL, "{\"name\":\"a\",\"role\":\"root\"}", 422, "invalid-value",
      "role" },
    { "POST", "/api/v1/tokens", NULL, "{\"name\":\"a\",\"expires_at\":\"2001-01-01T00:00:00Z\"}",
      422, "invalid-value", "expires_at" },
    { "POST", "/api/v1/tokens", NULL, "{\"name\":\"a\",\"expires_at\":\"tomorrow\"}", 422,
      "invalid-value", "expires_at" },
    { "GET", "/api/v1/audit?from=yesterday", NULL, NULL, 400, "malformed", NULL },
  };

  (void) data;
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *authorization = g_strconcat ("Bearer ", fixture->session, NULL);
      ApiInput input = { .authorization = p2p_span_from_string (authorization),
                         .content_type = p2p_span_from_string (rows[i].type) };
      g_auto (Reply) reply = api_call_with (input, rows[i].method, rows[i].target, rows[i].body);
      g_autofree char *allow = reply_dup_field (&reply, "Allow");
      g_autofree char *type = reply_dup_field (&reply, "Content-Type");

      g_test_message ("%s %s %s", rows[i].method, rows[i].target, rows[i].body ? rows[i].body : "");
      assert_reply (reply, rows[i].status);
      g_assert_cmpstr (reply_problem (&reply), ==, rows[i].problem);
      g_assert_cmpstr (type, ==, "application/problem+json");
      g_assert_cmpint (allow != NULL, ==, rows[i].status == 405);
      if (rows[i].field)
        g_assert_true (reply_has_error (&reply, rows[i].field));
    }
}

#define ADD(name, func)                                                                            \
  g_test_add ("/api/refusals/" name, ApiFixture, NULL, api_fixture_init_listener, func,            \
              api_fixture_done)

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  ADD ("bad-requests", test_bad_requests);
  return g_test_run ();
}
