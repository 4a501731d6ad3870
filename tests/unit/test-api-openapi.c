/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* data/openapi.yaml and the code say the same: routes with methods, roles, bodies and parameters;
 * problem types; members of the objects. The document is read by its indentation, which the file
 * keeps on purpose. */
#include "lib/lock.h"
#include "tests/unit/api-fixture.h"

#include <string.h>

static GPtrArray *lines; /* of the document as it is served */

static unsigned
indent_of (const char *line)
{
  return (unsigned) strspn (line, " ");
}

static const char *
line_at (unsigned i)
{
  return i < lines->len ? g_ptr_array_index (lines, i) : "";
}

/* The index of the line that is exactly this, at or after from and before the end of its block;
 * lines->len if there is none. */
static unsigned
find_line (unsigned from, unsigned end, const char *text)
{
  for (unsigned i = from; i < end; i++)
    if (g_str_equal (line_at (i), text))
      return i;
  return lines->len;
}

/* Where the block that begins with the line ends. */
static unsigned
block_end (unsigned i)
{
  unsigned indent = indent_of (line_at (i));

  for (i++; i < lines->len; i++)
    if (*line_at (i) && indent_of (line_at (i)) <= indent)
      break;
  return i;
}

static unsigned
top_block (const char *name, unsigned *ret_end)
{
  unsigned start = find_line (0, lines->len, name);

  g_assert_cmpuint (start, <, lines->len);
  *ret_end = block_end (start);
  return start;
}

static unsigned
find_operation (const ApiRoute *route, unsigned *ret_end)
{
  unsigned end;
  unsigned paths = top_block ("paths:", &end);
  g_autofree char *path = g_strdup_printf ("  %s:", route->pattern);
  g_autofree char *lower = g_ascii_strdown (route->method, -1);
  g_autofree char *method = g_strdup_printf ("    %s:", lower);
  unsigned start = find_line (paths, end, path);

  g_test_message ("%s %s", route->method, route->pattern);
  g_assert_cmpuint (start, <, lines->len);
  start = find_line (start, block_end (start), method);
  g_assert_cmpuint (start, <, lines->len);
  *ret_end = block_end (start);
  return start;
}

static bool
has_line (unsigned from, unsigned end, const char *text)
{
  return find_line (from, end, text) < lines->len;
}

static bool
has_parameter (unsigned from, unsigned end, const char *name)
{
  g_autofree char *text = g_strdup_printf ("        - $ref: \"#/components/parameters/%s\"", name);

  return has_line (from, end, text);
}

static void
test_routes (void)
{
  static const char *const roles[] = {
    [API_PUBLIC] = "public", [API_AGENT] = "agent",       [API_OWN] = "any",
    [API_READ] = "viewer",   [API_OPERATE] = "operator", [API_ADMIN] = "admin",
  };
  unsigned n;
  const ApiRoute *routes = api_routes (&n);

  for (unsigned i = 0; i < n; i++)
    {
      unsigned end;
      unsigned start = find_operation (&routes[i], &end);
      g_autofree char *role = g_strdup_printf ("      x-role: %s", roles[routes[i].action]);
      g_auto (GStrv) query = g_strsplit (routes[i].query, ",", -1);

      g_assert_true (has_line (start, end, role));
      g_assert_cmpint (has_line (start, end, "      requestBody:"), ==,
                       (routes[i].flags & API_BODY) != 0);
      g_assert_cmpint (has_parameter (start, end, "dry_run"), ==,
                       (routes[i].flags & API_CONFIG) != 0);
      g_assert_cmpint (has_parameter (start, end, "limit"), ==, (routes[i].flags & API_LIST) != 0);
      g_assert_cmpint (has_parameter (start, end, "cursor"), ==, (routes[i].flags & API_LIST) != 0);
      g_assert_cmpint (has_parameter (start, end, "id"), ==,
                       strstr (routes[i].pattern, "{id}") != NULL);
      for (char **name = query; *name && **name; name++)
        g_assert_true (has_parameter (start, end, *name));
    }
}

/* Nothing in the document that the code lacks. */
static void
test_no_others (void)
{
  unsigned end, n, in_document = 0;
  unsigned start = top_block ("paths:", &end);

  (void) api_routes (&n);
  for (unsigned i = start; i < end; i++)
    if (indent_of (line_at (i)) == 4 && g_str_has_suffix (line_at (i), ":"))
      in_document++;
  g_assert_cmpuint (in_document, ==, n);
}

static void
test_problems (void)
{
  unsigned found = 0;

  for (unsigned problem = 0; problem < API_PROBLEM_N; problem++)
    {
      g_autofree char *text = g_strdup_printf ("            - urn:p2pstream:problem:%s # %u",
                                               api_problem_word (problem),
                                               api_problem_status (problem));

      g_test_message ("%s", text);
      g_assert_true (has_line (0, lines->len, text));
    }
  for (unsigned i = 0; i < lines->len; i++)
    found += g_str_has_prefix (line_at (i), "            - urn:p2pstream:problem:");
  g_assert_cmpuint (found, ==, API_PROBLEM_N);
}

/* The members of the schema: lines eight deep under "properties:". */
static GHashTable *
members_of (const char *schema)
{
  GHashTable *members = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *name = g_strdup_printf ("    %s:", schema);
  unsigned end;
  unsigned start = top_block ("  schemas:", &end);

  start = find_line (start, end, name);
  g_assert_cmpuint (start, <, lines->len);
  end = block_end (start);
  for (unsigned i = start + 1; i < end; i++)
    if (indent_of (line_at (i)) == 8)
      {
        const char *colon = strchr (line_at (i), ':');

        g_hash_table_add (members, g_strndup (line_at (i) + 8, (size_t) (colon - line_at (i) - 8)));
      }
  return members;
}

static void
assert_members (JsonObject *object, const char *schema, const char *const *besides)
{
  g_autoptr (GHashTable) members = members_of (schema);
  g_autoptr (GList) names = json_object_get_members (object);

  for (GList *l = names; l; l = l->next)
    {
      g_test_message ("%s.%s", schema, (const char *) l->data);
      if (!g_strv_contains (besides, l->data))
        g_assert_true (g_hash_table_remove (members, l->data));
    }
  for (unsigned i = 0; besides[i]; i++)
    g_hash_table_remove (members, besides[i]);
  g_assert_cmpuint (g_hash_table_size (members), ==, 0);
}

static JsonObject *
first_item (const Reply *reply)
{
  return json_array_get_object_element (json_object_get_array_member (reply->json, "items"), 0);
}

static void
test_members (ApiFixture *fixture, const void *data)
{
  static const char *const none[] = { NULL };
  static const char *const once[] = { "token", "warnings", NULL };
  const char *bearer = fixture->session;
  g_auto (Reply) listener = api_call ("POST", "/api/v1/listeners", bearer,
                                      "{\"name\":\"a\",\"protocol\":\"http\"}");
  g_auto (Reply) route = api_call ("POST", "/api/v1/routes", bearer,
                                   "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\","
                                   "\"url\":\"http://127.0.0.1:1\"}]}");
  g_auto (Reply) agent = api_call ("POST", "/api/v1/agents", bearer, "{\"name\":\"a\"}");
  g_auto (Reply) token = api_call ("POST", "/api/v1/tokens", bearer, "{\"name\":\"a\"}");
  g_auto (Reply) certificate
      = api_call ("POST", "/api/v1/certificates", bearer,
                  "{\"hostname_pattern\":\"a.example\",\"source\":\"self_signed\"}");
  g_auto (Reply) about = api_call ("GET", "/api/v1/about", bearer, NULL);
  g_auto (Reply) me = api_call ("GET", "/api/v1/me", bearer, NULL);
  g_auto (Reply) setup = api_call ("GET", "/api/v1/setup", bearer, NULL);
  g_auto (Reply) sessions = api_call ("GET", "/api/v1/sessions", bearer, NULL);
  g_auto (Reply) audit = api_call ("GET", "/api/v1/audit", bearer, NULL);
  g_auto (Reply) explained = api_call ("POST", "/api/v1/explain", bearer,
                                       "{\"listener_id\":1,\"url\":\"http://a.test/\"}");
  JsonObject *outcome;
  g_auto (Reply) problem = api_call ("GET", "/api/v1/nothing", bearer, NULL);

  (void) data;
  assert_members (listener.json, "Listener", once);
  assert_members (route.json, "Route", once);
  assert_members (json_array_get_object_element (
                      json_object_get_array_member (route.json, "targets"), 0),
                  "Target", none);
  assert_members (json_object_get_object_member (
                      json_array_get_object_element (
                          json_object_get_array_member (route.json, "targets"), 0),
                      "status"),
                  "TargetStatus", none);
  assert_members (agent.json, "Agent", once);
  assert_members (certificate.json, "Certificate", once);
  assert_members (json_object_get_object_member (certificate.json, "status"), "CertificateStatus",
                  none);
  assert_members (token.json, "Token", once);
  assert_members (about.json, "About", none);
  assert_members (me.json, "Me", none);
  assert_members (json_object_get_object_member (me.json, "user"), "User", none);
  assert_members (setup.json, "SetupState", none);
  assert_members (first_item (&sessions), "Session", none);
  assert_members (first_item (&audit), "Audit", none);
  assert_members (problem.json, "Problem", none);
  assert_members (explained.json, "Explanation", none);
  assert_members (json_array_get_object_element (
                      json_object_get_array_member (explained.json, "steps"), 0),
                  "ExplainedStep", none);
  outcome = json_object_get_object_member (explained.json, "outcome");
  assert_members (outcome, "ExplainedOutcome", none);
  assert_members (json_object_get_object_member (outcome, "target"), "ExplainedTarget", none);
  assert_members (json_object_get_object_member (listener.json, "status"), "ListenerStatus", none);
  assert_members (json_object_get_object_member (agent.json, "status"), "AgentStatus", none);
}

static void
load (void)
{
  ApiFixture fixture = { 0 };

  api_fixture_init_empty (&fixture, NULL);
  {
    g_auto (Reply) reply = api_call ("GET", "/api/v1/openapi.yaml", NULL, NULL);
    g_auto (GStrv) parts = g_strsplit (reply.text, "\n", -1);

    lines = g_ptr_array_new_with_free_func (g_free);
    for (char **part = parts; *part; part++)
      g_ptr_array_add (lines, g_strdup (*part));
  }
  api_fixture_done (&fixture, NULL);
}

int
main (int argc, char **argv)
{
  int status;

  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  load ();
  g_test_add_func ("/api/openapi/routes", test_routes);
  g_test_add_func ("/api/openapi/no-others", test_no_others);
  g_test_add_func ("/api/openapi/problems", test_problems);
  g_test_add ("/api/openapi/members", ApiFixture, NULL, api_fixture_init, test_members,
              api_fixture_done);
  status = g_test_run ();
  g_ptr_array_unref (lines);
  return status;
}
