/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The management port over real sockets: framing, keep-alive, limits, slow peers, the tunnel's
 * door, TLS. */
#include "lib/fd.h"
#include "lib/lock.h"
#include "lib/stream-tcp.h"
#include "lib/stream-tls.h"
#include "tests/unit/api-fixture.h"
#include "tests/unit/tls-fixture.h"
#include "tests/unit/wait-for.h"

#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  ApiFixture base; /* its store; the core is started by api_start () here */
  P2pTlsServer *tls;
  TlsFixtureCert *cert;
  P2pTlsCert *loaded;
} ServerFixture;

static P2pTlsCert *
choose (const char *server_name, void *data)
{
  (void) server_name;
  return p2p_tls_cert_ref (data);
}

static void
init_with (ServerFixture *fixture, bool tls, int64_t bound_ms)
{
  static const char *const alpn[] = { "http/1.1", NULL };
  g_autoptr (GError) error = NULL;
  ApiOptions options = {
    .bind_address = "127.0.0.1",
    .setup_window_ms = 300000,
    .session_idle_ms = 3600000,
    .workers_max = 4,
    .connections_max = 100,
    .connections_per_address_max = 60,
    .handshake_timeout_ms = bound_ms,
    .header_timeout_ms = bound_ms,
    .body_timeout_ms = bound_ms,
    .idle_timeout_ms = 60000,
  };

  api_fixture_open_store (&fixture->base);
  if (tls)
    {
      TlsFixtureOptions cert = { .name = "localhost" };
      P2pTlsServerOptions server = { .choose = choose, .alpn = alpn };

      fixture->cert = tls_fixture_cert (&cert);
      server.data = fixture->loaded = tls_fixture_load (fixture->cert);
      fixture->tls = p2p_tls_server_new (&server, &error);
      g_assert_no_error (error);
    }
  options.tls = fixture->tls;
  options.store = fixture->base.store;
  options.setup_token_file = fixture->base.setup_token_file;
  api_start (&options, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (api_get_port (), !=, 0);
}

static void
init (ServerFixture *fixture, const void *data)
{
  (void) data;
  init_with (fixture, false, 3 * PATIENCE_MS);
}

/* For tests of the time-outs; a busy machine is too slow for them now and then. */
static void
init_short (ServerFixture *fixture, const void *data)
{
  (void) data;
  init_with (fixture, false, 2000);
}

static void
init_tls (ServerFixture *fixture, const void *data)
{
  (void) data;
  init_with (fixture, true, 4000);
}

static void
done (ServerFixture *fixture, const void *data)
{
  (void) data;
  api_stop (p2p_deadline_ms (20000));
  api_fixture_close_store (&fixture->base);
  if (fixture->tls)
    p2p_tls_server_unref (fixture->tls);
  if (fixture->loaded)
    p2p_tls_cert_unref (fixture->loaded);
  if (fixture->cert)
    tls_fixture_cert_free (fixture->cert);
}

static P2pStream *
dial (void)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_port = htons (api_get_port ()),
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  P2pStream *strm = NULL;
  P2pIo io = p2p_stream_tcp_connect ((struct sockaddr *) &address, sizeof address,
                                     p2p_deadline_ms (PATIENCE_MS), &strm);

  g_assert_cmpint (io, ==, P2P_IO_OK);
  return strm;
}

static void
send_bytes (P2pStream *strm, const char *text, size_t n)
{
  struct iovec iov = { (char *) text, n };

  /* The daemon may have closed already: what it says is read afterwards. */
  (void) p2p_stream_write_all (strm, &iov, 1, NULL, p2p_deadline_ms (PATIENCE_MS));
}

/* Until the end. */
static char *
receive_all (P2pStream *strm)
{
  GString *text = g_string_new (NULL);
  char buf[4096];
  size_t n;

  while (p2p_stream_read (strm, buf, sizeof buf, &n, p2p_deadline_ms (PATIENCE_MS)) == P2P_IO_OK)
    g_string_append_len (text, buf, (gssize) n);
  return g_string_free (text, false);
}

/* Until the answer's body is complete, or the end. Bytes beyond it must not come. */
static char *
receive (P2pStream *strm)
{
  GString *text = g_string_new (NULL);

  for (;;)
    {
      const char *end = strstr (text->str, "\r\n\r\n");
      const char *length = end ? strstr (text->str, "Content-Length: ") : NULL;
      char buf[4096];
      size_t n;
      P2pIo io;

      if (end && length
          && text->len >= (size_t) (end + 4 - text->str) + strtoul (length + 16, NULL, 10))
        break;
      if (end && !length)
        break;
      io = p2p_stream_read (strm, buf, sizeof buf, &n, p2p_deadline_ms (PATIENCE_MS));
      g_assert_cmpint (io, !=, P2P_IO_TIMEOUT);
      if (io != P2P_IO_OK)
        break;
      g_string_append_len (text, buf, (gssize) n);
    }
  return g_string_free (text, false);
}

static bool
is_closed (P2pStream *strm)
{
  char byte;
  size_t n;
  P2pIo io = p2p_stream_read (strm, &byte, 1, &n, p2p_deadline_ms (PATIENCE_MS));

  return io == P2P_IO_EOF || io == P2P_IO_RESET;
}

static void
assert_status (const char *answer, unsigned status)
{
  g_autofree char *wanted = g_strdup_printf ("HTTP/1.1 %u ", status);

  if (!g_str_has_prefix (answer, wanted))
    g_test_message ("%s", answer);
  g_assert_true (g_str_has_prefix (answer, wanted));
}

static void
test_keep_alive (ServerFixture *fixture, const void *data)
{
  static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  P2pStream *strm = dial ();

  (void) fixture;
  (void) data;
  for (unsigned i = 0; i < 3; i++)
    {
      g_autofree char *answer = NULL;

      send_bytes (strm, request, strlen (request));
      answer = receive (strm);
      assert_status (answer, 200);
      g_assert_nonnull (strstr (answer, "\r\nX-Request-Id: "));
      g_assert_nonnull (strstr (answer, "\r\nDate: "));
      g_assert_nonnull (strstr (answer, "{\"status\":\"ok\"}"));
    }
  p2p_stream_close (strm);
}

/* Byte by byte, with pauses longer than a worker waits. */
static void
test_slow_but_good (ServerFixture *fixture, const void *data)
{
  static const char request[] = "POST /api/v1/login HTTP/1.1\r\nHost: x\r\n"
                                "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
  P2pStream *strm = dial ();
  g_autofree char *answer = NULL;

  (void) fixture;
  (void) data;
  for (size_t i = 0; i < strlen (request); i++)
    {
      send_bytes (strm, request + i, 1);
      if (i % 16 == 0)
        g_usleep (25000); /* longer than the worker waits: the connection parks in between */
    }
  answer = receive (strm);
  assert_status (answer, 422);
  p2p_stream_close (strm);
}

static void
test_pipelined (ServerFixture *fixture, const void *data)
{
  static const char requests[]
      = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
        "GET /api/v1/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  P2pStream *strm = dial ();
  g_autofree char *all = NULL;

  (void) fixture;
  (void) data;
  send_bytes (strm, requests, strlen (requests));
  all = receive_all (strm);
  assert_status (all, 200);
  g_assert_nonnull (strstr (all, "HTTP/1.1 422 "));
  g_assert_nonnull (strstr (all, "HTTP/1.1 404 "));
  p2p_stream_close (strm);
}

static void
test_bad_framing (ServerFixture *fixture, const void *data)
{
  static const struct
  {
    const char *request;
    unsigned status;
  } rows[] = {
    { "GET /healthz HTTP/1.1\nHost: x\n\n", 400 },
    { "GET /healthz HTTP/1.1\r\n\r\n", 400 },
    { "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400 },
    { "GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", 505 },
    { "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: "
      "chunked\r\n\r\n",
      400 },
    { "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n1", 400 },
    { "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n", 413 },
    { "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400 },
  };

  (void) fixture;
  (void) data;
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      P2pStream *strm = dial ();
      g_autofree char *answer = NULL;

      g_test_message ("%s", rows[i].request);
      send_bytes (strm, rows[i].request, strlen (rows[i].request));
      answer = receive (strm);
      assert_status (answer, rows[i].status);
      g_assert_nonnull (strstr (answer, "Connection: close"));
      g_assert_nonnull (strstr (answer, "application/problem+json"));
      g_assert_true (is_closed (strm));
      p2p_stream_close (strm);
    }
}

static void
test_large (ServerFixture *fixture, const void *data)
{
  g_autofree char *field = g_strnfill (40000, 'a');
  g_autofree char *head = g_strdup_printf ("GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", field);
  g_autofree char *body = g_strnfill (2 * 1048576, ' ');
  g_autofree char *chunked
      = g_strdup_printf ("POST /api/v1/login HTTP/1.1\r\nHost: x\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n200000\r\n%s\r\n0\r\n\r\n",
                         body);
  g_autofree char *whole = NULL;

  (void) fixture;
  (void) data;
  {
    P2pStream *strm = dial ();
    g_autofree char *answer = NULL;

    send_bytes (strm, head, strlen (head));
    answer = receive (strm);
    assert_status (answer, 431);
    p2p_stream_close (strm);
  }
  {
    P2pStream *strm = dial ();
    g_autofree char *answer = NULL;

    send_bytes (strm, chunked, 1200000);
    answer = receive (strm);
    assert_status (answer, 413);
    p2p_stream_close (strm);
  }
  /* A body of exactly the limit is read, and judged. */
  body[1048576] = '\0';
  memcpy (body, "{}", 2);
  whole = g_strdup_printf (
      "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
      "Content-Length: 1048576\r\n\r\n%s",
      body);
  {
    P2pStream *strm = dial ();
    g_autofree char *answer = NULL;

    send_bytes (strm, whole, strlen (whole));
    answer = receive (strm);
    assert_status (answer, 422);
    p2p_stream_close (strm);
  }
}

static void
test_continue (ServerFixture *fixture, const void *data)
{
  static const char head[]
      = "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  P2pStream *strm = dial ();
  g_autofree char *first = NULL;
  g_autofree char *answer = NULL;

  (void) fixture;
  (void) data;
  send_bytes (strm, head, strlen (head));
  first = receive (strm);
  g_assert_cmpstr (first, ==, "HTTP/1.1 100 Continue\r\n\r\n");
  send_bytes (strm, "{}", 2);
  answer = receive (strm);
  assert_status (answer, 422);
  p2p_stream_close (strm);
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
  P2pStream *strm;
  g_autofree char *answer = NULL;
  int64_t start_us = p2p_now_us ();

  for (unsigned i = 0; i < G_N_ELEMENTS (stalled); i++)
    {
      stalled[i] = dial ();
      send_bytes (stalled[i], begun[i % 4], strlen (begun[i % 4]));
    }
  strm = dial ();
  send_bytes (strm, good, strlen (good));
  answer = receive (strm);
  assert_status (answer, 200);
  p2p_stream_close (strm);
  for (unsigned i = 0; i < G_N_ELEMENTS (stalled); i++)
    {
      g_autofree char *late = receive (stalled[i]);

      if (i % 4 == 0)
        g_assert_cmpstr (late, ==, "");
      else
        assert_status (late, 408);
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
    strms[i] = dial ();
  /* The last ones were turned away at once, the first ones live until their deadline. */
  for (unsigned i = 60; i < G_N_ELEMENTS (strms); i++)
    closed += is_closed (strms[i]);
  g_assert_cmpuint (closed, ==, 20);
  for (unsigned i = 0; i < G_N_ELEMENTS (strms); i++)
    p2p_stream_close (strms[i]);
}

static void
test_tunnel_door (ServerFixture *fixture, const void *data)
{
  static const char request[] = "GET /agent/tunnel HTTP/1.1\r\nHost: x\r\n\r\nearly";
  P2pStream *strm = dial ();
  g_autofree char *answer = NULL;

  (void) fixture;
  (void) data;
  send_bytes (strm, request, strlen (request));
  answer = receive (strm);
  assert_status (answer, 401);
  g_assert_cmpstr (api_fake_heard, ==, "tunnel /agent/tunnel early 5");
  p2p_stream_close (strm);
}

static void
test_head_and_bearer (ServerFixture *fixture, const void *data)
{
  static const char requests[] = "HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  P2pStream *strm = dial ();
  g_autofree char *all = NULL;

  (void) fixture;
  (void) data;
  send_bytes (strm, requests, strlen (requests));
  all = receive_all (strm);
  assert_status (all, 200);
  g_assert_true (g_str_has_suffix (all, "\r\n\r\n"));
  g_assert_nonnull (strstr (all, "Content-Length: 15\r\n"));
  p2p_stream_close (strm);
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
  strm = p2p_stream_tls_client_new (dial (), client, "localhost");
  g_assert_cmpint (p2p_stream_tls_handshake (strm, p2p_deadline_ms (PATIENCE_MS)), ==, P2P_IO_OK);
  for (unsigned i = 0; i < 2; i++)
    {
      g_autofree char *answer = NULL;

      send_bytes (strm, request, strlen (request));
      answer = receive (strm);
      assert_status (answer, 200);
    }
  p2p_stream_close (strm);
  /* Half a hello is ended on time. */
  strm = dial ();
  send_bytes (strm, "\x16\x03\x01\x02", 4);
  g_assert_true (is_closed (strm));
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
  g_test_add ("/api/server/" name, ServerFixture, NULL, init_func, func, done)

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
  ADD ("keep-alive", init, test_keep_alive);
  ADD ("slow-but-good", init, test_slow_but_good);
  ADD ("pipelined", init, test_pipelined);
  ADD ("bad-framing", init, test_bad_framing);
  ADD ("large", init, test_large);
  ADD ("continue", init, test_continue);
  ADD ("stalled", init_short, test_stalled);
  ADD ("per-address", init, test_per_address);
  ADD ("tunnel-door", init, test_tunnel_door);
  ADD ("head", init, test_head_and_bearer);
  ADD ("tls", init_tls, test_tls);
  g_test_add ("/api/server/port-taken", ServerFixture, NULL, no_init, test_port_taken, no_init);
  return g_test_run ();
}
