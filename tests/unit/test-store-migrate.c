/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The store: migrations of files of an older, a newer and a strange form. */
#include "tests/unit/store-fixture.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

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
test_migration (StoreFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *copy = g_strdup_printf ("%s/p2pstream.db.v%u", fixture->dir, store_n_migrations);
  StoreTx *tx = store_fixture_begin_write (fixture);
  struct stat info;
  Store *store;

  (void) data;
  store_fixture_insert_listener (tx, "kept", &error);
  store_fixture_commit (tx);
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

/* What was made for a route is the administrator's now; what a listener falls back to stays its
 * own. */
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
  store_fixture_commit (tx);
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
  store_fixture_remove_dir (dir);
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
  store_fixture_remove_dir (dir);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func)                                                                            \
  g_test_add ("/store/" path, StoreFixture, NULL, store_fixture_init, func, store_fixture_done)
  ADD ("migration", test_migration);
#undef ADD
  g_test_add_func ("/store/strange-files", test_strange_files);
  g_test_add_func ("/store/from-first", test_from_first);
  return g_test_run ();
}
