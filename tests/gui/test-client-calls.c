/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The calls by name against a small server that speaks the API: what is sent, what is understood,
 * how it fails. The server runs in a thread of its own with its own main context and shares nothing
 * with the test but constants and one flag; it judges the requests itself, by 400. */
#include <libsoup/soup.h>
#include <string.h>

#include "client/agent.h"
#include "client/calls.h"
#include "client/error.h"
#include "client/json.h"
#include "client/listener.h"
#include "client/route.h"
#include "client/target.h"
#include "tests/gui/await.h"
#include "tests/gui/certs.h"

#define TOKEN "p2pst_c0ffee"
#define PROBLEM(word, detail)                                                                      \
  "{\"type\":\"urn:p2pstream:problem:" word "\",\"title\":\"t\",\"detail\":\"" detail "\"}"

typedef struct
{
  const char *method;
  const char *target; /* path and query behind /api/v1 */
  const char *body;   /* (nullable) that the request must have, as compact JSON */
  const char *if_match; /* (nullable) that it must have */
  bool open;          /* to anyone */
  unsigned status;
  const char *answer; /* (nullable) */
} Reply;

static const Reply replies[] = {
  { "GET", "/setup", NULL, NULL, true, 200,
    "{\"setup_required\":true,\"window_open\":true,\"window_seconds_left\":271,\"new\":{}}" },
  { "POST", "/setup",
    "{\"setup_token\":\"s\",\"username\":\"ada\",\"password\":\"correct "
    "horse\",\"session\":\"bearer\"}",
    NULL, true, 201,
    "{\"user\":{\"id\":1,\"username\":\"ada\",\"role\":\"admin\"},\"token\":\"" TOKEN "\"}" },
  { "POST", "/login",
    "{\"username\":\"ada\",\"password\":\"correct horse\",\"session\":\"bearer\"}", NULL, true, 200,
    "{\"user\":{\"id\":1,\"username\":\"ada\",\"role\":\"admin\"},\"token\":\"" TOKEN "\"}" },
  { "POST", "/login", "{\"username\":\"ada\",\"password\":\"wrong\",\"session\":\"bearer\"}", NULL,
    true, 401, PROBLEM ("unauthorized", "user name or password is wrong") },
  { "POST", "/login", "{\"username\":\"eve\",\"password\":\"x\",\"session\":\"bearer\"}", NULL,
    true, 429, PROBLEM ("throttled", "too many tries") },
  { "POST", "/login", "{\"username\":\"odd\",\"password\":\"x\",\"session\":\"bearer\"}", NULL,
    true, 200, "{\"user\":{}}" },
  { "GET", "/me", NULL, NULL, false, 200,
    "{\"kind\":\"session\",\"role\":\"viewer\",\"user\":{\"username\":\"ada\",\"role\":\"viewer\"}"
    "}" },
  { "POST", "/logout", NULL, NULL, false, 204, NULL },
  { "GET", "/listeners?limit=1000", NULL, NULL, false, 200,
    "{\"items\":[{\"id\":1,\"name\":\"web\",\"protocol\":\"https\",\"bind_address\":\"\",\"port\":"
    "0,\"enabled\":true,\"version\":3,"
    "\"status\":{\"state\":\"running\",\"bound_port\":8443,\"last_error\":null}}],\"next_cursor\":"
    "\"a b/c\"}" },
  { "GET", "/listeners?limit=1000&cursor=a%20b%2Fc", NULL, NULL, false, 200,
    "{\"items\":[{\"id\":2,\"name\":\"plain\",\"protocol\":\"http\",\"port\":80,\"status\":{"
    "\"state\":\"error\","
    "\"last_error\":\"port 80: permission denied\"}}],\"next_cursor\":null}" },
  { "GET", "/routes?limit=1000", NULL, NULL, false, 200,
    "{\"items\":[{\"id\":7,\"version\":3,\"name\":\"site\",\"listener_id\":1,\"host_pattern\":\"a."
    "example\",\"path_prefix\":\"/\","
    "\"action\":\"forward\",\"enabled\":true,\"targets\":[{\"id\":9,\"type\":\"proxy\","
    "\"transport\":\"agent\","
    "\"url\":\"http://"
    "127.0.0.1:3000\",\"agent_selector\":{\"match_labels\":{\"zone\":\"garage\",\"disk\":\"ssd\"}},"
    "\"status\":{\"health\":\"healthy\",\"active_requests\":4}}]}],\"next_cursor\":null}" },
  { "GET", "/agents?limit=1000", NULL, NULL, false, 200,
    "{\"items\":[{\"id\":4,\"name\":\"garage\",\"public_id\":\"ag_1\",\"labels\":{\"zone\":"
    "\"garage\"},"
    "\"status\":{\"state\":\"connected\",\"round_trip_ms\":1.25,\"address\":\"192.0.2.7:4711\","
    "\"version\":\"0.1.0\"}}],"
    "\"next_cursor\":null}" },
  { "PATCH", "/routes/7", "{\"enabled\":false}", "\"3\"", false, 200,
    "{\"id\":7,\"version\":4,\"name\":\"site\",\"enabled\":false}" },
  { "POST", "/listeners/1/stop", NULL, NULL, false, 200,
    "{\"id\":1,\"status\":{\"state\":\"stopped\"}}" },
  { "POST", "/listeners/2/start", NULL, NULL, false, 409,
    PROBLEM ("conflict", "listener 'plain': port 80 is in use") },
  { "GET", "/about", NULL, NULL, false, 200, "<html>hello</html>" },
  { "GET", "/moved", NULL, NULL, false, 302, NULL },
};

typedef struct
{
  GThread *thread;       /* (owned) */
  GMainContext *context; /* (owned) */
  GMainLoop *loop;       /* (owned) */
  SoupServer *soup;      /* (owned: the thread) */
  uint16_t port;
} Api;

typedef struct
{
  Api api;
  P2pClient *client; /* (owned) */
} Fixture;

static bool
fits (const Reply *reply, SoupServerMessage *msg, const char *target)
{
  SoupMessageBody *body = soup_server_message_get_request_body (msg);
  const char *if_match
      = soup_message_headers_get_one (soup_server_message_get_request_headers (msg), "If-Match");
  g_autoptr (GBytes) bytes = soup_message_body_flatten (body);
  size_t n_bytes;
  const char *text = g_bytes_get_data (bytes, &n_bytes);
  size_t n_wanted = reply->body != NULL ? strlen (reply->body) : 0;

  return strcmp (reply->method, soup_server_message_get_method (msg)) == 0
         && strcmp (reply->target, target) == 0 && n_bytes == n_wanted
         && (n_wanted == 0 || memcmp (text, reply->body, n_wanted) == 0)
         && (reply->if_match == NULL || g_strcmp0 (reply->if_match, if_match) == 0);
}

static void
answer (SoupServerMessage *msg, unsigned status, const char *text)
{
  soup_server_message_set_status (msg, status, NULL);
  if (text != NULL)
    soup_server_message_set_response (
        msg, status < 300 ? "application/json" : "application/problem+json", SOUP_MEMORY_COPY, text,
        strlen (text));
}

static void
handle_cb (G_GNUC_UNUSED SoupServer *server,
           SoupServerMessage        *msg,
           const char               *path,
           G_GNUC_UNUSED GHashTable *query,
           G_GNUC_UNUSED gpointer    user_data)
{
  SoupMessageHeaders *in = soup_server_message_get_request_headers (msg);
  SoupMessageHeaders *out = soup_server_message_get_response_headers (msg);
  const char *auth = soup_message_headers_get_one (in, "Authorization");
  const char *raw_query = g_uri_get_query (soup_server_message_get_uri (msg));
  g_autofree char *target
      = g_strdup_printf ("%s%s%s", path + strlen ("/api/v1"), raw_query != NULL ? "?" : "",
                         raw_query != NULL ? raw_query : "");

  if (soup_message_headers_get_one (in, "Cookie") != NULL)
    {
      answer (msg, 400, PROBLEM ("malformed", "a cookie came back"));
      return;
    }
  soup_message_headers_append (out, "Set-Cookie", "p2pstream_session=x; Path=/");
  if (strcmp (target, "/silent") == 0)
    {
      soup_server_message_pause (msg);
      return;
    }
  if (strcmp (target, "/huge") == 0)
    {
      size_t n_bytes = 17 * 1024 * 1024;
      char *spaces = g_malloc (n_bytes);

      memset (spaces, ' ', n_bytes);
      soup_server_message_set_status (msg, 200, NULL);
      soup_server_message_set_response (msg, "application/json", SOUP_MEMORY_TAKE, spaces, n_bytes);
      return;
    }
  for (size_t i = 0; i < G_N_ELEMENTS (replies); i++)
    if (fits (&replies[i], msg, target))
      {
        if (!replies[i].open && g_strcmp0 (auth, "Bearer " TOKEN) != 0)
          {
            soup_message_headers_append (out, "WWW-Authenticate", "Basic realm=\"x\"");
            answer (msg, 401, PROBLEM ("unauthorized", "sign in first"));
            return;
          }
        if (replies[i].status == 302)
          soup_message_headers_append (out, "Location", "/api/v1/setup");
        if (replies[i].status == 429)
          soup_message_headers_append (out, "Retry-After", "17");
        answer (msg, replies[i].status, replies[i].answer);
        return;
      }
  answer (msg, 400, PROBLEM ("malformed", "no such request"));
}

static gpointer
api_main (gpointer data)
{
  Api *api = data;

  g_main_context_push_thread_default (api->context);
  g_main_loop_run (api->loop);
  soup_server_disconnect (api->soup);
  g_clear_object (&api->soup);
  while (g_main_context_iteration (api->context, FALSE))
    ;
  g_main_context_pop_thread_default (api->context);
  return NULL;
}

/* The server is made with its context as the default one, then only its thread touches it. */
static void
api_start (Api *api, GTlsCertificate *certificate)
{
  g_autoptr (GError) error = NULL;
  GSList *uris;

  api->context = g_main_context_new ();
  api->loop = g_main_loop_new (api->context, FALSE);
  g_main_context_push_thread_default (api->context);
  api->soup = soup_server_new ("tls-certificate", certificate, NULL);
  soup_server_add_handler (api->soup, "/api/v1", handle_cb, NULL, NULL);
  soup_server_listen_local (api->soup, 0, SOUP_SERVER_LISTEN_HTTPS | SOUP_SERVER_LISTEN_IPV4_ONLY,
                            &error);
  g_assert_no_error (error);
  uris = soup_server_get_uris (api->soup);
  api->port = (uint16_t) g_uri_get_port (uris->data);
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  g_main_context_pop_thread_default (api->context);
  api->thread = g_thread_new ("api", api_main, api);
}

static void
set_up (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GTlsCertificate) certificate = test_cert_new_local ();
  g_autoptr (P2pAddress) address = NULL;
  g_autofree char *text = NULL;
  P2pPin pin;

  api_start (&fixture->api, certificate);
  text = g_strdup_printf ("127.0.0.1:%u", fixture->api.port);
  address = p2p_address_parse (text, NULL);
  p2p_pin_of_certificate (certificate, &pin);
  fixture->client = p2p_client_new (address, &pin);
  p2p_client_set_token (fixture->client, TOKEN);
}

static void
tear_down (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_clear_object (&fixture->client);
  await_idle ();
  g_main_loop_quit (fixture->api.loop);
  g_thread_join (fixture->api.thread);
  g_main_loop_unref (fixture->api.loop);
  g_main_context_unref (fixture->api.context);
}

static void
test_setup (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (P2pUser) user = NULL;
  g_autoptr (GError) error = NULL;
  P2pSetup setup;

  p2p_client_set_token (fixture->client, NULL);
  p2p_client_get_setup_async (fixture->client, NULL, await_cb, &result);
  await_result (&result);
  g_assert_true (p2p_client_get_setup_finish (fixture->client, result, &setup, &error));
  g_assert_true (setup.required && setup.window_open);
  g_assert_cmpint (setup.seconds_left, ==, 271);

  g_clear_object (&result);
  p2p_client_setup_async (fixture->client, "s", "ada", "correct horse", NULL, await_cb, &result);
  await_result (&result);
  user = p2p_client_setup_finish (fixture->client, result, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (user->username, ==, "ada");
  g_assert_cmpstr (p2p_client_get_token (fixture->client), ==, TOKEN);
}

static P2pUser *
login (Fixture *fixture, const char *username, const char *password, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  p2p_client_login_async (fixture->client, username, password, NULL, await_cb, &result);
  await_result (&result);
  return p2p_client_login_finish (fixture->client, result, error);
}

static void
test_login (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (P2pUser) user = NULL;
  g_autoptr (P2pUser) me = NULL;
  g_autoptr (GError) error = NULL;

  p2p_client_set_token (fixture->client, NULL);
  g_assert_null (login (fixture, "ada", "wrong", &error));
  g_assert_cmpuint (p2p_client_error_get_status (error), ==, 401);
  g_assert_cmpstr (error->message, ==, "user name or password is wrong");
  g_clear_error (&error);
  g_assert_null (login (fixture, "eve", "x", &error));
  g_assert_cmpuint (p2p_client_error_get_retry_after (error), ==, 17);
  g_clear_error (&error);
  g_assert_null (login (fixture, "odd", "x", &error));
  g_assert_error (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_PROTOCOL);
  g_clear_error (&error);

  user = login (fixture, "ada", "correct horse", &error);
  g_assert_no_error (error);
  p2p_client_get_me_async (fixture->client, NULL, await_cb, &result);
  await_result (&result);
  me = p2p_client_get_me_finish (fixture->client, result, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (me->role, ==, "viewer");

  g_clear_object (&result);
  p2p_client_logout_async (fixture->client, NULL, await_cb, &result);
  g_assert_null (p2p_client_get_token (fixture->client));
  await_result (&result);
  g_assert_true (p2p_client_logout_finish (fixture->client, result, &error));
}

static void
test_lists (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GPtrArray) listeners = NULL;
  g_autoptr (GPtrArray) routes = NULL;
  g_autoptr (GPtrArray) agents = NULL;
  g_autoptr (P2pTarget) target = NULL;
  g_autoptr (GError) error = NULL;

  p2p_client_list_listeners_async (fixture->client, NULL, await_cb, &result);
  await_result (&result);
  listeners = p2p_client_list_listeners_finish (fixture->client, result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (listeners->len, ==, 2);
  g_assert_cmpint (p2p_listener_get_port (listeners->pdata[0]), ==, 8443);
  g_assert_cmpstr (p2p_resource_get_state (listeners->pdata[0]), ==, "running");
  g_assert_cmpint (p2p_listener_get_port (listeners->pdata[1]), ==, 80);
  g_assert_cmpstr (p2p_resource_get_last_error (listeners->pdata[1]), ==,
                   "port 80: permission denied");

  g_clear_object (&result);
  p2p_client_list_routes_async (fixture->client, NULL, await_cb, &result);
  await_result (&result);
  routes = p2p_client_list_routes_finish (fixture->client, result, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (p2p_resource_get_state (routes->pdata[0]), ==, "healthy");
  target = g_list_model_get_item (p2p_route_get_targets (routes->pdata[0]), 0);
  g_assert_true (p2p_target_is_by_agent (target));
  g_assert_cmpstr (p2p_target_get_selector (target), ==, "disk=ssd, zone=garage");

  g_clear_object (&result);
  p2p_client_list_agents_async (fixture->client, NULL, await_cb, &result);
  await_result (&result);
  agents = p2p_client_list_agents_finish (fixture->client, result, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (p2p_resource_get_state (agents->pdata[0]), ==, "connected");
  g_assert_cmpfloat (p2p_agent_get_round_trip_ms (agents->pdata[0]), ==, 1.25);
  g_assert_cmpstr (p2p_agent_get_labels (agents->pdata[0]), ==, "zone=garage");
}

static void
test_changes (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (JsonNode) node = json_from_string ("{\"id\":7,\"version\":3,\"enabled\":true}", NULL);
  g_autoptr (JsonNode) web_node
      = json_from_string ("{\"id\":1,\"status\":{\"state\":\"running\"}}", NULL);
  g_autoptr (JsonNode) plain_node = json_from_string ("{\"id\":2}", NULL);
  g_autoptr (P2pResource) route = p2p_resource_new (P2P_TYPE_ROUTE, json_node_get_object (node));
  g_autoptr (P2pResource) web
      = p2p_resource_new (P2P_TYPE_LISTENER, json_node_get_object (web_node));
  g_autoptr (P2pResource) plain
      = p2p_resource_new (P2P_TYPE_LISTENER, json_node_get_object (plain_node));
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  p2p_client_enable_async (fixture->client, route, false, NULL, await_cb, &result);
  await_result (&result);
  g_assert_true (p2p_client_enable_finish (fixture->client, result, route, &error));
  g_assert_false (p2p_resource_get_enabled (route));
  g_assert_cmpint (p2p_resource_get_version (route), ==, 4);

  g_clear_object (&result);
  p2p_client_run_listener_async (fixture->client, web, false, NULL, await_cb, &result);
  await_result (&result);
  g_assert_true (p2p_client_run_listener_finish (fixture->client, result, web, &error));
  g_assert_cmpstr (p2p_resource_get_state (web), ==, "stopped");

  g_clear_object (&result);
  p2p_client_run_listener_async (fixture->client, plain, true, NULL, await_cb, &result);
  await_result (&result);
  g_assert_false (p2p_client_run_listener_finish (fixture->client, result, plain, &error));
  g_assert_cmpstr (p2p_client_error_get_problem (error), ==, "conflict");
  g_assert_cmpstr (error->message, ==, "listener 'plain': port 80 is in use");
}

static void
call_fails (Fixture *fixture,
            const char *path,
            GCancellable *cancellable,
            GQuark domain,
            int code,
            unsigned status)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  p2p_client_call_async (fixture->client, "GET", path, NULL, NULL, cancellable, await_cb, &result);
  if (cancellable != NULL)
    g_cancellable_cancel (cancellable);
  await_result (&result);
  g_assert_null (p2p_client_call_finish (fixture->client, result, &error));
  g_assert_error (error, domain, code);
  g_assert_cmpuint (p2p_client_error_get_status (error), ==, status);
}

static void
test_failures (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  call_fails (fixture, "/about", NULL, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_PROTOCOL, 0);
  call_fails (fixture, "/moved", NULL, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_PROBLEM, 302);
  call_fails (fixture, "/huge", NULL, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_PROTOCOL, 0);
  call_fails (fixture, "/silent", cancellable, G_IO_ERROR, G_IO_ERROR_CANCELLED, 0);
  p2p_client_set_token (fixture->client, "p2pst_wrong");
  call_fails (fixture, "/me", NULL, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_PROBLEM, 401);
}

#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  g_test_init (&argc, &argv, NULL);
  ADD ("/client/calls/setup", test_setup);
  ADD ("/client/calls/login", test_login);
  ADD ("/client/calls/lists", test_lists);
  ADD ("/client/calls/changes", test_changes);
  ADD ("/client/calls/failures", test_failures);
  return g_test_run ();
}
