/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The store: opening, modes, transactions, versions, lists, threads, and a file that is full. */
#include "tests/unit/store-fixture.h"

#include <glib/gstdio.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

static void
test_files (StoreFixture *fixture, const void *data)
{
  static const char *const names[]
      = { "p2pstream.db", "p2pstream.db-wal", "p2pstream.db-shm", "p2pstream.lock" };

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
test_reopen (StoreFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *instance_id = g_strdup (store_get_instance_id (fixture->store));
  StoreTx *tx = store_fixture_begin_write (fixture);
  int64_t id = store_fixture_insert_listener (tx, "web", &error);
  g_autoptr (StoreListener) row = NULL;

  (void) data;
  store_fixture_commit (tx);
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
test_isolation (StoreFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *writer = store_fixture_begin_write (fixture);
  StoreTx *before, *after;
  g_autoptr (GPtrArray) none = NULL, one = NULL;
  int64_t first, second;

  (void) data;
  first = store_fixture_insert_listener (writer, "a", &error);
  before = store_begin_read (fixture->store, &error);
  none = store_listener_list (before, 0, 10, &error);
  g_assert_cmpuint (none->len, ==, 0); /* and did not wait */
  g_assert_true (store_listener_delete (writer, first, 0, &error));
  second = store_fixture_insert_listener (writer, "b", &error);
  g_assert_cmpint (second, >, first); /* an id is never used twice */
  store_fixture_commit (writer);
  g_clear_pointer (&none, g_ptr_array_unref);
  none = store_listener_list (before, 0, 10, &error);
  g_assert_cmpuint (none->len, ==, 0); /* one state for the whole transaction */
  store_end (before);
  after = store_begin_read (fixture->store, &error);
  one = store_listener_list (after, 0, 10, &error);
  g_assert_cmpuint (one->len, ==, 1);
  store_end (after);

  writer = store_fixture_begin_write (fixture);
  g_assert_true (store_listener_delete (writer, second, 0, &error));
  store_end (writer); /* rolls back */
  after = store_begin_read (fixture->store, &error);
  g_clear_pointer (&one, g_ptr_array_unref);
  one = store_listener_list (after, 0, 10, &error);
  g_assert_cmpuint (one->len, ==, 1);
  store_end (after);
}

static void
test_versions (StoreFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = store_fixture_begin_write (fixture);
  int64_t id = store_fixture_insert_listener (tx, "web", &error);
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
  g_assert_cmpint (store_fixture_insert_listener (tx, "web", &error), >, id);
  store_fixture_commit (tx);
}

static void
test_conflicts (StoreFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = store_fixture_begin_write (fixture);
  int64_t id = store_fixture_insert_listener (tx, "web", &error);
  g_autoptr (StoreRoute) route = store_route_new ();
  g_autoptr (StoreRoute) second = store_route_new ();

  (void) data;
  g_assert_cmpint (store_fixture_insert_listener (tx, "web", &error), ==, 0);
  g_assert_error (error, STORE_ERROR, STORE_ERROR_CONFLICT);
  g_assert_cmpstr (error->message, ==, "listener 'web': the name is taken");
  g_assert_cmpstr (store_error_get_field (error), ==, "name");
  g_clear_error (&error);

  store_fixture_set (&route->name, "all");
  route->listener_id = id + 1;
  g_assert_false (store_route_insert (tx, route, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_REFERENCE);
  g_assert_cmpstr (store_error_get_field (error), ==, "listener_id");
  g_clear_error (&error);

  route->listener_id = id;
  route->is_default = true;
  g_assert_true (store_route_insert (tx, route, &error));
  store_fixture_set (&second->name, "other");
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
test_lists (StoreFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = store_fixture_begin_write (fixture);
  g_autoptr (GPtrArray) page = NULL, rest = NULL, newest = NULL, by_alice = NULL;
  StoreAuditFilter all = { 0 };
  StoreAuditFilter alice = { .from = 3, .to = 9, .principal = "user:alice" };

  (void) data;
  for (int i = 1; i <= 10; i++)
    {
      g_autofree char *name = g_strdup_printf ("l%d", i);
      g_autoptr (StoreAudit) audit = store_audit_new ();

      store_fixture_insert_listener (tx, name, &error);
      audit->at = i;
      store_fixture_set (&audit->principal, i % 2 ? "user:alice" : "user:bob");
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
test_damage (StoreFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = store_fixture_begin_write (fixture);
  int64_t id = store_fixture_insert_listener (tx, "web", &error);

  (void) data;
  g_assert_cmpint (
      sqlite3_exec (tx->conn->db, "UPDATE listeners SET protocol = 'gopher'", NULL, NULL, NULL), ==,
      SQLITE_OK);
  g_assert_null (store_listener_get (tx, id, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_CORRUPT);
  g_assert_nonnull (strstr (error->message, "column protocol of row 1"));
  store_end (tx);
}

/* ---- Threads ---- */

#define N_THREADS 8
#define N_ROUNDS 25

static atomic_int n_names;

static void *
thread_main (void *data)
{
  StoreFixture *fixture = data;

  for (int i = 0; i < N_ROUNDS; i++)
    {
      StoreTx *tx = store_fixture_begin_write (fixture);
      g_autofree char *name = g_strdup_printf ("l%d", atomic_fetch_add (&n_names, 1));
      g_autoptr (GPtrArray) rows = NULL;
      g_autoptr (GError) error = NULL;

      store_fixture_insert_listener (tx, name, &error);
      g_assert_no_error (error);
      if (i % 2)
        store_fixture_commit (tx);
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
test_threads (StoreFixture *fixture, const void *data)
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
test_full (StoreFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = store_fixture_begin_write (fixture);
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
  tx = store_fixture_begin_write (fixture);
  g_assert_cmpint (store_fixture_insert_listener (tx, "small", &error), >,
                   0); /* so does writing, when there is room */
  store_fixture_commit (tx);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func)                                                                            \
  g_test_add ("/store/" path, StoreFixture, NULL, store_fixture_init, func, store_fixture_done)
  ADD ("files", test_files);
  ADD ("reopen", test_reopen);
  ADD ("isolation", test_isolation);
  ADD ("versions", test_versions);
  ADD ("conflicts", test_conflicts);
  ADD ("lists", test_lists);
  ADD ("damage", test_damage);
  ADD ("threads", test_threads);
  ADD ("full", test_full);
#undef ADD
  return g_test_run ();
}
