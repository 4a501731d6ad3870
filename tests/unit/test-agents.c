/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The registry of agents with tunnels over socket pairs: who holds the place, how the displaced
 * drain, and what the API is told of them. */
#include "daemon/agents/agents-priv.h"
#include "lib/fd.h"
#include "lib/tunnel.h"
#include "tests/unit/config-fixture.h"
#include "tests/unit/yamux-pair.h"

#include <string.h>
#include <sys/socket.h>

#define ENDS_MAX 8

/* The daemon's side, and the agents' ends that came to it. */
typedef struct
{
  Config *cfg; /* (owned) */
  const ConfigAgent *agent;
  const ConfigTarget *target;
  End ends[ENDS_MAX];
  unsigned n_ends;
} Site;

static void
serve_tunnel (P2pStream *take_strm)
{
  char buf[P2P_TUNNEL_FRAME_MAX];
  P2pSpan json;
  size_t n;

  if (p2p_tunnel_read_frame (take_strm, buf, sizeof buf, &json, WITHIN) != P2P_IO_OK)
    {
      p2p_stream_close (take_strm);
      return;
    }
  n = p2p_tunnel_print_answer (buf, sizeof buf, P2P_TUNNEL_OK, NULL);
  must_write (take_strm, buf, n);
  serve_echo (take_strm);
}

static void
site_start (Site *site, int64_t drain_ms)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 8080);
  g_autoptr (StoreAgent) agent = store_agent_new ();
  g_autoptr (StoreRoute) route = NULL;
  AgentsOptions options = { .agents_max = 10,
                            .max_streams = 100,
                            .workers_max = 2,
                            .memory_max = 64 << 20,
                            .drain_ms = drain_ms,
                            .ping_interval_ms = 600000 };
  StoreTarget *target;

  memset (site, 0, sizeof *site);
  config_fixture_set (&agent->public_id, "one");
  config_fixture_set (&agent->name, "edge");
  config_fixture_add_agent (agent);
  config_fixture_add_listener (listener);
  route = config_fixture_route (listener->id, "r", "", "/");
  target = config_fixture_target (route, "t", "http://origin.test:80");
  target->transport = STORE_TRANSPORT_AGENT;
  store_pairs_add (target->match_labels, "p2pstream.io/agent-id", "one");
  config_fixture_add_route (route);
  site->cfg = config_get_current ();
  site->agent = config_find_agent_by_id (site->cfg, agent->id);
  site->target = config_fixture_find_target (site->cfg, listener->id, "r");
  agents_start (&options, &error);
  g_assert_no_error (error);
}

static void
site_stop (Site *site)
{
  agents_stop (p2p_deadline_ms (1000));
  for (unsigned i = 0; i < site->n_ends; i++)
    end_stop (&site->ends[i]);
  config_unref (site->cfg);
}

/* A tunnel of that instance from that address. */
static End *
come (Site *site, const char *instance, const char *address)
{
  g_autoptr (GError) error = NULL;
  P2pYamuxOptions options = { .role = P2P_YAMUX_CLIENT, .accept_backlog = 256 };
  P2pStream *daemons, *agents;
  Session *session;
  End *end = &site->ends[site->n_ends++];

  g_assert_cmpuint (site->n_ends, <=, ENDS_MAX);
  transport_pair (&daemons, &agents);
  end->serve = serve_tunnel;
  end_start (end, agents, options);
  session = session_new (daemons, site->agent, true, &error);
  g_assert_no_error (error);
  g_strlcpy (session->instance, instance, sizeof session->instance);
  g_strlcpy (session->address, address, sizeof session->address);
  g_assert_true (registry_add (session));
  return end;
}

static P2pStream *
open_stream (Site *site)
{
  P2pStream *strm = NULL;

  g_assert_cmpint (agents_open (site->cfg, site->target, "request", WITHIN, site->agent->id, &strm),
                   ==, AGENT_OPEN_OK);
  return strm;
}

static void
must_echo (P2pStream *strm, const char *text)
{
  char buf[64];

  must_write (strm, text, strlen (text));
  must_read (strm, buf, strlen (text));
  g_assert_cmpmem (buf, strlen (text), text, strlen (text));
}

static AgentStatus
status_of (const Site *site)
{
  AgentStatus status;

  agents_get_status (site->agent->id, &status);
  return status;
}

static void
await_address (const Site *site, const char *address)
{
  int64_t deadline_us = WITHIN;

  while (strcmp (status_of (site).address, address) != 0)
    {
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      g_usleep (1000);
    }
}

static void
await_goaway (End *end)
{
  P2P_LOCKED (&end->lock);
  while (end->go_away_code < 0)
    g_assert_true (p2p_cond_wait (&end->changed, &end->lock, WITHIN));
  g_assert_cmpint (end->go_away_code, ==, 0);
}

static bool
has_ended (End *end)
{
  P2P_LOCKED (&end->lock);
  return end->ended;
}

/* --- draining --------------------------------------------------------------------------------- */

static void
test_displaced (ConfigFixture *fixture, const void *data)
{
  Site site;
  End *first, *second;
  P2pStream *old_strm, *new_strm;

  (void) fixture;
  (void) data;
  site_start (&site, 600000);
  first = come (&site, "a", "192.0.2.1:1");
  old_strm = open_stream (&site);
  must_echo (old_strm, "before");
  second = come (&site, "b", "192.0.2.2:2");
  await_goaway (first);
  g_assert_cmpstr (status_of (&site).address, ==, "192.0.2.2:2");
  g_assert_cmpint (status_of (&site).state, ==, AGENT_CONNECTED);
  must_echo (old_strm, "goes on");
  new_strm = open_stream (&site);
  must_echo (new_strm, "elsewhere");
  end_await_accepted (second, 1);
  g_assert_cmpuint (first->n_accepted, ==, 1);
  must_echo (old_strm, "still");
  g_assert_false (has_ended (first));
  p2p_stream_close (old_strm); /* its last: nothing is waited for any more */
  end_await (first);
  must_echo (new_strm, "alone");
  p2p_stream_close (new_strm);
  site_stop (&site);
}

static void
test_cut (ConfigFixture *fixture, const void *data)
{
  Site site;
  End *first;
  P2pStream *strm;
  int64_t start_us;
  char byte;
  size_t n;

  (void) fixture;
  (void) data;
  site_start (&site, 2000);
  first = come (&site, "a", "192.0.2.1:1");
  strm = open_stream (&site);
  must_echo (strm, "before");
  start_us = p2p_now_us ();
  (void) come (&site, "b", "192.0.2.2:2");
  must_echo (strm, "goes on");
  g_assert_cmpint (p2p_stream_read (strm, &byte, 1, &n, WITHIN), ==, P2P_IO_RESET);
  g_assert_cmpint (p2p_now_us () - start_us, >=, 2000000);
  end_await (first);
  p2p_stream_close (strm);
  site_stop (&site);
}

/* One that comes again and again, each time with a stream that stays open. */
static void
test_piled_up (ConfigFixture *fixture, const void *data)
{
  Site site;
  P2pStream *strms[ENDS_MAX];

  (void) fixture;
  (void) data;
  site_start (&site, 600000);
  for (unsigned i = 0; i < ENDS_MAX; i++)
    {
      (void) come (&site, "a", "192.0.2.1:1");
      strms[i] = open_stream (&site);
      must_echo (strms[i], "there");
    }
  for (unsigned i = 0; i < ENDS_MAX; i++)
    if (i < ENDS_MAX - 1 - DRAINING_MAX)
      end_await (&site.ends[i]);
    else
      must_echo (strms[i], "still");
  for (unsigned i = 0; i < ENDS_MAX; i++)
    {
      g_assert_true (has_ended (&site.ends[i]) == (i < ENDS_MAX - 1 - DRAINING_MAX));
      p2p_stream_close (strms[i]);
    }
  site_stop (&site);
}

/* --- turns ------------------------------------------------------------------------------------ */

static void
test_waits (ConfigFixture *fixture, const void *data)
{
  Site site;
  End *holder, *waiting;
  P2pStream *strm;

  (void) fixture;
  (void) data;
  site_start (&site, 600000);
  end_await_accepted (come (&site, "a", "192.0.2.1:1"), 0);
  holder = come (&site, "b", "192.0.2.2:1");
  end_await (&site.ends[0]);
  waiting = come (&site, "a", "192.0.2.1:2");
  strm = open_stream (&site);
  must_echo (strm, "with the holder");
  end_await_accepted (holder, 1);
  g_assert_cmpstr (status_of (&site).address, ==, "192.0.2.2:1");
  g_assert_false (has_ended (waiting));
  /* Its own newer connection waits in its stead. */
  waiting = come (&site, "a", "192.0.2.1:3");
  end_await (&site.ends[2]);
  /* A place that is free waits for nobody's turn. */
  p2p_yamux_close (holder->yamux, "gone");
  await_address (&site, "192.0.2.1:3");
  p2p_stream_close (strm);
  strm = open_stream (&site);
  must_echo (strm, "with the other");
  end_await_accepted (waiting, 1);
  p2p_stream_close (strm);
  /* The holder's own newer connection takes over at once. */
  (void) come (&site, "a", "192.0.2.1:4");
  g_assert_cmpstr (status_of (&site).address, ==, "192.0.2.1:4");
  site_stop (&site);
}

/* The right to be there ends for those that wait as well. */
static void
test_waiting_is_dismissed (ConfigFixture *fixture, const void *data)
{
  Site site;

  (void) fixture;
  (void) data;
  site_start (&site, 600000);
  (void) come (&site, "a", "192.0.2.1:1");
  (void) come (&site, "b", "192.0.2.2:1");
  (void) come (&site, "a", "192.0.2.1:2");
  agents_disconnect (site.agent->id, "test");
  for (unsigned i = 0; i < 3; i++)
    end_await (&site.ends[i]);
  g_assert_cmpint (status_of (&site).state, ==, AGENT_OFFLINE);
  site_stop (&site);
}

static void
test_too_many_wait (ConfigFixture *fixture, const void *data)
{
  static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
  Place place = { 0 };
  Site site;

  (void) fixture;
  (void) data;
  site_start (&site, 600000);
  /* All have lost it to the last. */
  for (unsigned i = 0; i < 5; i++)
    place_note_loss (&place, &(PlaceHolder){ .instance = { names[i][0] } },
                     &(PlaceHolder){ .instance = "f" }, p2p_now_us ());
  (void) come (&site, "f", "192.0.2.1:1");
  p2p_mutex_lock (&registry.lock);
  registry_get_known_locked (site.agent->id)->place = g_memdup2 (&place, sizeof place);
  p2p_mutex_unlock (&registry.lock);
  for (unsigned i = 0; i < 5; i++)
    (void) come (&site, names[i], "192.0.2.1:1");
  end_await (&site.ends[5]);
  for (unsigned i = 0; i < 5; i++)
    g_assert_false (has_ended (&site.ends[i]));
  site_stop (&site);
}

/* --- what is told ----------------------------------------------------------------------------- */

static void
test_dispute_is_told (ConfigFixture *fixture, const void *data)
{
  PlaceHolder a = { .instance = "a", .address = "192.0.2.1:1" };
  PlaceHolder b = { .instance = "b", .address = "192.0.2.2:1" };
  Place *place = g_new0 (Place, 1);
  int64_t now_us = p2p_now_us ();
  int64_t now_ms = p2p_wall_ms ();
  AgentStatus status;
  Site site;

  (void) fixture;
  (void) data;
  site_start (&site, 600000);
  for (int i = 0; i < 4; i++)
    place_note_loss (place, i % 2 ? &b : &a, i % 2 ? &a : &b, now_us - (3 - i) * 20000000);
  (void) come (&site, "a", "192.0.2.1:1");
  g_assert_false (status_of (&site).disputed);
  p2p_mutex_lock (&registry.lock);
  registry_get_known_locked (site.agent->id)->place = place;
  p2p_mutex_unlock (&registry.lock);
  status = status_of (&site);
  g_assert_true (status.disputed);
  g_assert_cmpstr (status.dispute_addresses[0], ==, "192.0.2.1:1");
  g_assert_cmpstr (status.dispute_addresses[1], ==, "192.0.2.2:1");
  g_assert_cmpint (ABS (status.dispute_since_ms - (now_ms - 60000)), <, 5000);
  site_stop (&site);
}

#define HEADER 12                      /* bytes of a frame without its payload */
#define WINDOW (256 * UINT64_C (1024)) /* of a new stream */

/* Streams that are opened, carry and are reset: every figure is known beforehand. */
static void
test_figures (ConfigFixture *fixture, const void *data)
{
  static char payload[100000];
  P2pStream *strms[3], *agents_end;
  AgentStatus before, after;
  Site site;
  End *end = &site.ends[0];

  (void) fixture;
  (void) data;
  site_start (&site, 600000);
  before = status_of (&site);
  g_assert_cmpint (before.state, ==, AGENT_OFFLINE);
  g_assert_cmpint (before.connected_at_ms, ==, 0);
  (void) come (&site, "a", "192.0.2.1:1");
  while (status_of (&site).round_trip_ms < 0)
    g_usleep (1000); /* the first ping is answered: nothing else is sent */
  end->serve = NULL;
  before = status_of (&site);
  g_assert_cmpfloat (before.round_trip_ms, <, 20000);
  g_assert_cmpint (ABS (p2p_wall_ms () - before.connected_at_ms), <, 20000);
  g_assert_cmpuint (before.streams, ==, 0);
  g_assert_cmpuint (before.resets, ==, 0);
  g_assert_cmpuint (before.window_bytes, ==, 0);
  for (unsigned i = 0; i < 3; i++)
    {
      strms[i] = open_stream (&site);
      must_write (strms[i], payload, sizeof payload);
    }
  end_await_accepted (end, 3);
  while (status_of (&site).bytes_out <= before.bytes_out + 3 * sizeof payload)
    g_usleep (1000); /* the reader writes what the connection did not take at once */
  after = status_of (&site);
  g_assert_cmpuint (after.streams, ==, 3);
  g_assert_cmpuint (after.active_requests, ==, 3);
  g_assert_cmpuint (after.window_bytes, ==, 3 * WINDOW);
  g_assert_cmpuint (after.resets, ==, 0);
  g_assert_cmpuint (after.bytes_out - before.bytes_out, <, 3 * (sizeof payload + 1000));
  while (status_of (&site).bytes_in < before.bytes_in + 3 * HEADER)
    g_usleep (1000); /* three ACKs, and no more */
  g_assert_cmpuint (status_of (&site).bytes_in, ==, before.bytes_in + 3 * HEADER);
  /* One is reset by the agent, with unread bytes in it. */
  p2p_mutex_lock (&end->lock);
  agents_end = g_steal_pointer (&end->kept[0]);
  p2p_mutex_unlock (&end->lock);
  p2p_stream_close (agents_end);
  while (status_of (&site).streams != 2)
    g_usleep (1000);
  after = status_of (&site);
  g_assert_cmpuint (after.resets, ==, 1);
  g_assert_cmpuint (after.window_bytes, ==, 2 * WINDOW);
  g_assert_cmpuint (after.bytes_in, ==, before.bytes_in + 4 * HEADER);
  g_assert_cmpuint (after.queued_bytes, ==, 0);
  for (unsigned i = 0; i < 3; i++)
    p2p_stream_close (strms[i]);
  site_stop (&site);
}

/* What an agent that takes nothing leaves in the queue is told. */
static void
test_queue (ConfigFixture *fixture, const void *data)
{
  static char payload[WINDOW];
  g_autoptr (GError) error = NULL;
  struct iovec iov = { payload, sizeof payload };
  P2pStream *strms[20];
  Session *session;
  int fds[2];
  Site site;

  (void) fixture;
  (void) data;
  site_start (&site, 600000);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  session = session_new (p2p_stream_tcp_new (fds[0]), site.agent, true, &error);
  g_assert_no_error (error);
  g_assert_true (registry_add (session));
  for (unsigned i = 0; i < G_N_ELEMENTS (strms); i++)
    {
      strms[i] = open_stream (&site);
      (void) p2p_stream_write_all (strms[i], &iov, 1, NULL, p2p_deadline_ms (10));
    }
  g_assert_cmpuint (status_of (&site).queued_bytes, >, 0);
  g_assert_cmpuint (status_of (&site).streams, ==, G_N_ELEMENTS (strms));
  g_assert_cmpfloat (status_of (&site).round_trip_ms, <, 0);
  for (unsigned i = 0; i < G_N_ELEMENTS (strms); i++)
    p2p_stream_close (strms[i]);
  p2p_fd_close (&fds[1]);
  site_stop (&site);
}

static void
test_report (ConfigFixture *fixture, const void *data)
{
  AgentReport report = { .threads = 5, .version = "1.0" };
  int64_t start_ms = p2p_wall_ms ();
  g_autoptr (GArray) points = NULL;
  Site site;

  (void) fixture;
  (void) data;
  site_start (&site, 600000);
  points = agents_copy_reports (site.agent->id, 0);
  g_assert_cmpuint (points->len, ==, 0);
  g_assert_false (status_of (&site).has_report);
  agents_report (site.agent->id, &report);
  g_assert_true (status_of (&site).has_report);
  g_assert_cmpint (status_of (&site).report.threads, ==, 5);
  g_clear_pointer (&points, g_array_unref);
  points = agents_copy_reports (site.agent->id, start_ms);
  g_assert_cmpuint (points->len, ==, 1);
  g_assert_cmpint (g_array_index (points, AgentReportPoint, 0).report.threads, ==, 5);
  g_assert_cmpfloat (g_array_index (points, AgentReportPoint, 0).round_trip_ms, <, 0);
  site_stop (&site);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  config_fixture_add_test ("/agents/displaced", test_displaced);
  config_fixture_add_test ("/agents/cut", test_cut);
  config_fixture_add_test ("/agents/piled-up", test_piled_up);
  config_fixture_add_test ("/agents/waits", test_waits);
  config_fixture_add_test ("/agents/waiting-is-dismissed", test_waiting_is_dismissed);
  config_fixture_add_test ("/agents/too-many-wait", test_too_many_wait);
  config_fixture_add_test ("/agents/dispute-is-told", test_dispute_is_told);
  config_fixture_add_test ("/agents/figures", test_figures);
  config_fixture_add_test ("/agents/queue", test_queue);
  config_fixture_add_test ("/agents/report", test_report);
  return g_test_run ();
}
