/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See store-fixture.h. */
#include "tests/unit/store-fixture.h"

#include <glib/gstdio.h>

void
store_fixture_init (StoreFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;

  (void) data;
  fixture->dir = g_dir_make_tmp ("p2pstream-store-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->store = store_open (fixture->dir, &error);
  g_assert_no_error (error);
}

void
store_fixture_remove_dir (const char *dir)
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

void
store_fixture_done (StoreFixture *fixture, const void *data)
{
  (void) data;
  store_close (fixture->store);
  store_fixture_remove_dir (fixture->dir);
  g_free (fixture->dir);
}

void
store_fixture_set (char **field, const char *value)
{
  g_free (*field);
  *field = g_strdup (value);
}

StoreTx *
store_fixture_begin_write (StoreFixture *fixture)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = store_begin_write (fixture->store, &error);

  g_assert_no_error (error);
  return tx;
}

void
store_fixture_commit (StoreTx *tx)
{
  g_autoptr (GError) error = NULL;

  store_commit (tx, &error);
  g_assert_no_error (error);
  store_end (tx);
}

int64_t
store_fixture_insert_listener (StoreTx *tx, const char *name, GError **error)
{
  g_autoptr (StoreListener) row = store_listener_new ();

  store_fixture_set (&row->name, name);
  row->protocol = STORE_PROTOCOL_HTTPS;
  row->port = 8443;
  return store_listener_insert (tx, row, error) ? row->id : 0;
}
