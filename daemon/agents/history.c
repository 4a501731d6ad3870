/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The history of the agents' sessions. See history.h. history.lock guards all that is said to be
 * (lock); the rest belongs to the thread. */
#include "daemon/agents/history.h"

#include "daemon/store/agent-sessions.h"
#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/log.h"

#define ENTRIES_MAX 16384
#define PAUSE_MS 200     /* between two transactions: others write, too */
#define RETRY_MS 1000    /* after one that failed */
#define TOUCH_MS 60000   /* how wrong the end of a killed daemon's sessions may be */
#define PRUNE_EVERY 1000 /* sessions begun, or one in an hour */
#define STALE "left open by a daemon that was killed"

struct HistoryEntry
{
  StoreAgentSession row; /* (lock) all but id and the texts that are set at the begin */
  P2pStamp connected;    /* constant */
  P2pStamp disconnected; /* (lock) */
  bool dirty;            /* (lock) differs from what is stored */
  bool ended;            /* (lock) freed when it is stored */
};

/* What one transaction stores of an entry. */
typedef struct
{
  HistoryEntry *entry; /* (borrowed: the list) */
  StoreAgentSession row;
} Write;

static struct
{
  Store *store; /* (borrowed) (nullable) constant while the thread runs */
  P2pMutex lock;
  pthread_cond_t cond;
  GPtrArray *entries; /* (lock) of HistoryEntry (owned): open ones, and those not stored yet */
  unsigned n_dirty;   /* (lock) */
  bool clock_was_set; /* (lock) since the stamps were looked at last */
  bool stop;          /* (lock) */
  pthread_t thread;
  /* the thread's: */
  int64_t touch_at_us, prune_at_us;
  unsigned n_begun; /* since it pruned */
  bool failing;     /* the last transaction; said once */
} history;

static void
entry_free (HistoryEntry *entry)
{
  g_free (entry->row.instance);
  g_free (entry->row.address);
  g_free (entry->row.version);
  g_free (entry->row.reason);
  g_free (entry);
}

/* --- word from others ------------------------------------------------------------------------- */

/* Both stamps by the clock as it is now; false: they are that already. */
static bool
stamp_locked (HistoryEntry *entry)
{
  StoreAgentSession *row = &entry->row;
  int64_t connected_at = p2p_stamp_ms (entry->connected);
  int64_t disconnected_at = p2p_stamp_ms (entry->disconnected);

  if (disconnected_at != 0)
    disconnected_at = MAX (disconnected_at, connected_at);
  if (row->connected_at == connected_at && row->disconnected_at == disconnected_at)
    return false;
  row->connected_at = connected_at;
  row->disconnected_at = disconnected_at;
  return true;
}

static void
soil_locked (HistoryEntry *entry)
{
  p2p_lock_assert_held (&history.lock);
  if (!entry->dirty)
    history.n_dirty++;
  entry->dirty = true;
  p2p_cond_signal (&history.cond);
}

HistoryEntry *
history_begin (const HistoryBegin *begin)
{
  HistoryEntry *entry;

  if (!history.store)
    return NULL;
  P2P_LOCKED (&history.lock);
  if (history.entries->len >= ENTRIES_MAX)
    return NULL;
  entry = g_new0 (HistoryEntry, 1);
  entry->row.agent_id = begin->agent_id;
  entry->row.instance = g_strdup (begin->instance);
  entry->row.address = g_strdup (begin->address);
  entry->row.version = g_strdup (begin->version);
  entry->row.reason = g_strdup ("");
  entry->connected = begin->connected;
  (void) stamp_locked (entry); /* it is soiled in any case */
  g_ptr_array_add (history.entries, entry);
  soil_locked (entry);
  return entry;
}

void
history_leave (HistoryEntry *entry, const HistoryEnd *end)
{
  if (!entry)
    return;
  P2P_LOCKED (&history.lock);
  if (entry->row.disconnected_at != 0)
    return;
  entry->disconnected = end->at;
  (void) stamp_locked (entry); /* it is soiled in any case */
  entry->row.bytes_in = (int64_t) end->bytes_in;
  entry->row.bytes_out = (int64_t) end->bytes_out;
  g_free (entry->row.reason);
  entry->row.reason = g_strdup (end->reason);
  soil_locked (entry);
}

void
history_end (HistoryEntry *entry, uint64_t bytes_in, uint64_t bytes_out)
{
  if (!entry)
    return;
  P2P_LOCKED (&history.lock);
  g_assert (entry->row.disconnected_at != 0);
  entry->row.bytes_in = (int64_t) bytes_in;
  entry->row.bytes_out = (int64_t) bytes_out;
  entry->ended = true;
  soil_locked (entry);
}

void
history_clock_was_set (void)
{
  if (!history.store)
    return;
  P2P_LOCKED (&history.lock);
  history.clock_was_set = true;
  p2p_cond_signal (&history.cond);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void
write_clear (void *data)
{
  Write *write = data;

  g_free (write->row.reason);
}

static void
stamp_all_locked (void)
{
  for (unsigned i = 0; i < history.entries->len; i++)
    if (stamp_locked (history.entries->pdata[i]))
      soil_locked (history.entries->pdata[i]);
  history.clock_was_set = false;
}

static GArray *
take_writes_locked (void)
{
  GArray *writes = g_array_new (false, false, sizeof (Write));

  g_array_set_clear_func (writes, write_clear);
  for (unsigned i = 0; history.n_dirty > 0 && i < history.entries->len; i++)
    {
      HistoryEntry *entry = history.entries->pdata[i];
      Write write = { entry, entry->row };

      if (!entry->dirty)
        continue;
      write.row.reason = g_strdup (entry->row.reason);
      g_array_append_val (writes, write);
      entry->dirty = false;
      history.n_dirty--;
    }
  return writes;
}

/* One that is not stored has the id 0; one whose agent is gone gets -1. */
static bool
store_one (StoreTx *tx, StoreAgentSession *row, GError **error)
{
  if (row->id < 0)
    return true;
  if (row->id > 0)
    return store_agent_session_update (tx, row, error);
  if (!store_agent_session_insert (tx, row, error))
    return false;
  if (row->id == 0)
    row->id = -1;
  return true;
}

static bool
store_writes (StoreTx *tx, GArray *writes, GError **error)
{
  for (unsigned i = 0; i < writes->len; i++)
    if (!store_one (tx, &g_array_index (writes, Write, i).row, error))
      return false;
  return true;
}

static bool
look_after (StoreTx *tx, bool touch, bool prune, GError **error)
{
  int64_t now_ms = p2p_wall_ms ();

  return (!touch || store_agent_sessions_touch (tx, now_ms, error))
         && (!prune
             || store_agent_sessions_prune (tx, now_ms - HISTORY_DAYS * INT64_C (86400000),
                                            HISTORY_KEEP, error));
}

static void
tell (const GError *error)
{
  if (error && !history.failing)
    p2p_log (P2P_LOG_WARNING, "agents",
             "the history of sessions cannot be written: %s, trying again", error->message);
  else if (!error && history.failing)
    p2p_log (P2P_LOG_INFO, "agents", "the history of sessions is written again");
  history.failing = error != NULL;
}

static bool
write_all (GArray *writes, bool touch, bool prune)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (StoreTx) tx = store_begin_write (history.store, &error);
  bool good = tx && store_writes (tx, writes, &error) && look_after (tx, touch, prune, &error)
              && store_commit (tx, &error);

  tell (error);
  return good;
}

/* Stored: what ended goes. Not stored: all of it is to be stored again. */
static void
settle_locked (GArray *writes, bool good)
{
  for (unsigned i = 0; i < writes->len; i++)
    {
      Write *write = &g_array_index (writes, Write, i);
      HistoryEntry *entry = write->entry;

      if (!good)
        {
          soil_locked (entry);
          continue;
        }
      history.n_begun += entry->row.id == 0;
      entry->row.id = write->row.id;
      if (entry->ended && !entry->dirty)
        {
          g_ptr_array_remove (history.entries, entry);
          entry_free (entry);
        }
    }
}

/* Whether it went well. Unlocks while it writes. */
static bool
write_round_locked (void)
{
  int64_t now_us = p2p_now_us ();
  bool touch = now_us >= history.touch_at_us || history.clock_was_set;
  bool prune = now_us >= history.prune_at_us || history.n_begun >= PRUNE_EVERY;
  g_autoptr (GArray) writes = NULL;
  bool good;

  if (history.clock_was_set)
    stamp_all_locked ();
  writes = take_writes_locked ();
  p2p_mutex_unlock (&history.lock);
  good = write_all (writes, touch, prune);
  p2p_mutex_lock (&history.lock);
  settle_locked (writes, good);
  if (good && touch)
    history.touch_at_us = p2p_deadline_ms (TOUCH_MS);
  if (good && prune)
    {
      history.prune_at_us = p2p_deadline_ms (3600 * 1000);
      history.n_begun = 0;
    }
  return good;
}

static void
pause_locked (int64_t deadline_us)
{
  while (!history.stop && p2p_cond_wait (&history.cond, &history.lock, deadline_us))
    ; /* a word that comes meanwhile waits for the next round */
}

static void *
history_main (void *data)
{
  (void) data;
  (void) pthread_setname_np (pthread_self (), "history"); /* only a name */
  p2p_mutex_lock (&history.lock);
  while (!history.stop)
    {
      if (history.n_dirty == 0 && !history.clock_was_set && p2p_now_us () < history.touch_at_us)
        {
          (void) p2p_cond_wait (&history.cond, &history.lock, history.touch_at_us);
          continue;
        }
      pause_locked (p2p_deadline_ms (write_round_locked () ? PAUSE_MS : RETRY_MS));
    }
  if (history.n_dirty > 0)
    (void) write_round_locked (); /* if it fails, the next start closes what is open */
  p2p_mutex_unlock (&history.lock);
  return NULL;
}

/* --- start and stop --------------------------------------------------------------------------- */

/* False: the disk is full, or worse; the daemon runs without. */
static bool
close_stale (Store *store)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (StoreTx) tx = store_begin_write (store, &error);
  bool good
      = tx && store_agent_sessions_close_stale (tx, STALE, &error) && store_commit (tx, &error);

  if (!good)
    p2p_log (P2P_LOG_WARNING, "agents", "no history of sessions is kept in this run: %s",
             error->message);
  return good;
}

void
history_start (Store *store)
{
  if (!close_stale (store))
    return;
  history.store = store;
  history.stop = history.failing = history.clock_was_set = false;
  history.touch_at_us = p2p_deadline_ms (TOUCH_MS);
  history.prune_at_us = 0;
  history.n_dirty = history.n_begun = 0;
  history.entries = g_ptr_array_new ();
  p2p_mutex_init (&history.lock, P2P_LOCK_LEAF);
  p2p_cond_init (&history.cond);
  P2P_PTHREAD (pthread_create (&history.thread, NULL, history_main, NULL));
}

void
history_stop (void)
{
  if (!history.store)
    return;
  p2p_mutex_lock (&history.lock);
  history.stop = true;
  p2p_cond_signal (&history.cond);
  p2p_mutex_unlock (&history.lock);
  P2P_PTHREAD (pthread_join (history.thread, NULL));
  history.store = NULL;
  for (unsigned i = 0; i < history.entries->len; i++)
    entry_free (history.entries->pdata[i]);
  g_clear_pointer (&history.entries, g_ptr_array_unref);
  p2p_cond_done (&history.cond);
  p2p_mutex_done (&history.lock);
}
