/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the API is told of an agent: its figures, its queue, its reports, whether its place is in
 * dispute. */
#include "lib/fd.h"
#include "tests/unit/agent-site.h"
#include "tests/unit/config-fixture.h"
#include "tests/unit/wait-for.h"

#include <sys/socket.h>

static void
test_dispute_is_told (ConfigFixture *fixture, const void *data)
{
  PlaceHolder a = { .instance = "a", .address = "192.0.2.1:1" };
  PlaceHolder b = { .instance = "b", .address = "192.0.2.2:1" };
  Place *place = g_new0 (Place, 1);
  int64_t now_us = p2p_now_us ();
  int64_t now_ms = p2p_wall_ms ();
  AgentStatus status;
  AgentSite site;

  (void) fixture;
  (void) data;
  agent_site_start (&site, 600000);
  for (int i = 0; i < 4; i++)
    place_note_loss (place, i % 2 ? &b : &a, i % 2 ? &a : &b, now_us - (3 - i) * 20000000);
  (void) agent_site_come (&site, "a", "192.0.2.1:1");
  g_assert_false (agent_site_status (&site).disputed);
  p2p_mutex_lock (&registry.lock);
  registry_get_known_locked (site.agent->id)->place = place;
  p2p_mutex_unlock (&registry.lock);
  status = agent_site_status (&site);
  g_assert_true (status.disputed);
  g_assert_cmpstr (status.dispute_addresses[0], ==, "192.0.2.1:1");
  g_assert_cmpstr (status.dispute_addresses[1], ==, "192.0.2.2:1");
  g_assert_cmpint (ABS (status.dispute_since_ms - (now_ms - 60000)), <, 5000);
  agent_site_stop (&site);
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
  AgentSite site;
  End *end = &site.ends[0];

  (void) fixture;
  (void) data;
  agent_site_start (&site, 600000);
  before = agent_site_status (&site);
  g_assert_cmpint (before.state, ==, AGENT_OFFLINE);
  g_assert_cmpint (before.connected_at_ms, ==, 0);
  (void) agent_site_come (&site, "a", "192.0.2.1:1");
  /* The first ping is answered: nothing else is sent. */
  WAIT_FOR (agent_site_status (&site).round_trip_ms >= 0);
  end->serve = NULL;
  before = agent_site_status (&site);
  g_assert_cmpfloat (before.round_trip_ms, <, 20000);
  g_assert_cmpint (ABS (p2p_wall_ms () - before.connected_at_ms), <, 20000);
  g_assert_cmpuint (before.streams, ==, 0);
  g_assert_cmpuint (before.resets, ==, 0);
  g_assert_cmpuint (before.window_bytes, ==, 0);
  for (unsigned i = 0; i < 3; i++)
    {
      strms[i] = agent_site_open (&site);
      must_write (strms[i], payload, sizeof payload);
    }
  end_await_accepted (end, 3);
  /* The reader writes what the connection did not take at once. */
  WAIT_FOR (agent_site_status (&site).bytes_out > before.bytes_out + 3 * sizeof payload);
  after = agent_site_status (&site);
  g_assert_cmpuint (after.streams, ==, 3);
  g_assert_cmpuint (after.active_requests, ==, 3);
  g_assert_cmpuint (after.window_bytes, ==, 3 * WINDOW);
  g_assert_cmpuint (after.resets, ==, 0);
  g_assert_cmpuint (after.bytes_out - before.bytes_out, <, 3 * (sizeof payload + 1000));
  /* Three ACKs, and no more. */
  WAIT_FOR (agent_site_status (&site).bytes_in >= before.bytes_in + 3 * HEADER);
  g_assert_cmpuint (agent_site_status (&site).bytes_in, ==, before.bytes_in + 3 * HEADER);
  /* One is reset by the agent, with unread bytes in it. */
  p2p_mutex_lock (&end->lock);
  agents_end = g_steal_pointer (&end->kept[0]);
  p2p_mutex_unlock (&end->lock);
  p2p_stream_close (agents_end);
  WAIT_FOR (agent_site_status (&site).streams == 2);
  after = agent_site_status (&site);
  g_assert_cmpuint (after.resets, ==, 1);
  g_assert_cmpuint (after.window_bytes, ==, 2 * WINDOW);
  g_assert_cmpuint (after.bytes_in, ==, before.bytes_in + 4 * HEADER);
  g_assert_cmpuint (after.queued_bytes, ==, 0);
  for (unsigned i = 0; i < 3; i++)
    p2p_stream_close (strms[i]);
  agent_site_stop (&site);
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
  AgentSite site;

  (void) fixture;
  (void) data;
  agent_site_start (&site, 600000);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  session = session_new (p2p_stream_tcp_new (fds[0]), site.agent, true, &error);
  g_assert_no_error (error);
  g_assert_true (registry_add (session));
  for (unsigned i = 0; i < G_N_ELEMENTS (strms); i++)
    {
      strms[i] = agent_site_open (&site);
      (void) p2p_stream_write_all (strms[i], &iov, 1, NULL, p2p_deadline_ms (10));
    }
  g_assert_cmpuint (agent_site_status (&site).queued_bytes, >, 0);
  g_assert_cmpuint (agent_site_status (&site).streams, ==, G_N_ELEMENTS (strms));
  g_assert_cmpfloat (agent_site_status (&site).round_trip_ms, <, 0);
  for (unsigned i = 0; i < G_N_ELEMENTS (strms); i++)
    p2p_stream_close (strms[i]);
  p2p_fd_close (&fds[1]);
  agent_site_stop (&site);
}

static void
test_report (ConfigFixture *fixture, const void *data)
{
  AgentReport report = { .threads = 5, .version = "1.0" };
  int64_t start_ms = p2p_wall_ms ();
  g_autoptr (GArray) points = NULL;
  AgentSite site;

  (void) fixture;
  (void) data;
  agent_site_start (&site, 600000);
  points = agents_copy_reports (site.agent->id, 0);
  g_assert_cmpuint (points->len, ==, 0);
  g_assert_false (agent_site_status (&site).has_report);
  agents_report (site.agent->id, &report);
  g_assert_true (agent_site_status (&site).has_report);
  g_assert_cmpint (agent_site_status (&site).report.threads, ==, 5);
  g_clear_pointer (&points, g_array_unref);
  points = agents_copy_reports (site.agent->id, start_ms);
  g_assert_cmpuint (points->len, ==, 1);
  g_assert_cmpint (g_array_index (points, AgentReportPoint, 0).report.threads, ==, 5);
  g_assert_cmpfloat (g_array_index (points, AgentReportPoint, 0).round_trip_ms, <, 0);
  agent_site_stop (&site);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  config_fixture_add_test ("/agent-status/dispute-is-told", test_dispute_is_told);
  config_fixture_add_test ("/agent-status/figures", test_figures);
  config_fixture_add_test ("/agent-status/queue", test_queue);
  config_fixture_add_test ("/agent-status/report", test_report);
  return g_test_run ();
}
