/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The history of the agents' sessions: in the store, by its thread, and what agents reported over
 * time. */
#include "daemon/agents/history.h"
#include "daemon/agents/reports.h"
#include "daemon/store/agent-sessions.h"
#include "daemon/store/store-priv.h"
#include "lib/clock.h"
#include "tests/unit/config-fixture.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WITHIN_US (20 * INT64_C (1000000))

#define HOUR INT64_C (3600000)

/* Stamps count from here: what is old is deleted. */
static int64_t base_ms;

/* How far the wall clock is ahead of the real one. */
static atomic_int_fast64_t ahead_s;

int
clock_gettime (clockid_t clock, struct timespec *now)
{
  int rc = (int) syscall (SYS_clock_gettime, clock, now);

  if (rc == 0 && clock == CLOCK_REALTIME)
    now->tv_sec += atomic_load (&ahead_s);
  return rc;
}

static int64_t
add_agent (const char *name)
{
  g_autoptr (StoreAgent) agent = store_agent_new ();

  config_fixture_set (&agent->name, name);
  config_fixture_set (&agent->public_id, name);
  config_fixture_add_agent (agent);
  return agent->id;
}

static GPtrArray *
list (ConfigFixture *fixture, int64_t agent_id)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (StoreTx) tx = store_begin_read (fixture->store, &error);
  GPtrArray *rows = tx ? store_agent_session_list (tx, agent_id, 0, STORE_LIST_MAX, &error) : NULL;

  g_assert_no_error (error);
  return rows;
}

static P2pStamp
fixed (int64_t at_ms)
{
  return (P2pStamp){ .wall_ms = base_ms + at_ms, .ahead_ms = P2P_STAMP_FIXED };
}

static HistoryEntry *
begin (int64_t agent_id, const char *instance, int64_t connected_at_ms)
{
  return history_begin (&(HistoryBegin){ .agent_id = agent_id,
                                         .instance = instance,
                                         .address = "192.0.2.1:99",
                                         .version = "1.2.3",
                                         .connected = fixed (connected_at_ms) });
}

static void
leave (HistoryEntry *entry, int64_t at_ms, const char *reason)
{
  history_leave (entry, &(HistoryEnd){ fixed (at_ms), reason, 10, 20 });
}

/* Until the newest row has that reason. */
static void
await_reason (ConfigFixture *fixture, int64_t agent_id, const char *reason)
{
  int64_t deadline_us = p2p_now_us () + WITHIN_US;

  for (;;)
    {
      g_autoptr (GPtrArray) rows = list (fixture, agent_id);

      if (rows->len > 0 && strcmp (((StoreAgentSession *) rows->pdata[0])->reason, reason) == 0)
        return;
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      g_usleep (1000);
    }
}

/* --- the thread ------------------------------------------------------------------------------- */

static void
test_life (ConfigFixture *fixture, const void *data)
{
  int64_t agent = add_agent ("edge"), other = add_agent ("other");
  g_autoptr (GPtrArray) rows = NULL;
  HistoryEntry *entry;
  const StoreAgentSession *row;

  (void) data;
  history_start (fixture->store);
  entry = begin (agent, "abc", 1000);
  await_reason (fixture, agent, "");
  leave (entry, 5000, "displaced");
  leave (entry, 6000, "a later reason does not count");
  await_reason (fixture, agent, "displaced");
  rows = list (fixture, agent);
  row = rows->pdata[0];
  g_assert_cmpint (row->bytes_in, ==, 10);
  g_assert_cmpint (row->bytes_out, ==, 20);
  history_end (entry, 100, 200);
  history_stop (); /* what is left is written */
  g_clear_pointer (&rows, g_ptr_array_unref);
  rows = list (fixture, agent);
  g_assert_cmpuint (rows->len, ==, 1);
  row = rows->pdata[0];
  g_assert_cmpint (row->agent_id, ==, agent);
  g_assert_cmpstr (row->instance, ==, "abc");
  g_assert_cmpstr (row->address, ==, "192.0.2.1:99");
  g_assert_cmpstr (row->version, ==, "1.2.3");
  g_assert_cmpint (row->connected_at, ==, base_ms + 1000);
  g_assert_cmpint (row->disconnected_at, ==, base_ms + 5000);
  g_assert_cmpstr (row->reason, ==, "displaced");
  g_assert_cmpint (row->bytes_in, ==, 100);
  g_assert_cmpint (row->bytes_out, ==, 200);
  g_clear_pointer (&rows, g_ptr_array_unref);
  rows = list (fixture, other);
  g_assert_cmpuint (rows->len, ==, 0);
}

/* Begun and ended between two looks of the thread, in numbers. */
static void
test_many (ConfigFixture *fixture, const void *data)
{
  int64_t agent = add_agent ("edge");
  g_autoptr (GPtrArray) rows = NULL;

  (void) data;
  history_start (fixture->store);
  for (int i = 0; i < 500; i++)
    {
      HistoryEntry *entry = begin (agent, "abc", 1000 + i);

      leave (entry, 2000 + i, "over");
      history_end (entry, 1, 2);
    }
  history_stop ();
  rows = list (fixture, agent);
  g_assert_cmpuint (rows->len, ==, 500);
  for (unsigned i = 0; i < 500; i++)
    {
      const StoreAgentSession *row = rows->pdata[i];

      g_assert_cmpint (row->connected_at, ==, base_ms + 1000 + 499 - i); /* newest first */
      g_assert_cmpint (row->disconnected_at, ==, base_ms + 2000 + 499 - i);
    }
}

/* A clock that was set back makes no session of negative length. */
static void
test_clock (ConfigFixture *fixture, const void *data)
{
  int64_t agent = add_agent ("edge");
  g_autoptr (GPtrArray) rows = NULL;
  HistoryEntry *entry;

  (void) data;
  history_start (fixture->store);
  entry = begin (agent, "", 9000);
  leave (entry, 1000, "over");
  history_end (entry, 0, 0);
  history_stop ();
  rows = list (fixture, agent);
  g_assert_cmpint (((StoreAgentSession *) rows->pdata[0])->disconnected_at, ==, base_ms + 9000);
}

/* The row of the agent's newest session, when it began and ended at about these times. */
static void
await_times (ConfigFixture *fixture,
             int64_t agent_id,
             int64_t connected_at,
             int64_t disconnected_at)
{
  int64_t deadline_us = p2p_now_us () + WITHIN_US;

  for (;;)
    {
      g_autoptr (GPtrArray) rows = list (fixture, agent_id);
      const StoreAgentSession *row = rows->len > 0 ? rows->pdata[0] : NULL;

      if (row && ABS (row->connected_at - connected_at) < HOUR / 2
          && ABS (row->disconnected_at - disconnected_at) < HOUR / 2)
        return;
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      g_usleep (1000);
    }
}

static void
set_clock (int64_t hours)
{
  atomic_store (&ahead_s, hours * HOUR / 1000);
  history_clock_was_set ();
}

/* A machine that boots with its clock an hour ahead or back, and learns the time later. */
static void
test_clock_set (ConfigFixture *fixture, const void *data)
{
  int64_t agent = add_agent ("edge"), now = p2p_wall_ms ();
  g_autoptr (GPtrArray) rows = NULL;
  HistoryBegin began = { .agent_id = agent, .instance = "", .address = "a", .version = "" };
  HistoryEntry *entry;

  (void) data;
  history_start (fixture->store);
  set_clock (1);
  began.connected = p2p_stamp_now ();
  entry = history_begin (&began);
  await_times (fixture, agent, now + HOUR, 0);
  set_clock (0);
  await_times (fixture, agent, now, 0);
  set_clock (-5);
  await_times (fixture, agent, now - 5 * HOUR, 0);
  history_leave (entry, &(HistoryEnd){ p2p_stamp_now (), "over", 0, 0 });
  await_times (fixture, agent, now - 5 * HOUR, now - 5 * HOUR);
  set_clock (0); /* it drains yet */
  await_times (fixture, agent, now, now);
  history_end (entry, 0, 0);
  history_stop ();
  rows = list (fixture, agent);
  g_assert_cmpuint (rows->len, ==, 1);
}

/* The agent is deleted while it is connected: its sessions go with it, and nothing comes back. */
static void
test_deleted (ConfigFixture *fixture, const void *data)
{
  int64_t agent = add_agent ("edge"), other = add_agent ("other");
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) rows = NULL;
  StoreTx *tx;
  HistoryEntry *known, *late;

  (void) data;
  history_start (fixture->store);
  known = begin (agent, "a", 1000);
  await_reason (fixture, agent, "");
  tx = store_begin_write (fixture->store, &error);
  g_assert_true (store_agent_delete (tx, agent, 0, &error));
  g_assert_true (store_commit (tx, &error));
  store_end (tx);
  late = begin (agent, "b", 2000);
  leave (known, 3000, "deleted");
  leave (late, 3000, "deleted");
  leave (begin (other, "c", 3000), 4000, "behind them"); /* they were looked at when it is there */
  await_reason (fixture, other, "behind them");
  history_end (known, 0, 0);
  history_end (late, 0, 0);
  history_stop ();
  rows = list (fixture, agent);
  g_assert_cmpuint (rows->len, ==, 0);
}

typedef struct
{
  atomic_bool there;
  atomic_uint n; /* transactions that it undid */
} Trouble;

static int
commit_cb (void *data)
{
  Trouble *trouble = data;

  if (!atomic_load (&trouble->there))
    return 0;
  atomic_fetch_add (&trouble->n, 1);
  return 1;
}

/* What cannot be written is written later, with all that came meanwhile. */
static void
test_trouble (ConfigFixture *fixture, const void *data)
{
  int64_t agent = add_agent ("edge");
  g_autoptr (GPtrArray) rows = NULL;
  HistoryEntry *first, *second;
  int64_t deadline_us = p2p_now_us () + WITHIN_US;
  Trouble trouble = { 0 };

  (void) data;
  history_start (fixture->store);
  first = begin (agent, "a", 1000);
  await_reason (fixture, agent, "");
  atomic_store (&trouble.there, true);
  p2p_mutex_lock (&fixture->store->write_lock);
  sqlite3_commit_hook (fixture->store->writer->db, commit_cb, &trouble);
  p2p_mutex_unlock (&fixture->store->write_lock);
  leave (first, 2000, "over");
  history_end (first, 1, 2);
  second = begin (agent, "b", 3000);
  while (atomic_load (&trouble.n) < 2)
    {
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      g_usleep (1000);
    }
  rows = list (fixture, agent);
  g_assert_cmpuint (rows->len, ==, 1);
  g_assert_cmpint (((StoreAgentSession *) rows->pdata[0])->disconnected_at, ==, 0);
  g_clear_pointer (&rows, g_ptr_array_unref);
  atomic_store (&trouble.there, false);
  leave (second, 4000, "over, too");
  await_reason (fixture, agent, "over, too");
  history_end (second, 3, 4);
  history_stop ();
  rows = list (fixture, agent);
  g_assert_cmpuint (rows->len, ==, 2);
  g_assert_cmpstr (((StoreAgentSession *) rows->pdata[1])->reason, ==, "over");
  g_assert_cmpint (((StoreAgentSession *) rows->pdata[1])->bytes_out, ==, 2);
}

/* --- the store -------------------------------------------------------------------------------- */

static StoreTx *
begin_write (ConfigFixture *fixture)
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

  g_assert_true (store_commit (tx, &error));
  store_end (tx);
}

static void
insert (StoreTx *tx, int64_t agent_id, int64_t from, int64_t to)
{
  g_autoptr (GError) error = NULL;
  StoreAgentSession row = { .agent_id = agent_id,
                            .instance = "",
                            .address = "a",
                            .version = "",
                            .connected_at = from,
                            .disconnected_at = to,
                            .reason = "" };

  g_assert_true (store_agent_session_insert (tx, &row, &error));
  g_assert_cmpint (row.id, >, 0);
}

/* A daemon that was killed leaves open sessions: the next one ends them when they were last seen.
 */
static void
test_stale (ConfigFixture *fixture, const void *data)
{
  int64_t agent = add_agent ("edge");
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) rows = NULL;
  StoreTx *tx = begin_write (fixture);

  (void) data;
  insert (tx, agent, 1000, 2000);
  insert (tx, agent, 3000, 0);
  g_assert_true (store_agent_sessions_touch (tx, 9000, &error));
  g_assert_true (store_agent_sessions_touch (tx, 7000, &error)); /* the clock was set back */
  insert (tx, agent, 8000, 0);
  commit (tx);
  history_start (fixture->store); /* the next run */
  rows = list (fixture, agent);
  g_assert_cmpuint (rows->len, ==, 3);
  g_assert_cmpint (((StoreAgentSession *) rows->pdata[0])->disconnected_at, ==, 8000);
  g_assert_cmpint (((StoreAgentSession *) rows->pdata[1])->disconnected_at, ==, 7000);
  g_assert_cmpint (((StoreAgentSession *) rows->pdata[2])->disconnected_at, ==, 2000);
  g_assert_cmpstr (((StoreAgentSession *) rows->pdata[0])->reason, ==,
                   "left open by a daemon that was killed");
  g_assert_cmpstr (((StoreAgentSession *) rows->pdata[2])->reason, ==, "");
  history_stop ();
}

static void
test_prune (ConfigFixture *fixture, const void *data)
{
  int64_t agent = add_agent ("edge"), other = add_agent ("other");
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) rows = NULL;
  int64_t horizon = -1;
  StoreTx *tx = begin_write (fixture);

  (void) data;
  insert (tx, other, 10, 0); /* old, but open */
  insert (tx, other, 20, 30);
  insert (tx, other, 2000, 3000);
  for (int i = 0; i < 10; i++)
    insert (tx, agent, 2000 + i, 3000 + i);
  g_assert_true (store_agent_session_horizon (tx, agent, 11, &horizon, &error));
  g_assert_cmpint (horizon, ==, 0);
  g_assert_true (store_agent_sessions_prune (tx, 1000, 4, &error));
  g_assert_true (store_agent_session_horizon (tx, agent, 4, &horizon, &error));
  g_assert_cmpint (horizon, ==, 2006);
  commit (tx);
  rows = list (fixture, agent);
  g_assert_cmpuint (rows->len, ==, 4);
  g_assert_cmpint (((StoreAgentSession *) rows->pdata[3])->connected_at, ==, 2006);
  g_clear_pointer (&rows, g_ptr_array_unref);
  rows = list (fixture, other);
  g_assert_cmpuint (rows->len, ==, 2);
  g_assert_cmpint (((StoreAgentSession *) rows->pdata[1])->connected_at, ==, 10);
}

static void
test_last_ends (ConfigFixture *fixture, const void *data)
{
  int64_t agent = add_agent ("edge"), other = add_agent ("other");
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) ends = NULL;
  StoreTx *tx = begin_write (fixture);

  (void) data;
  insert (tx, agent, 1, 200);
  insert (tx, agent, 2, 100);
  insert (tx, other, 3, 0);
  ends = store_agent_session_last_ends (tx, &error);
  commit (tx);
  g_assert_cmpuint (ends->len, ==, 1);
  g_assert_cmpint (g_array_index (ends, StoreAgentEnd, 0).agent_id, ==, agent);
  g_assert_cmpint (g_array_index (ends, StoreAgentEnd, 0).at, ==, 200);
}

/* --- reports ---------------------------------------------------------------------------------- */

#define MINUTE INT64_C (60000)

/* A report every five seconds for two days; threads tells which it is. */
static void
test_reports (void)
{
  AgentReports *reports = NULL;
  int64_t start = 1000 * 15 * MINUTE, now = 0;
  static const struct
  {
    int64_t window, every;
    unsigned n;
  } rows[] = {
    { 5 * MINUTE, MINUTE, 6 },
    { 60 * MINUTE, MINUTE, 60 },
    { 61 * MINUTE, 15 * MINUTE, 5 },
    { 24 * 60 * MINUTE, 15 * MINUTE, 96 },
    { 30 * 24 * 60 * MINUTE, 15 * MINUTE, 96 },
  };

  for (int i = 0; i < 2 * 24 * 60 * 12; i++)
    {
      now = start + i * 5000;
      agent_reports_note (&reports, &(AgentReportPoint){ .at_ms = now, .report.threads = i });
    }
  for (unsigned r = 0; r < G_N_ELEMENTS (rows); r++)
    {
      g_autoptr (GArray) points = agent_reports_copy (reports, now - rows[r].window, now);

      g_test_message ("row %u", r);
      g_assert_cmpuint (points->len, ==, rows[r].n);
      for (unsigned i = 0; i < points->len; i++)
        {
          const AgentReportPoint *point = &g_array_index (points, AgentReportPoint, i);
          int64_t back = (points->len - 1 - i) * rows[r].every;

          g_assert_cmpint (point->at_ms, ==, now - back); /* the last one of its time */
          g_assert_cmpint (point->report.threads, ==, (point->at_ms - start) / 5000);
        }
    }
  agent_reports_free (reports);
}

/* Points are in order, and none is still to come. */
static void
test_reports_set_back (void)
{
  AgentReports *reports = NULL;
  int64_t start = 1000 * 15 * MINUTE;
  g_autoptr (GArray) points = NULL;

  for (int i = 0; i < 30; i++)
    agent_reports_note (&reports, &(AgentReportPoint){ .at_ms = start + i * MINUTE });
  for (int i = 10; i < 13; i++)
    agent_reports_note (&reports, &(AgentReportPoint){ .at_ms = start + i * MINUTE + 1 });
  points = agent_reports_copy (reports, 0, start);
  g_assert_cmpuint (points->len, ==, 1);
  g_clear_pointer (&points, g_array_unref);
  points = agent_reports_copy (reports, start, start + 20 * MINUTE);
  g_assert_cmpuint (points->len, ==, 13);
  for (int i = 0; i < 13; i++)
    g_assert_cmpint (g_array_index (points, AgentReportPoint, i).at_ms, ==,
                     start + i * MINUTE + (i >= 10));
  agent_reports_free (reports);
}

static void
test_no_reports (void)
{
  g_autoptr (GArray) points = agent_reports_copy (NULL, 0, 1000);

  g_assert_cmpuint (points->len, ==, 0);
  agent_reports_free (NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  base_ms = p2p_wall_ms ();
  config_fixture_add_test ("/agent-history/life", test_life);
  config_fixture_add_test ("/agent-history/many", test_many);
  config_fixture_add_test ("/agent-history/clock", test_clock);
  config_fixture_add_test ("/agent-history/clock-set", test_clock_set);
  config_fixture_add_test ("/agent-history/deleted", test_deleted);
  config_fixture_add_test ("/agent-history/trouble", test_trouble);
  config_fixture_add_test ("/agent-history/stale", test_stale);
  config_fixture_add_test ("/agent-history/prune", test_prune);
  config_fixture_add_test ("/agent-history/last-ends", test_last_ends);
  g_test_add_func ("/agent-history/reports", test_reports);
  g_test_add_func ("/agent-history/reports-set-back", test_reports_set_back);
  g_test_add_func ("/agent-history/no-reports", test_no_reports);
  return g_test_run ();
}
