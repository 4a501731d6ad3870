/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Changing the configuration, and the snapshot in force. CONFIG_WRITE guards the order of changes
 * and the observers; CONFIG guards the pointer alone. */
#include "daemon/config/config-priv.h"

#include "lib/lock.h"
#include "lib/log.h"

#define OBSERVERS_MAX 8
#define LOGGED_MAX 50 /* warnings of one change */

static struct
{
  P2pMutex write_lock;
  Store *store; /* (borrowed) */
  struct
  {
    ConfigObserverFunc func;
    void *data; /* (borrowed) */
  } observers[OBSERVERS_MAX];
  unsigned n_observers; /* constant after the start */

  P2pMutex lock;
  ConfigBox *current; /* (owned reference) (lock: lock) */
} room;

Config *
config_get_current (void)
{
  P2P_LOCKED (&room.lock);
  return config_ref (&room.current->pub);
}

/* Takes cfg; the reference to the one before is the caller's. */
static ConfigBox *
swap (ConfigBox *cfg)
{
  ConfigBox *old;

  P2P_LOCKED (&room.lock);
  old = room.current;
  room.current = cfg;
  return old;
}

static char *
dup_or_empty (const char *text)
{
  return g_strdup (text ? text : "");
}

static bool
write_audit (StoreTx *tx, const ConfigChange *change, GError **error)
{
  g_autoptr (StoreAudit) row = g_new0 (StoreAudit, 1);

  row->principal = dup_or_empty (change->principal);
  row->address = dup_or_empty (change->address);
  row->action = dup_or_empty (change->action);
  row->resource = dup_or_empty (change->resource);
  row->object_id = change->object_id;
  row->before = g_strdup (change->before);
  row->after = g_strdup (change->after);
  row->request_id = dup_or_empty (change->request_id);
  return store_audit_insert (tx, row, error);
}

/* Everything inside the transaction; the snapshot as it would be. */
static ConfigBox *
prepare (StoreTx *tx, ConfigChange *change, GError **error)
{
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_null_terminated (0, g_free, true);
  ConfigBox *cfg;

  if (!change->apply (tx, change, change->data, error))
    return NULL;
  cfg = config_build (tx, room.current, false, warnings, error);
  if (!cfg)
    return NULL;
  if (!write_audit (tx, change, error))
    {
      config_unref (&cfg->pub);
      return NULL;
    }
  g_strfreev (change->warnings);
  change->warnings = g_strdupv ((char **) warnings->pdata);
  return cfg;
}

/* What is in force and perhaps not meant: all of it at each start, and what a change touched. */
static void
log_warnings (char *const *warnings) /* (nullable) */
{
  unsigned n = 0;

  for (; warnings && warnings[n]; n++)
    if (n < LOGGED_MAX)
      p2p_log (P2P_LOG_WARNING, "config", "%s", warnings[n]);
  if (n > LOGGED_MAX)
    p2p_log (P2P_LOG_WARNING, "config", "and %u more warnings", n - LOGGED_MAX);
}

/* Commits and puts in force; takes nothing. */
static bool
finish (StoreTx **tx, Config *cfg, char *const *warnings, GError **error)
{
  g_autoptr (Config) old = NULL;

  if (!store_commit (*tx, error))
    return false;
  g_clear_pointer (tx, store_end);
  old = (Config *) swap ((ConfigBox *) config_ref (cfg));
  log_warnings (warnings);
  for (unsigned i = 0; i < room.n_observers; i++)
    room.observers[i].func (old, cfg, room.observers[i].data);
  return true;
}

bool
config_refresh (GError **error)
{
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_null_terminated (0, g_free, true);
  g_autoptr (StoreTx) tx = NULL;
  g_autoptr (Config) cfg = NULL;

  P2P_LOCKED (&room.write_lock);
  tx = store_begin_write (room.store, error);
  if (tx)
    cfg = (Config *) config_build (tx, room.current, true, warnings, error);
  return cfg && finish (&tx, cfg, (char **) warnings->pdata, error);
}

bool
config_change (ConfigChange *change, GError **error)
{
  g_autoptr (StoreTx) tx = NULL;
  g_autoptr (Config) cfg = NULL;

  P2P_LOCKED (&room.write_lock);
  tx = store_begin_write (room.store, error);
  if (!tx)
    return false;
  cfg = (Config *) prepare (tx, change, error);
  if (!cfg)
    return false;
  if (change->dry_run)
    return true;
  return finish (&tx, cfg, change->warnings, error);
}

void
config_change_clear (ConfigChange *change)
{
  g_clear_pointer (&change->before, g_free);
  g_clear_pointer (&change->after, g_free);
  g_clear_pointer (&change->warnings, g_strfreev);
}

bool
config_start (Store *store, GError **error)
{
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_null_terminated (0, g_free, true);
  g_autoptr (StoreTx) tx = NULL;
  g_autoptr (Config) cfg = NULL;

  (void) CONFIG_ERROR; /* registered before the first thread */
  p2p_mutex_init (&room.write_lock, P2P_LOCK_CONFIG_WRITE);
  p2p_mutex_init (&room.lock, P2P_LOCK_CONFIG);
  room.store = store;
  tx = store_begin_write (store, error);
  if (tx)
    cfg = (Config *) config_build (tx, NULL, false, warnings, error);
  if (cfg && store_commit (tx, error))
    {
      room.current = (ConfigBox *) g_steal_pointer (&cfg);
      log_warnings ((char **) warnings->pdata);
      return true;
    }
  g_prefix_error (error, "stored configuration: ");
  p2p_mutex_done (&room.lock);
  p2p_mutex_done (&room.write_lock);
  return false;
}

void
config_stop (void)
{
  config_unref (&swap (NULL)->pub);
  room.n_observers = 0;
  room.store = NULL;
  p2p_mutex_done (&room.lock);
  p2p_mutex_done (&room.write_lock);
}

void
config_add_observer (ConfigObserverFunc func, void *data)
{
  g_assert (room.n_observers < OBSERVERS_MAX);
  room.observers[room.n_observers].func = func;
  room.observers[room.n_observers++].data = data;
}
