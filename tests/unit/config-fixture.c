/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
#include "tests/unit/config-fixture.h"

#include <glib/gstdio.h>

void
config_fixture_init (ConfigFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;

  (void) data;
  fixture->dir = g_dir_make_tmp ("p2pstream-config-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->store = store_open (fixture->dir, &error);
  g_assert_no_error (error);
  config_start (fixture->store, &error);
  g_assert_no_error (error);
}

void
config_fixture_done (ConfigFixture *fixture, const void *data)
{
  g_autoptr (GDir) entries = g_dir_open (fixture->dir, 0, NULL);
  const char *name;

  (void) data;
  config_stop ();
  store_close (fixture->store);
  while ((name = g_dir_read_name (entries)))
    {
      g_autofree char *path = g_build_filename (fixture->dir, name, NULL);

      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (fixture->dir), ==, 0);
  g_free (fixture->dir);
}

void
config_fixture_restart (ConfigFixture *fixture)
{
  g_autoptr (GError) error = NULL;

  config_stop ();
  store_close (fixture->store);
  fixture->store = store_open (fixture->dir, &error);
  g_assert_no_error (error);
  config_start (fixture->store, &error);
  g_assert_no_error (error);
}

void
config_fixture_set (char **field, const char *value)
{
  g_free (*field);
  *field = g_strdup (value);
}

GError *
config_fixture_change (ConfigApplyFunc func, void *data)
{
  ConfigChange change = { .apply = func, .data = data, .principal = "user:test" };
  GError *error = NULL;
  bool ok = config_change (&change, &error);

  g_assert_true (ok == (error == NULL));
  config_change_clear (&change);
  return error;
}

bool
config_fixture_apply (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  ConfigEdit *edit = data;

  change->object_id = 42;
  change->after = g_strdup ("{\"a\":1}");
  if (edit->listener
      && !(edit->update ? store_listener_update (tx, edit->listener, 0, error)
                        : store_listener_insert (tx, edit->listener, error)))
    return false;
  if (edit->route
      && !(edit->update ? store_route_update (tx, edit->route, 0, error)
                        : store_route_insert (tx, edit->route, error)))
    return false;
  if (edit->agent
      && !(edit->update ? store_agent_update (tx, edit->agent, 0, error)
                        : store_agent_insert (tx, edit->agent, error)))
    return false;
  return (!edit->delete_route || store_route_delete (tx, edit->delete_route, 0, error))
         && (!edit->delete_listener || store_listener_delete (tx, edit->delete_listener, 0, error));
}

GError *
config_fixture_edit (ConfigEdit *edit)
{
  return config_fixture_change (config_fixture_apply, edit);
}

static bool
add_listener (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  (void) change;
  return store_listener_insert (tx, data, error);
}

static bool
add_route (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  (void) change;
  return store_route_insert (tx, data, error);
}

static bool
add_agent (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  (void) change;
  return store_agent_insert (tx, data, error);
}

bool
config_fixture_apply_certificate (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  StoreCertificate *row = data;

  (void) change;
  if (row->source == STORE_CERTIFICATE_SELF_SIGNED && !*row->certificate_pem
      && !config_make_self_signed (row, error))
    return false;
  return store_certificate_insert (tx, row, error);
}

GError *
config_fixture_insert_certificate (StoreCertificate *row)
{
  return config_fixture_change (config_fixture_apply_certificate, row);
}

void
config_fixture_add_listener (StoreListener *row)
{
  g_assert_no_error (config_fixture_change (add_listener, row));
}

void
config_fixture_add_route (StoreRoute *row)
{
  g_assert_no_error (config_fixture_change (add_route, row));
}

void
config_fixture_add_agent (StoreAgent *row)
{
  g_assert_no_error (config_fixture_change (add_agent, row));
}

void
config_fixture_add_certificate (StoreCertificate *row)
{
  g_assert_no_error (config_fixture_insert_certificate (row));
}

StoreListener *
config_fixture_listener (const char *name, StoreProtocol protocol, int port)
{
  StoreListener *row = store_listener_new ();

  config_fixture_set (&row->name, name);
  row->protocol = protocol;
  row->port = port;
  return row;
}

StoreRoute *
config_fixture_route (int64_t listener_id, const char *name, const char *host, const char *path)
{
  StoreRoute *row = store_route_new ();

  config_fixture_set (&row->name, name);
  config_fixture_set (&row->host_pattern, host);
  config_fixture_set (&row->path_prefix, path);
  row->listener_id = listener_id;
  return row;
}

StoreTarget *
config_fixture_target (StoreRoute *route, const char *name, const char *url)
{
  StoreTarget *row = store_target_new ();

  config_fixture_set (&row->name, name);
  config_fixture_set (&row->url, url);
  g_ptr_array_add (route->targets, row);
  return row;
}

StoreCertificate *
config_fixture_certificate (const char *pattern, const TlsFixtureCert *cert)
{
  StoreCertificate *row = store_certificate_new ();

  config_fixture_set (&row->hostname_pattern, pattern);
  if (cert)
    {
      config_fixture_set (&row->certificate_pem, cert->chain_pem);
      config_fixture_set (&row->private_key_pem, cert->key_pem);
    }
  return row;
}

const ConfigTarget *
config_fixture_find_target (const Config *cfg, int64_t listener_id, const char *route_name)
{
  const ConfigListener *listener = config_find_listener (cfg, listener_id);

  for (unsigned i = 0; i < listener->n_routes; i++)
    if (strcmp (listener->routes[i]->name, route_name) == 0)
      return listener->routes[i]->targets[0];
  return NULL;
}

unsigned
config_fixture_count_audit (ConfigFixture *fixture)
{
  g_autoptr (StoreTx) tx = store_begin_read (fixture->store, NULL);
  StoreAuditFilter all = { 0 };
  g_autoptr (GPtrArray) rows = store_audit_list (tx, &all, 0, STORE_LIST_MAX, NULL);

  return rows->len;
}

void
config_fixture_add_test (const char *path, void (*func) (ConfigFixture *fixture, const void *data))
{
  g_test_add (path, ConfigFixture, NULL, config_fixture_init, func, config_fixture_done);
}
