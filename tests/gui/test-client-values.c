/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The client's values and models without a server: addresses, pins, texts, profiles, problems,
 * stores. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/address.h"
#include "client/error.h"
#include "client/json.h"
#include "client/pin.h"
#include "client/profiles.h"
#include "client/route.h"
#include "client/store.h"
#include "client/target.h"
#include "client/text.h"

static void
test_address (void)
{
  static const struct
  {
    const char *text;
    const char *url;     /* NULL: refused */
    const char *display;
  } cases[] = {
    { "server.example.com", "https://server.example.com:8081", "server.example.com" },
    { "  Server.Example.COM  ", "https://server.example.com:8081", "server.example.com" },
    { "server:9000", "https://server:9000", "server:9000" },
    { "https://server", "https://server:443", "server:443" },
    { "https://server:8081/", "https://server:8081", "server" },
    { "HTTPS://server:8081", "https://server:8081", "server" },
    { "127.0.0.1", "https://127.0.0.1:8081", "127.0.0.1" },
    { "[::1]:9000", "https://[::1]:9000", "[::1]:9000" },
    { "::1", "https://[::1]:8081", "::1" },
    { "[2001:DB8::1]", "https://[2001:db8::1]:8081", "2001:db8::1" },
    { "b\303\274cher.example", "https://xn--bcher-kva.example:8081", "xn--bcher-kva.example" },
    { "", NULL, NULL },
    { "   ", NULL, NULL },
    { "http://server", NULL, NULL },
    { "ftp://server", NULL, NULL },
    { "https://", NULL, NULL },
    { "server:0", NULL, NULL },
    { "server:65536", NULL, NULL },
    { "server:port", NULL, NULL },
    { "user@server", NULL, NULL },
    { "user:secret@server", NULL, NULL },
    { "https://server/path", NULL, NULL },
    { "server?query", NULL, NULL },
    { "server#part", NULL, NULL },
    { "two words", NULL, NULL },
    { "<b>server</b>", NULL, NULL },
    { "[::1", NULL, NULL },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (P2pAddress) address = p2p_address_parse (cases[i].text, &error);
      g_autofree char *display = address != NULL ? p2p_address_dup_display (address) : NULL;

      g_test_message ("%s", cases[i].text);
      g_assert_cmpstr (address != NULL ? address->url : NULL, ==, cases[i].url);
      g_assert_cmpstr (display, ==, cases[i].display);
      if (cases[i].url == NULL)
        g_assert_error (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_ADDRESS);
      else
        {
          g_autoptr (P2pAddress) again = p2p_address_parse (address->url, NULL);

          g_assert_cmpstr (again->url, ==, address->url);
        }
    }
}

static void
test_pin (void)
{
  static const char hex[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
  static const struct
  {
    const char *text;
    bool good;
  } cases[] = {
    { hex, true },
    { "00:11:22:33:44:55:66:77\n88:99:AA:BB:CC:DD:EE:FF\n00:11:22:33:44:55:66:77\n88:99:AA:BB:CC:"
      "DD:EE:FF",
      true },
    { "00112233445566778899aabbccddeeff00112233445566778899aabbccddeef", false },
    { "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0", false },
    { "g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", false },
    { "", false },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      P2pPin pin;

      g_assert_cmpint (p2p_pin_parse (cases[i].text, &pin), ==, cases[i].good);
      if (cases[i].good)
        {
          g_autofree char *back = p2p_pin_dup_hex (&pin);
          g_autofree char *groups = p2p_pin_dup_groups (&pin);

          g_assert_cmpstr (back, ==, hex);
          g_assert_cmpstr (groups, ==, cases[1].text);
        }
    }
}

static void
test_text (void)
{
  static const struct
  {
    const char *text;
    const char *shown;
  } cases[] = {
    { "plain", "plain" },
    { "gr\303\274n", "gr\303\274n" },
    { "a\nb", "a\\u000ab" },
    { "a\342\200\256b", "a\\u202eb" },
    { "<b>&amp;", "<b>&amp;" },
    { "bad \377 byte", "bad \357\277\275 byte" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *shown = p2p_text_dup_shown (cases[i].text);

      g_assert_cmpstr (shown, ==, cases[i].shown);
    }
}

static void
test_problem (void)
{
  static const struct
  {
    const char *body;
    const char *message;
    const char *problem;
  } cases[] = {
    { "{\"type\":\"urn:p2pstream:problem:conflict\",\"title\":\"Conflict\",\"detail\":\"listener "
      "'web': name is taken\"}",
      "listener 'web': name is taken", "conflict" },
    { "{\"title\":\"Bad Request\",\"errors\":[{\"field\":\"port\",\"message\":\"out of range\"}]}",
      "port: out of range", NULL },
    { "{\"title\":\"Conflict\"}", "Conflict", NULL },
    { "{\"detail\":7,\"errors\":[3]}", "the server answered with HTTP status 409", NULL },
    { "<html>", "the server answered with HTTP status 409", NULL },
    { "", "the server answered with HTTP status 409", NULL },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error
          = p2p_client_error_from_problem (409, cases[i].body, strlen (cases[i].body), 5);
      g_autoptr (GError) copy = g_error_copy (error);

      g_assert_cmpstr (copy->message, ==, cases[i].message);
      g_assert_cmpstr (p2p_client_error_get_problem (copy), ==, cases[i].problem);
      g_assert_cmpuint (p2p_client_error_get_status (copy), ==, 409);
      g_assert_cmpuint (p2p_client_error_get_retry_after (copy), ==, 5);
    }
}

static char *
file_text (const char *path)
{
  char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

static void
test_profiles (void)
{
  g_autofree char *folder = g_dir_make_tmp ("p2pstream-XXXXXX", NULL);
  g_autofree char *inner = g_build_filename (folder, "p2pstream", NULL);
  g_autofree char *path = g_build_filename (inner, "profiles.json", NULL);
  g_autofree char *lock = g_strconcat (path, ".lock", NULL);
  g_autofree char *text = NULL;
  g_autoptr (P2pProfiles) ours = p2p_profiles_new (path);
  g_autoptr (P2pProfiles) theirs = p2p_profiles_new (path);
  g_autoptr (P2pAddress) one = p2p_address_parse ("one.example", NULL);
  g_autoptr (P2pAddress) two = p2p_address_parse ("[::1]:9000", NULL);
  g_autoptr (P2pProfile) first = p2p_profile_new (one);
  g_autoptr (P2pProfile) second = p2p_profile_new (two);
  g_autoptr (GError) error = NULL;
  const P2pPin pin = { { 0xab, 0xcd } };
  struct stat st;

  g_assert_true (p2p_profiles_load (ours, &error));
  g_assert_true (p2p_profiles_load (theirs, &error));
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (ours)), ==, 0);

  p2p_profile_set_pin (first, &pin);
  p2p_profile_set_username (first, "ada");
  g_assert_true (p2p_profiles_save (ours, first, &error));
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 0777, ==, 0600);

  /* The other program has not read ours, and still keeps it. */
  g_assert_true (p2p_profiles_save (theirs, second, &error));
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (theirs)), ==, 2);
  g_assert_true (p2p_profiles_load (ours, &error));
  g_assert_cmpstr (p2p_profile_get_username (p2p_profiles_find (ours, one)), ==, "ada");
  g_assert_true (p2p_pin_equal (p2p_profile_get_pin (p2p_profiles_find (ours, one)), &pin));
  g_assert_null (p2p_profile_get_pin (p2p_profiles_find (ours, two)));

  g_assert_true (p2p_profiles_remove (ours, two, &error));
  g_assert_null (p2p_profiles_find (ours, two));

  /* Unknown members survive, damage is told and nothing is overwritten. */
  g_assert_true (g_file_set_contents (
      path, "{\"profiles\":[{\"url\":\"https://x:1\",\"colour\":\"red\"},{},7]}", -1, NULL));
  g_assert_true (p2p_profiles_save (ours, first, &error));
  text = file_text (path);
  g_assert_nonnull (strstr (text, "\"colour\" : \"red\""));
  g_assert_true (g_file_set_contents (path, "{\"profiles\":[", -1, NULL));
  g_assert_false (p2p_profiles_save (ours, second, &error));
  g_assert_error (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_FILE);
  g_free (text);
  text = file_text (path);
  g_assert_cmpstr (text, ==, "{\"profiles\":[");

  g_unlink (path);
  g_unlink (lock);
  g_rmdir (inner);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static GPtrArray *
resources_of (GType type, const char *json)
{
  g_autoptr (JsonNode) node = json_from_string (json, NULL);
  GPtrArray *items = g_ptr_array_new_with_free_func (g_object_unref);

  for (unsigned i = 0; i < json_array_get_length (json_node_get_array (node)); i++)
    g_ptr_array_add (
        items, p2p_resource_new (type, p2p_json_array_object (json_node_get_array (node), i)));
  return items;
}

static void
merge_json (P2pStore *store, const char *json)
{
  g_autoptr (GPtrArray) fresh = resources_of (P2P_TYPE_TARGET, json);

  p2p_store_merge (store, fresh);
}

static void
count_cb (G_GNUC_UNUSED P2pResource *resource, gpointer user_data)
{
  ++*(int *) user_data;
}

static void
items_changed_cb (G_GNUC_UNUSED GListModel *model,
                  G_GNUC_UNUSED unsigned    position,
                  unsigned                  removed,
                  unsigned                  added,
                  gpointer                  user_data)
{
  *(int *) user_data += (int) (removed + added);
}

static char *
ids_of (P2pStore *store)
{
  GString *text = g_string_new (NULL);

  for (unsigned i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (store)); i++)
    {
      g_autoptr (P2pResource) item = g_list_model_get_item (G_LIST_MODEL (store), i);

      g_string_append_printf (text, "%d ", (int) p2p_resource_get_id (item));
      g_assert_true (p2p_store_find (store, p2p_resource_get_id (item)) == item);
    }
  return g_string_free (text, FALSE);
}

static void
test_store (void)
{
  static const struct
  {
    const char *json;
    const char *ids;
    int n_moved;
  } cases[] = {
    { "[{\"id\":5},{\"id\":2},{\"id\":9}]", "2 5 9 ", 3 },
    { "[{\"id\":2},{\"id\":5},{\"id\":9}]", "2 5 9 ", 0 },
    { "[{\"id\":1},{\"id\":5},{\"id\":6},{\"id\":12}]", "1 5 6 12 ", 5 },
    { "[{\"id\":5},{\"id\":5,\"name\":\"twice\"}]", "5 ", 3 },
    { "[{\"id\":5,\"name\":\"new\",\"unheard\":[1]}]", "5 ", 0 },
    { "[]", "", 1 },
    { "[{\"id\":5}]", "5 ", 1 },
  };
  g_autoptr (P2pStore) store = p2p_store_new (P2P_TYPE_TARGET);
  int n_moved = 0;

  g_signal_connect (store, "items-changed", G_CALLBACK (items_changed_cb), &n_moved);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *ids = NULL;

      n_moved = 0;
      merge_json (store, cases[i].json);
      ids = ids_of (store);
      g_assert_cmpstr (ids, ==, cases[i].ids);
      g_assert_cmpint (n_moved, ==, cases[i].n_moved);
    }
}

static void
test_store_keeps_objects (void)
{
  g_autoptr (P2pStore) store = p2p_store_new (P2P_TYPE_TARGET);
  P2pResource *kept;
  int n_changed = 0;

  merge_json (store, "[{\"id\":5,\"name\":\"a\",\"status\":{\"health\":\"healthy\"}}]");
  kept = p2p_store_find (store, 5);
  g_signal_connect (kept, "changed", G_CALLBACK (count_cb), &n_changed);
  merge_json (store, "[{\"id\":5,\"name\":\"a\",\"status\":{\"health\":\"healthy\"}}]");
  g_assert_cmpint (n_changed, ==, 0);
  merge_json (store,
              "[{\"id\":4},{\"id\":5,\"name\":\"b\",\"status\":{\"health\":\"unhealthy\"}}]");
  g_assert_cmpint (n_changed, ==, 1);
  g_assert_true (p2p_store_find (store, 5) == kept);
  g_assert_cmpstr (p2p_resource_get_name (kept), ==, "b");
  g_assert_cmpstr (p2p_resource_get_state (kept), ==, "unhealthy");
}

static void
test_route_state (void)
{
#define TARGET(id, health)                                                                         \
  "{\"id\":" #id ",\"type\":\"proxy\",\"status\":{\"health\":\"" health "\"}}"
  static const struct
  {
    const char *json;
    const char *state;
  } cases[] = {
    { "[{\"id\":1,\"targets\":[]}]", "empty" },
    { "[{\"id\":1}]", "empty" },
    { "[{\"id\":1,\"targets\":7}]", "empty" },
    { "[{\"id\":1,\"enabled\":false,\"targets\":[" TARGET (1, "healthy") "]}]", "disabled" },
    { "[{\"id\":1,\"action\":\"redirect\"}]", "redirect" },
    { "[{\"id\":1,\"targets\":[" TARGET (1, "healthy") "]}]", "healthy" },
    { "[{\"id\":1,\"targets\":[" TARGET (1, "unknown") "]}]", "unknown" },
    { "[{\"id\":1,\"targets\":[" TARGET (1, "healthy") "," TARGET (2, "disconnected") "]}]",
      "degraded" },
    { "[{\"id\":1,\"targets\":[" TARGET (1, "unhealthy") "," TARGET (2, "disconnected") "]}]",
      "unhealthy" },
    { "[{\"id\":1,\"targets\":[{\"id\":1,\"type\":\"static\"}]}]", "healthy" },
    { "[{\"id\":1,\"targets\":[{\"id\":1,\"enabled\":false,\"type\":\"static\"}]}]", "empty" },
  };
#undef TARGET

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GPtrArray) routes = resources_of (P2P_TYPE_ROUTE, cases[i].json);

      g_test_message ("%s", cases[i].json);
      g_assert_cmpstr (p2p_resource_get_state (g_ptr_array_index (routes, 0)), ==, cases[i].state);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/client/address", test_address);
  g_test_add_func ("/client/pin", test_pin);
  g_test_add_func ("/client/text", test_text);
  g_test_add_func ("/client/problem", test_problem);
  g_test_add_func ("/client/profiles", test_profiles);
  g_test_add_func ("/client/store", test_store);
  g_test_add_func ("/client/store-keeps-objects", test_store_keeps_objects);
  g_test_add_func ("/client/route-state", test_route_state);
  return g_test_run ();
}
