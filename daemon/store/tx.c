/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Transactions. Readers take one of at most STORE_READERS_MAX connections (lock pool_lock guards
 * the free list); the writer's connection goes with write_lock. In the write-ahead log readers and
 * the writer do not wait for each other. */
#include "daemon/store/store-priv.h"

#include "lib/clock.h"

/* A free connection, or a place to open one (NULL and true). */
static bool
take_reader (Store *store, StoreConn **ret_conn)
{
  int64_t deadline_us = p2p_deadline_ms (STORE_BUSY_TIMEOUT_MS);

  P2P_LOCKED (&store->pool_lock);
  while (!store->readers && store->n_readers == STORE_READERS_MAX)
    if (!p2p_cond_wait (&store->reader_free, &store->pool_lock, deadline_us))
      return false;
  *ret_conn = store->readers;
  if (store->readers)
    store->readers = store->readers->next;
  else
    store->n_readers++;
  return true;
}

/* conn NULL: the place is free again. */
static void
give_reader (Store *store, StoreConn *conn)
{
  P2P_LOCKED (&store->pool_lock);
  if (conn)
    {
      conn->next = store->readers;
      store->readers = conn;
    }
  else
    {
      store->n_readers--;
    }
  p2p_cond_signal (&store->reader_free);
}

static StoreTx *
begin (Store *store, StoreConn *conn, bool write, GError **error)
{
  StoreTx *tx = g_new0 (StoreTx, 1);

  *tx = (StoreTx){ .store = store, .conn = conn, .write = write, .open = true };
  if (store_run (tx, store_query (tx, error, write ? "BEGIN IMMEDIATE" : "BEGIN", ""), store->path,
                 error))
    return tx;
  tx->open = false;
  store_end (tx);
  return NULL;
}

StoreTx *
store_begin_read (Store *store, GError **error)
{
  StoreConn *conn = NULL;

  if (!take_reader (store, &conn))
    {
      store_set_error (error, STORE_ERROR_BUSY, NULL, "%s: no connection came free in %d ms",
                       store->path, STORE_BUSY_TIMEOUT_MS);
      return NULL;
    }
  if (!conn && !(conn = store_conn_open (store->path, false, error)))
    {
      give_reader (store, NULL);
      return NULL;
    }
  return begin (store, conn, false, error);
}

StoreTx *
store_begin_write (Store *store, GError **error)
{
  p2p_mutex_lock (&store->write_lock);
  return begin (store, store->writer, true, error);
}

bool
store_commit (StoreTx *tx, GError **error)
{
  g_assert (tx->write);
  if (!store_run (tx, store_query (tx, error, "COMMIT", ""), tx->store->path, error))
    return false;
  tx->open = false;
  return true;
}

void
store_end (StoreTx *tx)
{
  if (!tx)
    return;
  /* Some failures (a full disk) have rolled back already. A rollback itself cannot fail in a way
   * that keeps anything. */
  if (tx->open && !sqlite3_get_autocommit (tx->conn->db))
    (void) store_run (tx, store_query (tx, NULL, "ROLLBACK", ""), tx->store->path, NULL);
  if (tx->write)
    p2p_mutex_unlock (&tx->store->write_lock);
  else
    give_reader (tx->store, tx->conn);
  g_free (tx->damaged);
  g_free (tx);
}
