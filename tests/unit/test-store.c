/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The store: opening, modes, migrations, transactions, and each table's rows there and back. */
#include "daemon/store/store-priv.h"

#include <glib/gstdio.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  char *dir;
  Store *store;
} Fixture;

static void
fixture_init (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;

  (void) data;
  fixture->dir = g_dir_make_tmp ("p2pstream-store-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->store = store_open (fixture->dir, &error);
  g_assert_no_error (error);
}

static void
remove_dir (const char *dir)
{
  g_autoptr (GDir) entries = g_dir_open (dir, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (entries)))
    {
      g_autofree char *path = g_build_filename (dir, name, NULL);

      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (dir), ==, 0);
}

static void
fixture_done (Fixture *fixture, const void *data)
{
  (void) data;
  store_close (fixture->store);
  remove_dir (fixture->dir);
  g_free (fixture->dir);
}

static void
set (char **field, const char *value)
{
  g_free (*field);
  *field = g_strdup (value);
}

static StoreTx *
begin_write (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = store_begin_write (fixture->store, &error);

  g_assert_no_error (error);
  return tx;
}

static void
commit (StoreTx *tx)
{
  g_autoptr (GError) error = NULL;

  store_commit (tx, &error);
  g_assert_no_error (error);
  store_end (tx);
}

static int64_t
insert_listener (StoreTx *tx, const char *name, GError **error)
{
  g_autoptr (StoreListener) row = store_listener_new ();

  set (&row->name, name);
  row->protocol = STORE_PROTOCOL_HTTPS;
  row->port = 8443;
  return store_listener_insert (tx, row, error) ? row->id : 0;
}

static void
test_files (Fixture *fixture, const void *data)
{
  static const char *const names[] = { "p2pstream.db", "p2pstream.db-wal", "p2pstream.db-shm",
                                       "p2pstream.lock" };

  (void) data;
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (fixture->dir, names[i], NULL);
      struct stat info;

      g_assert_cmpint (stat (path, &info), ==, 0);
      g_assert_cmpint (info.st_mode & 07777, ==, 0600);
    }
  g_assert_cmpuint (strlen (store_get_instance_id (fixture->store)), ==, 32);
}

static void
test_reopen (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *instance_id = g_strdup (store_get_instance_id (fixture->store));
  StoreTx *tx = begin_write (fixture);
  int64_t id = insert_listener (tx, "web", &error);
  g_autoptr (StoreListener) row = NULL;

  (void) data;
  commit (tx);
  g_assert_null (store_open (fixture->dir, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_BUSY);
  g_clear_error (&error);

  store_close (fixture->store);
  fixture->store = store_open (fixture->dir, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (store_get_instance_id (fixture->store), ==, instance_id);
  tx = store_begin_read (fixture->store, &error);
  row = store_listener_get (tx, id, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (row->name, ==, "web");
  store_end (tx);
}

static void
test_isolation (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *writer = begin_write (fixture);
  StoreTx *before, *after;
  g_autoptr (GPtrArray) none = NULL, one = NULL;
  int64_t first, second;

  (void) data;
  first = insert_listener (writer, "a", &error);
  before = store_begin_read (fixture->store, &error);
  none = store_listener_list (before, 0, 10, &error);
  g_assert_cmpuint (none->len, ==, 0); /* and did not wait */
  g_assert_true (store_listener_delete (writer, first, 0, &error));
  second = insert_listener (writer, "b", &error);
  g_assert_cmpint (second, >, first); /* an id is never used twice */
  commit (writer);
  g_clear_pointer (&none, g_ptr_array_unref);
  none = store_listener_list (before, 0, 10, &error);
  g_assert_cmpuint (none->len, ==, 0); /* one state for the whole transaction */
  store_end (before);
  after = store_begin_read (fixture->store, &error);
  one = store_listener_list (after, 0, 10, &error);
  g_assert_cmpuint (one->len, ==, 1);
  store_end (after);

  writer = begin_write (fixture);
  g_assert_true (store_listener_delete (writer, second, 0, &error));
  store_end (writer); /* rolls back */
  after = store_begin_read (fixture->store, &error);
  g_clear_pointer (&one, g_ptr_array_unref);
  one = store_listener_list (after, 0, 10, &error);
  g_assert_cmpuint (one->len, ==, 1);
  store_end (after);
}

static void
test_versions (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = begin_write (fixture);
  int64_t id = insert_listener (tx, "web", &error);
  g_autoptr (StoreListener) row = store_listener_get (tx, id, &error);

  (void) data;
  g_assert_cmpint (row->version, ==, 1);
  g_assert_true (store_listener_update (tx, row, 1, &error));
  g_assert_cmpint (row->version, ==, 2);
  g_assert_true (store_listener_update (tx, row, 0, &error));
  g_assert_cmpint (row->version, ==, 3);

  g_assert_false (store_listener_update (tx, row, 2, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_STALE);
  g_clear_error (&error);
  g_assert_false (store_listener_delete (tx, id, 2, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_STALE);
  g_clear_error (&error);
  g_assert_false (store_listener_delete (tx, id + 1, 0, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (store_listener_get (tx, id + 1, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_true (store_listener_delete (tx, id, 3, &error));

  /* Back under the same name: another id. */
  g_assert_cmpint (insert_listener (tx, "web", &error), >, id);
  commit (tx);
}

static void
test_conflicts (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = begin_write (fixture);
  int64_t id = insert_listener (tx, "web", &error);
  g_autoptr (StoreRoute) route = store_route_new ();
  g_autoptr (StoreRoute) second = store_route_new ();

  (void) data;
  g_assert_cmpint (insert_listener (tx, "web", &error), ==, 0);
  g_assert_error (error, STORE_ERROR, STORE_ERROR_CONFLICT);
  g_assert_cmpstr (error->message, ==, "listener 'web': the name is taken");
  g_assert_cmpstr (store_error_get_field (error), ==, "name");
  g_clear_error (&error);

  set (&route->name, "all");
  route->listener_id = id + 1;
  g_assert_false (store_route_insert (tx, route, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_REFERENCE);
  g_assert_cmpstr (store_error_get_field (error), ==, "listener_id");
  g_clear_error (&error);

  route->listener_id = id;
  route->is_default = true;
  g_assert_true (store_route_insert (tx, route, &error));
  set (&second->name, "other");
  second->listener_id = id;
  second->is_default = true;
  g_assert_false (store_route_insert (tx, second, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_CONFLICT);
  g_assert_cmpstr (store_error_get_field (error), ==, "is_default");
  g_clear_error (&error);

  g_assert_false (store_listener_delete (tx, id, 0, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_CONFLICT);
  g_assert_nonnull (strstr (error->message, "'all'"));
  g_clear_error (&error);

  g_assert_true (store_meta_insert (tx, "setup_at", "1", &error));
  g_assert_false (store_meta_insert (tx, "setup_at", "2", &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_CONFLICT);
  g_clear_error (&error);
  g_assert_true (store_meta_set (tx, "setup_at", "3", &error));
  store_end (tx);
}

static void
add_target (StoreRoute *route, const char *name)
{
  StoreTarget *target = store_target_new ();

  set (&target->name, name);
  set (&target->url, "https://origin.example:8443/base");
  store_pairs_add (target->match_labels, "site", "\"quoted\"");
  store_pairs_add (target->static_response_headers, "X-A", "1");
  store_pairs_add (target->static_response_headers, "X-A", "2");
  target->upstream_idle_timeout_ms = 7;
  g_ptr_array_add (route->targets, target);
}

static void
test_targets (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = begin_write (fixture);
  g_autoptr (StoreRoute) route = store_route_new ();
  g_autoptr (StoreRoute) back = NULL;
  StoreTarget *target;
  int64_t first, second;

  (void) data;
  set (&route->name, "r");
  route->listener_id = insert_listener (tx, "web", &error);
  add_target (route, "a");
  add_target (route, "b");
  g_assert_true (store_route_insert (tx, route, &error));
  first = ((StoreTarget *) route->targets->pdata[0])->id;
  second = ((StoreTarget *) route->targets->pdata[1])->id;

  back = store_route_get (tx, route->id, &error);
  g_assert_no_error (error);
  target = back->targets->pdata[0];
  g_assert_cmpint (target->id, ==, first);
  g_assert_cmpstr (target->url, ==, "https://origin.example:8443/base");
  g_assert_cmpstr (store_pairs_get (target->match_labels, "site"), ==, "\"quoted\"");
  g_assert_cmpuint (target->static_response_headers->len, ==, 2);
  g_assert_cmpstr (target->allowed_upgrades[0], ==, "websocket");
  g_assert_null (target->allowed_upgrades[1]);
  g_assert_cmpint (target->upstream_idle_timeout_ms, ==, 7);

  /* Turned round, the one changed, the other not; a third made. */
  target = g_ptr_array_steal_index (back->targets, 0);
  g_ptr_array_add (back->targets, target);
  target->enabled = false;
  add_target (back, "c");
  g_assert_true (store_route_update (tx, back, 1, &error));
  g_assert_no_error (error);
  g_clear_pointer (&route, store_route_free);
  route = store_route_get (tx, back->id, &error);
  g_assert_cmpuint (route->targets->len, ==, 3);
  target = route->targets->pdata[0];
  g_assert_cmpint (target->id, ==, second);
  g_assert_cmpint (target->version, ==, 1);
  target = route->targets->pdata[1];
  g_assert_cmpint (target->id, ==, first);
  g_assert_cmpint (target->version, ==, 2);

  /* Left out: deleted. Another route's id: refused. */
  g_ptr_array_remove_index (route->targets, 0);
  g_assert_true (store_route_update (tx, route, 0, &error));
  target = route->targets->pdata[0];
  target->id = second;
  g_assert_false (store_route_update (tx, route, 0, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_REFERENCE);
  g_assert_cmpstr (store_error_get_field (error), ==, "targets[0].id");
  store_end (tx);
}

/* Every member of the proxy's rows comes back; each change of one is a new version of the target.
 */
static void
fill_target (StoreTarget *row)
{
  row->priority_group = 3;
  row->weight = 7;
  row->agent_load_balancing = STORE_BALANCE_WEIGHTED_RANDOM;
  row->max_concurrent_requests = 11;
  row->max_connections = 12;
  store_pairs_add (row->upstream_request_headers, "X-Plain", "seen");
  store_pairs_add_sensitive (row->upstream_request_headers, "X-Key", "canary");
  set (&row->upstream_username, "u");
  set (&row->upstream_password, "p");
  row->health_enabled = true;
  row->health_method = STORE_HEALTH_OPTIONS;
  set (&row->health_path, "/live?x");
  row->health_interval_ms = 2000;
  row->health_timeout_ms = 300;
  row->health_healthy_threshold = 4;
  row->health_unhealthy_threshold = 5;
  row->health_status_min = 201;
  row->health_status_max = 299;
}

static void
check_filled_target (const StoreTarget *row)
{
  const StorePair *key = row->upstream_request_headers->pdata[1];

  g_assert_cmpint (row->priority_group, ==, 3);
  g_assert_cmpint (row->weight, ==, 7);
  g_assert_cmpint (row->agent_load_balancing, ==, STORE_BALANCE_WEIGHTED_RANDOM);
  g_assert_cmpint (row->max_concurrent_requests, ==, 11);
  g_assert_cmpint (row->max_connections, ==, 12);
  g_assert_cmpuint (row->upstream_request_headers->len, ==, 2);
  g_assert_false (((StorePair *) row->upstream_request_headers->pdata[0])->sensitive);
  g_assert_cmpstr (key->name, ==, "X-Key");
  g_assert_cmpstr (key->value, ==, "canary");
  g_assert_true (key->sensitive);
  g_assert_cmpstr (row->upstream_username, ==, "u");
  g_assert_cmpstr (row->upstream_password, ==, "p");
  g_assert_true (row->health_enabled);
  g_assert_cmpint (row->health_method, ==, STORE_HEALTH_OPTIONS);
  g_assert_cmpstr (row->health_path, ==, "/live?x");
  g_assert_cmpint (row->health_interval_ms, ==, 2000);
  g_assert_cmpint (row->health_timeout_ms, ==, 300);
  g_assert_cmpint (row->health_healthy_threshold, ==, 4);
  g_assert_cmpint (row->health_unhealthy_threshold, ==, 5);
  g_assert_cmpint (row->health_status_min, ==, 201);
  g_assert_cmpint (row->health_status_max, ==, 299);
}

static void
change_member (StoreTarget *row, int which)
{
  int64_t *const numbers[] = { &row->priority_group,           &row->weight,
                               &row->max_concurrent_requests,  &row->max_connections,
                               &row->health_interval_ms,       &row->health_timeout_ms,
                               &row->health_healthy_threshold, &row->health_unhealthy_threshold,
                               &row->health_status_min,        &row->health_status_max };

  switch (which)
    {
    case 0:
      set (&row->upstream_username, "other");
      break;
    case 1:
      set (&row->upstream_password, "other");
      break;
    case 2:
      set (&row->health_path, "/other");
      break;
    case 3:
      row->health_method = STORE_HEALTH_HEAD;
      break;
    case 4:
      row->health_enabled = false;
      break;
    case 5:
      row->agent_load_balancing = STORE_BALANCE_LEAST_ACTIVE;
      break;
    case 6:
      ((StorePair *) row->upstream_request_headers->pdata[0])->sensitive = true;
      break;
    default:
      ++*numbers[which - 7];
      break;
    }
}

static void
test_proxy_members (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = begin_write (fixture);
  g_autoptr (StoreListener) listener = store_listener_new ();
  g_autoptr (StoreListener) heard = NULL;
  g_autoptr (StoreRoute) route = store_route_new ();
  g_autoptr (StoreRoute) back = NULL;

  (void) data;
  set (&listener->name, "web");
  g_strfreev (listener->trusted_proxy_cidrs);
  listener->trusted_proxy_cidrs = g_strsplit ("10.0.0.0/8,fd00::/8", ",", -1);
  listener->accept_proxy_protocol = STORE_PROXY_PROTOCOL_V2;
  g_assert_true (store_listener_insert (tx, listener, &error));
  g_assert_true (store_listener_update (tx, listener, 1, &error));
  heard = store_listener_get (tx, listener->id, &error);
  g_assert_cmpstr (heard->trusted_proxy_cidrs[1], ==, "fd00::/8");
  g_assert_cmpint (heard->accept_proxy_protocol, ==, STORE_PROXY_PROTOCOL_V2);

  route->listener_id = listener->id;
  route->action = STORE_ACTION_REDIRECT;
  route->target_load_balancing = STORE_BALANCE_WEIGHTED_LEAST_ACTIVE;
  route->redirect_target_mode = STORE_REDIRECT_ABSOLUTE_URL;
  set (&route->redirect_target, "https://x.example/");
  route->redirect_status_code = 308;
  route->redirect_preserve_query = true;
  add_target (route, "t");
  fill_target (route->targets->pdata[0]);
  g_assert_true (store_route_insert (tx, route, &error));
  g_assert_true (store_route_update (tx, route, 1, &error));
  back = store_route_get (tx, route->id, &error);
  g_assert_no_error (error);
  g_assert_cmpint (back->action, ==, STORE_ACTION_REDIRECT);
  g_assert_cmpint (back->target_load_balancing, ==, STORE_BALANCE_WEIGHTED_LEAST_ACTIVE);
  g_assert_cmpint (back->redirect_target_mode, ==, STORE_REDIRECT_ABSOLUTE_URL);
  g_assert_cmpstr (back->redirect_target, ==, "https://x.example/");
  g_assert_cmpint (back->redirect_status_code, ==, 308);
  g_assert_false (back->redirect_preserve_path_suffix);
  g_assert_true (back->redirect_preserve_query);
  check_filled_target (back->targets->pdata[0]);
  for (int i = 0; i < 17; i++)
    {
      StoreTarget *target = back->targets->pdata[0];

      change_member (target, i);
      g_assert_true (store_route_update (tx, back, 0, &error));
      g_test_message ("member %d", i);
      g_assert_cmpint (target->version, ==, i + 2);
    }
  store_end (tx);
}

static void
test_people (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = begin_write (fixture);
  g_autoptr (StoreUser) user = store_user_new ();
  g_autoptr (StoreSession) session = store_session_new ();
  g_autoptr (StoreSession) found = NULL;
  g_autoptr (StoreToken) token = store_token_new ();
  g_autoptr (StoreToken) found_token = NULL;
  uint8_t other[STORE_HASH_SIZE] = { 9 };

  (void) data;
  set (&user->username, "alice");
  user->role = STORE_ROLE_VIEWER;
  g_assert_true (store_user_insert (tx, user, &error));
  g_assert_cmpint (store_user_count (tx, STORE_ROLE_VIEWER, &error), ==, 1);
  g_assert_cmpint (store_user_count (tx, STORE_ROLE_ADMIN, &error), ==, 0);
  g_assert_true (store_user_set_last_login (tx, user->id, 77, &error));

  session->user_id = user->id;
  session->kind = STORE_SESSION_COOKIE;
  memset (session->token_sha256, 7, STORE_HASH_SIZE);
  session->expires_at = 1000;
  g_assert_true (store_session_insert (tx, session, &error));
  found = store_session_find (tx, session->token_sha256, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (found->username, ==, "alice");
  g_assert_cmpint (found->role, ==, STORE_ROLE_VIEWER);
  g_assert_cmpint (found->kind, ==, STORE_SESSION_COOKIE);
  g_assert_null (store_session_find (tx, other, NULL));
  g_assert_true (store_session_set_used (tx, session->id, 500, 2000, &error));
  g_assert_true (store_session_delete_expired (tx, 1999, &error));
  g_clear_pointer (&found, store_session_free);
  found = store_session_get (tx, session->id, &error);
  g_assert_cmpint (found->expires_at, ==, 2000);
  g_assert_true (store_session_delete_of_user (tx, user->id, session->id, &error));
  g_assert_true (
      store_user_delete (tx, user->id, 1, &error)); /* a login did not change the version */
  g_assert_null (store_session_get (tx, session->id, NULL));
  g_assert_false (store_session_delete (tx, session->id, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_NOT_FOUND);
  g_clear_error (&error);

  set (&token->name, "ci");
  g_assert_true (store_token_insert (tx, token, &error));
  found_token = store_token_find (tx, token->token_sha256, &error);
  g_assert_no_error (error);
  g_assert_true (found_token->enabled);
  g_assert_true (store_token_set_used (tx, token->id, 5, &error));
  g_assert_true (store_token_update (tx, token, 1, &error));
  g_assert_true (store_token_delete (tx, token->id, 2, &error));
  commit (tx);
}

static void
test_agents (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = begin_write (fixture);
  g_autoptr (StoreAgent) agent = store_agent_new ();
  g_autoptr (StoreAgent) back = NULL;
  uint8_t hash[STORE_HASH_SIZE];

  (void) data;
  memset (hash, 3, sizeof hash);
  set (&agent->name, "home");
  set (&agent->public_id, "agt_1");
  store_pairs_add (agent->labels, "site", "home");
  g_assert_true (store_agent_insert (tx, agent, &error));
  g_assert_true (store_agent_set_token (tx, agent->id, hash, &error));
  g_assert_true (store_agent_update (tx, agent, 2, &error));
  back = store_agent_get (tx, agent->id, &error);
  g_assert_cmpint (back->version, ==, 3);
  g_assert_cmpmem (back->token_sha256, sizeof hash, hash, sizeof hash);
  g_assert_true (store_pairs_equal (agent->labels, back->labels));
  g_assert_true (store_agent_delete (tx, agent->id, 3, &error));
  commit (tx);
}

static void
test_certificates (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = begin_write (fixture);
  g_autoptr (StoreCertificate) row = store_certificate_new ();
  g_autoptr (StoreCertificate) found = NULL;
  g_autoptr (GPtrArray) list = NULL;
  int64_t listener_id = insert_listener (tx, "web", &error), other = insert_listener (tx, "w", &error);
  int64_t named;

  (void) data;
  set (&row->hostname_pattern, "a.example");
  set (&row->certificate_path, "/a.crt");
  set (&row->private_key_path, "/a.key");
  g_assert_true (store_certificate_insert (tx, row, &error));
  g_assert_true (store_certificate_insert (tx, row, &error)); /* for another kind of key */
  named = row->id;
  row->listener_id = listener_id;
  row->enabled = false;
  set (&row->certificate_pem, "chain");
  set (&row->private_key_pem, "key");
  row->source = STORE_CERTIFICATE_SELF_SIGNED;
  row->not_after = 5;
  g_assert_true (store_certificate_update (tx, row, 1, &error));
  g_assert_cmpint (row->version, ==, 2);
  g_assert_false (store_certificate_update (tx, row, 1, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_STALE);
  g_clear_error (&error);
  found = store_certificate_get (tx, named, &error);
  g_assert_no_error (error);
  g_assert_cmpint (found->listener_id, ==, listener_id);
  g_assert_cmpint (found->source, ==, STORE_CERTIFICATE_SELF_SIGNED);
  g_assert_false (found->enabled);
  g_assert_cmpstr (found->hostname_pattern, ==, "a.example");
  g_assert_cmpstr (found->certificate_pem, ==, "chain");
  g_assert_cmpstr (found->private_key_pem, ==, "key");
  g_assert_cmpstr (found->certificate_path, ==, "/a.crt");
  g_assert_cmpstr (found->private_key_path, ==, "/a.key");
  g_assert_cmpint (found->not_after, ==, 5);

  set (&row->hostname_pattern, "");
  row->source = STORE_CERTIFICATE_FALLBACK;
  row->listener_id = other;
  g_assert_true (store_certificate_insert (tx, row, &error));
  g_assert_false (store_certificate_insert (tx, row, &error)); /* one a listener */
  g_clear_error (&error);
  list = store_certificate_list (tx, 0, 10, &error);
  g_assert_cmpuint (list->len, ==, 2); /* without the fallback */

  /* A certificate holds its listener; a fallback goes with it. */
  g_assert_false (store_listener_delete (tx, listener_id, 0, &error));
  g_assert_nonnull (strstr (error->message, "in use by 1 certificate: 'a.example'"));
  g_clear_error (&error);
  g_assert_true (store_certificate_delete (tx, named, 2, &error));
  g_assert_true (store_listener_delete (tx, listener_id, 0, &error));
  g_assert_true (store_listener_delete (tx, other, 0, &error));
  g_assert_null (store_certificate_get (tx, row->id, NULL));
  store_end (tx);
}

static void
test_lists (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = begin_write (fixture);
  g_autoptr (GPtrArray) page = NULL, rest = NULL, newest = NULL, by_alice = NULL;
  StoreAuditFilter all = { 0 };
  StoreAuditFilter alice = { .from = 3, .to = 9, .principal = "user:alice" };

  (void) data;
  for (int i = 1; i <= 10; i++)
    {
      g_autofree char *name = g_strdup_printf ("l%d", i);
      g_autoptr (StoreAudit) audit = store_audit_new ();

      insert_listener (tx, name, &error);
      audit->at = i;
      set (&audit->principal, i % 2 ? "user:alice" : "user:bob");
      audit->after = i == 10 ? g_strdup ("{}") : NULL;
      g_assert_true (store_audit_insert (tx, audit, &error));
    }
  page = store_listener_list (tx, 0, 4, &error);
  g_assert_cmpuint (page->len, ==, 4);
  rest = store_listener_list (tx, ((StoreListener *) page->pdata[3])->id, STORE_LIST_MAX, &error);
  g_assert_cmpuint (rest->len, ==, 6);
  g_assert_cmpstr (((StoreListener *) rest->pdata[0])->name, ==, "l5");

  newest = store_audit_list (tx, &all, 0, 3, &error);
  g_assert_cmpuint (newest->len, ==, 3);
  g_assert_cmpint (((StoreAudit *) newest->pdata[0])->at, ==, 10);
  g_assert_cmpstr (((StoreAudit *) newest->pdata[0])->after, ==, "{}");
  g_assert_null (((StoreAudit *) newest->pdata[1])->after);
  by_alice = store_audit_list (tx, &alice, ((StoreAudit *) newest->pdata[2])->id, 10, &error);
  g_assert_cmpuint (by_alice->len, ==, 3); /* 7, 5, 3 */
  g_assert_cmpint (((StoreAudit *) by_alice->pdata[0])->at, ==, 7);
  store_end (tx);
}

static void
test_damage (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = begin_write (fixture);
  int64_t id = insert_listener (tx, "web", &error);

  (void) data;
  g_assert_cmpint (
      sqlite3_exec (tx->conn->db, "UPDATE listeners SET protocol = 'gopher'", NULL, NULL, NULL), ==,
      SQLITE_OK);
  g_assert_null (store_listener_get (tx, id, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_CORRUPT);
  g_assert_nonnull (strstr (error->message, "column protocol of row 1"));
  store_end (tx);
}

/* ---- Migrations ---- */

static const char next_sql[] = "ALTER TABLE listeners ADD COLUMN note TEXT NOT NULL DEFAULT 'none'";
static const char broken_sql[] = "CREATE TABLE half (a BIGINT); INSERT INTO missing VALUES (1)";

/* With one more migration behind the real ones. */
static Store *
open_with (const char *dir, const char *sql, GError **error)
{
  StoreMigration migrations[32];

  g_assert_cmpuint (store_n_migrations, <, G_N_ELEMENTS (migrations));
  for (unsigned i = 0; i < store_n_migrations; i++)
    migrations[i] = store_migrations[i];
  migrations[store_n_migrations] = (StoreMigration){ store_n_migrations + 1, "9999-test.sql", sql };
  return store_open_with (dir, migrations, store_n_migrations + 1, error);
}

static bool
has_table (Store *store, const char *sql)
{
  g_autoptr (StoreTx) tx = store_begin_read (store, NULL);

  return sqlite3_exec (tx->conn->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static void
test_migration (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *copy = g_strdup_printf ("%s/p2pstream.db.v%u", fixture->dir, store_n_migrations);
  StoreTx *tx = begin_write (fixture);
  struct stat info;
  Store *store;

  (void) data;
  insert_listener (tx, "kept", &error);
  commit (tx);
  g_assert_cmpint (access (copy, F_OK), !=, 0); /* none at the first start */
  store_close (g_steal_pointer (&fixture->store));

  /* A migration that fails leaves everything as it was. */
  g_assert_null (open_with (fixture->dir, broken_sql, &error));
  g_assert_nonnull (strstr (error->message, "9999-test.sql"));
  g_clear_error (&error);
  store = store_open (fixture->dir, &error);
  g_assert_no_error (error);
  g_assert_false (has_table (store, "SELECT * FROM half"));
  store_close (store);

  store = open_with (fixture->dir, next_sql, &error);
  g_assert_no_error (error);
  g_assert_true (has_table (store, "SELECT note FROM listeners"));
  store_close (store);

  /* The copy is of the version before, whole, and private. */
  g_assert_cmpint (stat (copy, &info), ==, 0);
  g_assert_cmpint (info.st_mode & 07777, ==, 0600);
  {
    sqlite3 *db = NULL;

    g_assert_cmpint (sqlite3_open (copy, &db), ==, SQLITE_OK);
    g_assert_cmpint (sqlite3_exec (db, "SELECT note FROM listeners", NULL, NULL, NULL), ==,
                     SQLITE_ERROR);
    g_assert_cmpint (
        sqlite3_exec (db, "INSERT INTO listeners (id) SELECT id FROM listeners", NULL, NULL, NULL),
        ==, SQLITE_CONSTRAINT); /* the row is there */
    sqlite3_close (db);
  }

  /* The older program refuses the newer file, and does not touch it. */
  g_assert_null (store_open (fixture->dir, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_NEWER);
  g_assert_nonnull (strstr (error->message, "newer version"));
  g_assert_null (strchr (error->message, '\n'));
  g_clear_error (&error);
  fixture->store = open_with (fixture->dir, next_sql, &error);
  g_assert_no_error (error);
}

/* What the first version of the program left. */
static const char first_rows[]
    = "INSERT INTO listeners VALUES (3, 7, 'web', 'https', '', 443, 1);"
      "INSERT INTO routes VALUES (5, 2, 3, 'r', 100, 'a.example', '/', 1, 1, 'strict');"
      "INSERT INTO targets VALUES (9, 4, 5, 0, 't', 'proxy', 1, 'agent', 'http://10.0.0.1', "
      "'[[\"site\",\"x\"]]', 'preserve', '', '[\"websocket\"]', 0, '', '', 1, 2, 3, 200, '[]', "
      "'');"
      "INSERT INTO certificates VALUES (1, 1, 3, '', 'self_signed', 'c', 'k', 1, 2);"
      "INSERT INTO certificates VALUES (2, 6, NULL, 'a.example', 'self_signed', 'c', 'k', 1, 2);";

/* What was made for a route is the administrator's now; what a listener falls back to stays its own. */
static void
check_migrated_certificates (StoreTx *tx)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (StoreCertificate) fallback = store_certificate_get (tx, 1, &error);
  g_autoptr (StoreCertificate) named = store_certificate_get (tx, 2, &error);

  g_assert_no_error (error);
  g_assert_cmpint (fallback->source, ==, STORE_CERTIFICATE_FALLBACK);
  g_assert_cmpint (fallback->listener_id, ==, 3);
  g_assert_cmpint (named->source, ==, STORE_CERTIFICATE_SELF_SIGNED);
  g_assert_cmpint (named->version, ==, 6);
  g_assert_true (named->enabled);
  g_assert_cmpstr (named->private_key_pem, ==, "k");
  g_assert_cmpstr (named->certificate_path, ==, "");
}

static void
check_migrated_target (const StoreTarget *target)
{
  g_assert_cmpint (target->id, ==, 9);
  g_assert_cmpint (target->version, ==, 4);
  g_assert_cmpstr (store_pairs_get (target->match_labels, "site"), ==, "x");
  g_assert_cmpint (target->upstream_idle_timeout_ms, ==, 3);
  g_assert_cmpint (target->weight, ==, 1);
  g_assert_cmpint (target->priority_group, ==, 0);
  g_assert_cmpint (target->agent_load_balancing, ==, STORE_BALANCE_ROUND_ROBIN);
  g_assert_cmpint (target->max_concurrent_requests, ==, 0);
  g_assert_cmpint (target->max_connections, ==, 0);
  g_assert_cmpuint (target->upstream_request_headers->len, ==, 0);
  g_assert_cmpstr (target->upstream_username, ==, "");
  g_assert_cmpstr (target->upstream_password, ==, "");
}

/* The defaults of the migration are those of a new row. */
static void
check_migrated_health (const StoreTarget *target)
{
  g_autoptr (StoreTarget) fresh = store_target_new ();

  g_assert_cmpint (target->health_enabled, ==, fresh->health_enabled);
  g_assert_cmpint (target->health_method, ==, fresh->health_method);
  g_assert_cmpstr (target->health_path, ==, fresh->health_path);
  g_assert_cmpint (target->health_interval_ms, ==, fresh->health_interval_ms);
  g_assert_cmpint (target->health_timeout_ms, ==, fresh->health_timeout_ms);
  g_assert_cmpint (target->health_healthy_threshold, ==, fresh->health_healthy_threshold);
  g_assert_cmpint (target->health_unhealthy_threshold, ==, fresh->health_unhealthy_threshold);
  g_assert_cmpint (target->health_status_min, ==, fresh->health_status_min);
  g_assert_cmpint (target->health_status_max, ==, fresh->health_status_max);
}

static void
test_from_first (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = g_dir_make_tmp ("p2pstream-store-XXXXXX", NULL);
  g_autofree char *copy = g_build_filename (dir, "p2pstream.db.v1", NULL);
  g_autoptr (StoreListener) listener = NULL;
  g_autoptr (StoreRoute) route = NULL;
  Store *store = store_open_with (dir, store_migrations, 1, &error);
  StoreTx *tx;

  g_assert_no_error (error);
  tx = store_begin_write (store, &error);
  g_assert_cmpint (sqlite3_exec (tx->conn->db, first_rows, NULL, NULL, NULL), ==, SQLITE_OK);
  commit (tx);
  store_close (store);

  store = store_open (dir, &error);
  g_assert_no_error (error);
  g_assert_cmpint (access (copy, F_OK), ==, 0);
  tx = store_begin_write (store, &error);
  listener = store_listener_get (tx, 3, &error);
  g_assert_no_error (error);
  g_assert_cmpint (listener->version, ==, 7);
  g_assert_null (listener->trusted_proxy_cidrs[0]);
  g_assert_cmpint (listener->accept_proxy_protocol, ==, STORE_PROXY_PROTOCOL_OFF);
  route = store_route_get (tx, 5, &error);
  g_assert_no_error (error);
  g_assert_cmpint (route->version, ==, 2);
  g_assert_true (route->is_default);
  g_assert_cmpint (route->action, ==, STORE_ACTION_FORWARD);
  g_assert_cmpint (route->target_load_balancing, ==, STORE_BALANCE_ROUND_ROBIN);
  g_assert_cmpint (route->redirect_status_code, ==, 302);
  g_assert_cmpstr (route->redirect_target, ==, "");
  g_assert_cmpuint (route->targets->len, ==, 1);
  check_migrated_target (route->targets->pdata[0]);
  check_migrated_health (route->targets->pdata[0]);
  check_migrated_certificates (tx);
  g_assert_true (store_route_update (tx, route, 2, &error)); /* and can be written */
  g_assert_cmpint (((StoreTarget *) route->targets->pdata[0])->version, ==, 4);
  store_end (tx);
  store_close (store);
  remove_dir (dir);
}

static void
test_strange_files (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = g_dir_make_tmp ("p2pstream-store-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "p2pstream.db", NULL);
  g_autofree char *text = g_strnfill (8192, 'x');
  g_autofree char *after = NULL;
  sqlite3 *db = NULL;

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_null (store_open (dir, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_CORRUPT);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_clear_error (&error);
  g_assert_true (g_file_get_contents (path, &after, NULL, NULL));
  g_assert_cmpstr (after, ==, text);

  g_assert_cmpint (g_remove (path), ==, 0);
  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "CREATE TABLE foreign_table (a)", NULL, NULL, NULL), ==,
                   SQLITE_OK);
  sqlite3_close (db);
  g_assert_null (store_open (dir, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_CORRUPT);
  g_assert_nonnull (strstr (error->message, "not a database of p2pstream"));
  remove_dir (dir);
}

/* ---- Threads ---- */

#define N_THREADS 8
#define N_ROUNDS 25

static atomic_int n_names;

static void *
thread_main (void *data)
{
  Fixture *fixture = data;

  for (int i = 0; i < N_ROUNDS; i++)
    {
      StoreTx *tx = begin_write (fixture);
      g_autofree char *name = g_strdup_printf ("l%d", atomic_fetch_add (&n_names, 1));
      g_autoptr (GPtrArray) rows = NULL;
      g_autoptr (GError) error = NULL;

      insert_listener (tx, name, &error);
      g_assert_no_error (error);
      if (i % 2)
        commit (tx);
      else
        store_end (tx);
      tx = store_begin_read (fixture->store, &error);
      g_assert_no_error (error);
      rows = store_listener_list (tx, 0, STORE_LIST_MAX, &error);
      g_assert_no_error (error);
      store_end (tx);
    }
  return NULL;
}

static void
test_threads (Fixture *fixture, const void *data)
{
  pthread_t threads[N_THREADS];
  g_autoptr (GPtrArray) rows = NULL;
  StoreTx *tx;

  (void) data;
  for (int i = 0; i < N_THREADS; i++)
    P2P_PTHREAD (pthread_create (&threads[i], NULL, thread_main, fixture));
  for (int i = 0; i < N_THREADS; i++)
    P2P_PTHREAD (pthread_join (threads[i], NULL));
  tx = store_begin_read (fixture->store, NULL);
  rows = store_listener_list (tx, 0, STORE_LIST_MAX, NULL);
  g_assert_cmpuint (rows->len, ==, N_THREADS * (N_ROUNDS / 2));
  store_end (tx);
}

static void
test_full (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = begin_write (fixture);
  g_autofree char *big = g_strnfill (1 << 20, 'x');
  g_autoptr (GPtrArray) rows = NULL;

  (void) data;
  g_assert_cmpint (sqlite3_exec (tx->conn->db, "PRAGMA max_page_count = 40", NULL, NULL, NULL), ==,
                   SQLITE_OK);
  g_assert_false (store_meta_insert (tx, "big", big, &error) && store_commit (tx, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_FULL);
  g_clear_error (&error);
  store_end (tx);
  tx = store_begin_read (fixture->store, &error);
  rows = store_listener_list (tx, 0, 10, &error);
  g_assert_no_error (error); /* reading goes on */
  store_end (tx);
  tx = begin_write (fixture);
  g_assert_cmpint (insert_listener (tx, "small", &error), >,
                   0); /* so does writing, when there is room */
  commit (tx);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add ("/store/" path, Fixture, NULL, fixture_init, func, fixture_done)
  ADD ("files", test_files);
  ADD ("reopen", test_reopen);
  ADD ("isolation", test_isolation);
  ADD ("versions", test_versions);
  ADD ("conflicts", test_conflicts);
  ADD ("targets", test_targets);
  ADD ("proxy-members", test_proxy_members);
  ADD ("people", test_people);
  ADD ("agents", test_agents);
  ADD ("certificates", test_certificates);
  ADD ("lists", test_lists);
  ADD ("damage", test_damage);
  ADD ("migration", test_migration);
  ADD ("threads", test_threads);
  ADD ("full", test_full);
#undef ADD
  g_test_add_func ("/store/strange-files", test_strange_files);
  g_test_add_func ("/store/from-first", test_from_first);
  return g_test_run ();
}
