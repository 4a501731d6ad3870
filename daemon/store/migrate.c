/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Migrations: numbered SQL, each in a transaction of its own, after a copy of an existing file was
 * kept beside it. At start, on the main thread, before the file is used. */
#include "daemon/store/store-priv.h"

#include "lib/clock.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static bool
exec (sqlite3 *db, const char *sql, const char *object, GError **error)
{
  if (sqlite3_exec (db, sql, NULL, NULL, NULL) == SQLITE_OK)
    return true;
  store_set_sqlite_error (error, db, object);
  return false;
}

/* The first value of the first row; fallback when there is no row. */
static bool
ask (sqlite3 *db,
     const char *sql,
     const char *object,
     int64_t fallback,
     int64_t *ret_value,
     GError **error)
{
  sqlite3_stmt *stmt = NULL;
  int rc = sqlite3_prepare_v2 (db, sql, -1, &stmt, NULL);

  if (rc == SQLITE_OK)
    rc = sqlite3_step (stmt);
  if (rc == SQLITE_ROW || rc == SQLITE_DONE)
    *ret_value = rc == SQLITE_ROW ? sqlite3_column_int64 (stmt, 0) : fallback;
  else
    store_set_sqlite_error (error, db, object);
  sqlite3_finalize (stmt);
  return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

/* 0 for an empty file. */
static bool
read_version (sqlite3 *db, const char *path, int64_t *ret_version, GError **error)
{
  int64_t n_tables = 0, ours = 0;

  if (!ask (db, "SELECT count(*) FROM sqlite_master", path, 0, &n_tables, error)
      || !ask (db, "SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'", path, 0,
               &ours, error))
    return false;
  *ret_version = 0;
  if (ours)
    return ask (db, "SELECT coalesce (max (version), 0) FROM schema_migrations", path, 0,
                ret_version, error);
  if (n_tables == 0)
    return true;
  store_set_error (error, STORE_ERROR_CORRUPT, NULL, "%s: not a database of p2pstream", path);
  return false;
}

static bool
sync_path (const char *path, int flags)
{
  p2p_autofd fd = open (path, O_RDONLY | O_CLOEXEC | flags);

  return fd >= 0 && fsync (fd) == 0;
}

/* PATH.v3 holds what version 3 left; whole and on disk before its name appears. */
static bool
keep_copy (sqlite3 *db, const char *path, int64_t version, GError **error)
{
  g_autofree char *copy = g_strdup_printf ("%s.v%" G_GINT64_FORMAT, path, version);
  g_autofree char *part = g_strconcat (copy, ".part", NULL);
  g_autofree char *dir = g_path_get_dirname (path);
  p2p_autofd fd = -1;
  char *sql;
  bool ok;

  /* VACUUM INTO takes an empty file, so that the mode is right from its first byte. */
  if ((unlink (part) < 0 && errno != ENOENT)
      || (fd = open (part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
    {
      store_set_error (error, errno == ENOSPC ? STORE_ERROR_FULL : STORE_ERROR_INTERNAL, NULL,
                       "%s: %s", part, g_strerror (errno));
      return false;
    }
  sql = sqlite3_mprintf ("VACUUM INTO %Q", part);
  ok = exec (db, sql, copy, error);
  sqlite3_free (sql);
  if (!ok)
    {
      (void) unlink (part); /* the failure is told; the next try begins by removing it */
      return false;
    }
  if (!sync_path (part, 0) || rename (part, copy) < 0 || !sync_path (dir, O_DIRECTORY))
    {
      store_set_error (error, STORE_ERROR_INTERNAL, NULL, "%s: %s", copy, g_strerror (errno));
      return false;
    }
  return true;
}

static bool
apply (sqlite3 *db, const char *path, const StoreMigration *migration, GError **error)
{
  g_autofree char *object = g_strdup_printf ("%s: migration %s", path, migration->name);
  g_autofree char *note = g_strdup_printf (
      "INSERT INTO schema_migrations (version, applied_at) VALUES (%u, %" G_GINT64_FORMAT ")",
      migration->version, p2p_wall_ms ());
  int64_t broken = 0;
  bool ok = exec (db, "BEGIN IMMEDIATE", object, error)
            && exec (db,
                     "CREATE TABLE IF NOT EXISTS schema_migrations ("
                     "version BIGINT PRIMARY KEY NOT NULL, applied_at BIGINT NOT NULL)",
                     object, error)
            && exec (db, migration->sql, object, error)
            && ask (db, "SELECT count(*) FROM pragma_foreign_key_check", object, 0, &broken, error);

  if (ok && broken)
    store_set_error (error, STORE_ERROR_CORRUPT, NULL, "%s: leaves rows that name missing ones",
                     object);
  if (ok && !broken && exec (db, note, object, error) && exec (db, "COMMIT", object, error))
    return true;
  if (!sqlite3_get_autocommit (db))
    (void) exec (db, "ROLLBACK", object, NULL); /* the first error is the one to tell */
  return false;
}

bool
store_migrate (sqlite3 *db,
               const char *path,
               const StoreMigration *migrations,
               unsigned n_migrations,
               GError **error)
{
  int64_t version = 0, latest = migrations[n_migrations - 1].version;
  bool ok = true;

  if (!read_version (db, path, &version, error))
    return false;
  if (version > latest)
    {
      store_set_error (error, STORE_ERROR_NEWER, NULL,
                       "%s: made by a newer version of p2pstream (schema %" G_GINT64_FORMAT
                       ", this version knows %" G_GINT64_FORMAT ")",
                       path, version, latest);
      return false;
    }
  if (version == latest)
    return true;
  if (version > 0 && !keep_copy (db, path, version, error))
    return false;
  /* A table can only be made anew while foreign keys are off; each migration checks them before its
   * commit. */
  if (!exec (db, "PRAGMA foreign_keys = OFF", path, error))
    return false;
  for (unsigned i = 0; ok && i < n_migrations; i++)
    if (migrations[i].version > version)
      ok = apply (db, path, &migrations[i], error);
  return ok && exec (db, "PRAGMA foreign_keys = ON", path, error);
}
