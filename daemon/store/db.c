/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Opening and closing: the directory's lock, the file's modes, the connections.
 * store_open () and store_close () run on the main thread, before and after all others. */
#include "daemon/store/store-priv.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The directory's lock is a file of its own: closing any descriptor of the database would drop
 * SQLite's locks on it. */
static int
lock_directory (const char *dir, GError **error)
{
  g_autofree char *path = g_build_filename (dir, "p2pstream.lock", NULL);
  p2p_autofd fd = -1;

  if (g_mkdir_with_parents (dir, 0700) < 0
      || (fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
    {
      store_set_error (error, errno == EROFS ? STORE_ERROR_READONLY : STORE_ERROR_INTERNAL, NULL,
                       "%s: %s", fd < 0 ? path : dir, g_strerror (errno));
      return -1;
    }
  if (flock (fd, LOCK_EX | LOCK_NB) < 0)
    {
      if (errno == EWOULDBLOCK)
        store_set_error (error, STORE_ERROR_BUSY, NULL,
                         "%s: another p2pstreamd uses this directory", dir);
      else
        store_set_error (error, STORE_ERROR_INTERNAL, NULL, "%s: %s", path, g_strerror (errno));
      return -1;
    }
  return g_steal_fd (&fd);
}

/* Only its owner may read it; SQLite gives the journal and the shared memory the mode of the
 * database. */
static bool
prepare_file (const char *dir, const char *path, GError **error)
{
  p2p_autofd fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  p2p_autofd dir_fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0 || fchmod (fd, 0600) < 0 || dir_fd < 0 || fsync (dir_fd) < 0)
    {
      store_set_error (error, errno == EROFS ? STORE_ERROR_READONLY : STORE_ERROR_INTERNAL, NULL,
                       "%s: %s", path, g_strerror (errno));
      return false;
    }
  return true;
}

static void
finalize (void *stmt)
{
  sqlite3_finalize (stmt);
}

StoreConn *
store_conn_open (const char *path, bool writer, GError **error)
{
  StoreConn *conn = g_new0 (StoreConn, 1);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;

  conn->statements = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, finalize);
  if (sqlite3_open_v2 (path, &conn->db, flags, NULL) == SQLITE_OK)
    {
      const char *setup =
          writer
              ? "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL"
              : "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF";

      sqlite3_extended_result_codes (conn->db, 1);
      sqlite3_busy_timeout (conn->db, STORE_BUSY_TIMEOUT_MS);
      if (sqlite3_exec (conn->db, setup, NULL, NULL, NULL) == SQLITE_OK)
        return conn;
    }
  store_set_sqlite_error (error, conn->db, path);
  store_conn_close (conn);
  return NULL;
}

void
store_conn_close (StoreConn *conn)
{
  if (!conn)
    return;
  g_hash_table_unref (conn->statements);
  sqlite3_close (conn->db);
  g_free (conn);
}

/* After the migration: a file of a newer version is refused untouched. */
static bool
enter_wal (StoreConn *conn, const char *path, GError **error)
{
  sqlite3_stmt *stmt = NULL;
  bool wal =
      sqlite3_prepare_v2 (conn->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL) == SQLITE_OK
      && sqlite3_step (stmt) == SQLITE_ROW
      && g_strcmp0 ((const char *) sqlite3_column_text (stmt, 0), "wal") == 0;

  sqlite3_finalize (stmt);
  if (!wal)
    store_set_error (error, STORE_ERROR_INTERNAL, NULL,
                     "%s: the file system does not take a write-ahead log: %s", path,
                     sqlite3_errmsg (conn->db));
  return wal;
}

static bool
load_instance_id (Store *store, GError **error)
{
  g_autoptr (StoreTx) tx = store_begin_write (store, error);
  g_autofree char *uuid = NULL;
  GString *id;

  if (!tx)
    return false;
  store->instance_id = store_meta_get (tx, "instance_id", NULL);
  if (store->instance_id)
    return true;
  uuid = g_uuid_string_random ();
  id = g_string_new (uuid);
  g_string_replace (id, "-", "", 0);
  store->instance_id = g_string_free (id, false);
  return store_meta_insert (tx, "instance_id", store->instance_id, error)
         && store_commit (tx, error);
}

Store *
store_open_with (const char *dir,
                 const StoreMigration *migrations,
                 unsigned n_migrations,
                 GError **error)
{
  g_autoptr (Store) store = g_new0 (Store, 1);

  (void) STORE_ERROR; /* registered before the first thread */
  store->path = g_build_filename (dir, "p2pstream.db", NULL);
  p2p_mutex_init (&store->write_lock, P2P_LOCK_STORE);
  p2p_mutex_init (&store->pool_lock, P2P_LOCK_LEAF);
  p2p_cond_init (&store->reader_free);
  store->lock_fd = lock_directory (dir, error);
  if (store->lock_fd < 0 || !prepare_file (dir, store->path, error))
    return NULL;
  store->writer = store_conn_open (store->path, true, error);
  if (!store->writer
      || !store_migrate (store->writer->db, store->path, migrations, n_migrations, error)
      || !enter_wal (store->writer, store->path, error) || !load_instance_id (store, error))
    return NULL;
  return g_steal_pointer (&store);
}

Store *
store_open (const char *dir, GError **error)
{
  return store_open_with (dir, store_migrations, store_n_migrations, error);
}

void
store_close (Store *store)
{
  unsigned n_closed = 0;

  if (!store)
    return;
  while (store->readers)
    {
      StoreConn *conn = store->readers;

      store->readers = conn->next;
      store_conn_close (conn);
      n_closed++;
    }
  g_assert (n_closed == store->n_readers); /* none is lent */
  store_conn_close (store->writer);
  p2p_fd_close (&store->lock_fd);
  p2p_cond_done (&store->reader_free);
  p2p_mutex_done (&store->pool_lock);
  p2p_mutex_done (&store->write_lock);
  g_free (store->path);
  g_free (store->instance_id);
  g_free (store);
}

const char *
store_get_instance_id (const Store *store)
{
  return store->instance_id;
}
