/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The management port over real sockets: slow peers, limits, the tunnel's door, TLS, a port that is
 * taken. */
#include "lib/lock.h"
#include "lib/stream-tls.h"
#include "tests/unit/api-server-fixture.h"
#include "tests/unit/wait-for.h"

#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

/* For tests of the time-outs; a busy machine is too slow for them now and then. */
static void
init_short (ServerFixture *fixture, const void *data)
{
  (void) data;
  server_fixture_start (fixture, false, 2000);
}

static void
init_tls (ServerFixture *fixture, const void *data)
{
  (void) data;
  server_fixture_start (fixture, true, 4000);
}

/* Microseconds until all of them have ended, stalled in every phase, more than there are workers,
 * after another was served. */
static int64_t
stall (void)
{
  static const char *const begun[]
      = { "", "G", "GET /healthz HTTP/1.1\r\nHo",
          "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{" };
  static const char good[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  P2pStream *stalled[40];
  int64_t start_us = p2p_now_us ();

  for (unsigned i = 0; i < G_N_ELEMENTS (stalled); i++)
    {
      stalled[i] = server_dial ();
      server_send (stalled[i], begun[i % 4], strlen (begun[i % 4]));
    }
  server_assert_answered (good, strlen (good), 200);
  for (unsigned i = 0; i < G_N_ELEMENTS (stalled); i++)
    {
      g_autofree char *late = server_receive (stalled[i]);

      if (i % 4 == 0)
        g_assert_cmpstr (late, ==, "");
      else
        server_assert_status (late, 408);
      p2p_stream_close (stalled[i]);
    }
  return p2p_now_us () - start_us;
}

/* One after the other they would take 20 s, every time. */
static void
test_stalled (ServerFixture *fixture, const void *data)
{
  int64_t took_us = INT64_MAX;

  (void) fixture;
  (void) data;
  for (unsigned i = 0; i < 3 && took_us >= 10 * G_USEC_PER_SEC; i++)
    took_us = stall ();
  g_assert_cmpint (took_us, <, 10 * G_USEC_PER_SEC);
}

static void
test_per_address (ServerFixture *fixture, const void *data)
{
  P2pStream *strms[80];
  unsigned closed = 0;

  (void) fixture;
  (void) data;
  for (unsigned i = 0; i < G_N_ELEMENTS (strms); i++)
    strms[i] = server_dial ();
  /* The last ones were turned away at once, the first ones live until their deadline. */
  for (unsigned i = 60; i < G_N_ELEMENTS (strms); i++)
    closed += server_has_closed (strms[i]);
  g_assert_cmpuint (closed, ==, 20);
  for (unsigned i = 0; i < G_N_ELEMENTS (strms); i++)
    p2p_stream_close (strms[i]);
}

static void
test_tunnel_door (ServerFixture *fixture, const void *data)
{
  static const char request[] = "GET /agent/tunnel HTTP/1.1\r\nHost: x\r\n\r\nearly";

  (void) fixture;
  (void) data;
  server_assert_answered (request, strlen (request), 401);
  g_assert_cmpstr (api_fake_heard, ==, "tunnel /agent/tunnel early 5");
}

static void
test_tls (ServerFixture *fixture, const void *data)
{
  static const char *const alpn[] = { "http/1.1", NULL };
  static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  P2pTlsClientOptions options = { .ca_pem = fixture->cert->chain_pem, .alpn = alpn };
  g_autoptr (GError) error = NULL;
  g_autoptr (P2pTlsClient) client = p2p_tls_client_new (&options, &error);
  P2pStream *strm;

  (void) data;
  g_assert_no_error (error);
  strm = p2p_stream_tls_client_new (server_dial (), client, "localhost");
  g_assert_cmpint (p2p_stream_tls_handshake (strm, p2p_deadline_ms (PATIENCE_MS)), ==, P2P_IO_OK);
  for (unsigned i = 0; i < 2; i++)
    {
      g_autofree char *answer = NULL;

      server_send (strm, request, strlen (request));
      answer = server_receive (strm);
      server_assert_status (answer, 200);
    }
  p2p_stream_close (strm);
  /* Half a hello is ended on time. */
  strm = server_dial ();
  server_send (strm, "\x16\x03\x01\x02", 4);
  g_assert_true (server_has_closed (strm));
  p2p_stream_close (strm);
}

static void
test_port_taken (ServerFixture *fixture, const void *data)
{
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address
      = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t len = sizeof address;
  g_autoptr (GError) error = NULL;
  ApiOptions options = { .bind_address = "127.0.0.1", .setup_window_ms = 1000, .workers_max = 2,
                         .connections_max = 2, .connections_per_address_max = 2 };

  (void) data;
  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fd, 1), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &address, &len), ==, 0);
  api_fixture_open_store (&fixture->base);
  options.store = fixture->base.store;
  options.setup_token_file = fixture->base.setup_token_file;
  options.port = ntohs (address.sin_port);
  g_assert_false (api_start (&options, &error));
  g_assert_nonnull (error);
  g_assert_true (g_str_has_prefix (error->message, "management: "));
  g_test_message ("%s", error->message);
  api_fixture_close_store (&fixture->base);
  close (fd);
}

static void
no_init (ServerFixture *fixture, const void *data)
{
  (void) fixture;
  (void) data;
}

#define ADD(name, init_func, func)                                                                 \
  g_test_add ("/api/server/" name, ServerFixture, NULL, init_func, func, server_fixture_done)

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
  ADD ("stalled", init_short, test_stalled);
  ADD ("per-address", server_fixture_init, test_per_address);
  ADD ("tunnel-door", server_fixture_init, test_tunnel_door);
  ADD ("tls", init_tls, test_tls);
  g_test_add ("/api/server/port-taken", ServerFixture, NULL, no_init, test_port_taken, no_init);
  return g_test_run ();
}
