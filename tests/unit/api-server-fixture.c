/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See api-server-fixture.h. */
#include "tests/unit/api-server-fixture.h"

#include "lib/stream-tcp.h"
#include "tests/unit/wait-for.h"

#include <netinet/in.h>
#include <string.h>

static P2pTlsCert *
choose (const char *server_name, void *data)
{
  (void) server_name;
  return p2p_tls_cert_ref (data);
}

void
server_fixture_start (ServerFixture *fixture, bool tls, int64_t bound_ms)
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

void
server_fixture_init (ServerFixture *fixture, const void *data)
{
  (void) data;
  server_fixture_start (fixture, false, 3 * PATIENCE_MS);
}

void
server_fixture_done (ServerFixture *fixture, const void *data)
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

P2pStream *
server_dial (void)
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

void
server_send (P2pStream *strm, const char *text, size_t n)
{
  struct iovec iov = { (char *) text, n };

  /* The daemon may have closed already: what it says is read afterwards. */
  (void) p2p_stream_write_all (strm, &iov, 1, NULL, p2p_deadline_ms (PATIENCE_MS));
}

char *
server_receive_all (P2pStream *strm)
{
  GString *text = g_string_new (NULL);
  char buf[4096];
  size_t n;

  while (p2p_stream_read (strm, buf, sizeof buf, &n, p2p_deadline_ms (PATIENCE_MS)) == P2P_IO_OK)
    g_string_append_len (text, buf, (gssize) n);
  return g_string_free (text, false);
}

char *
server_receive (P2pStream *strm)
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

bool
server_has_closed (P2pStream *strm)
{
  char byte;
  size_t n;
  P2pIo io = p2p_stream_read (strm, &byte, 1, &n, p2p_deadline_ms (PATIENCE_MS));

  return io == P2P_IO_EOF || io == P2P_IO_RESET;
}

void
server_assert_status (const char *answer, unsigned status)
{
  g_autofree char *wanted = g_strdup_printf ("HTTP/1.1 %u ", status);

  if (!g_str_has_prefix (answer, wanted))
    g_test_message ("%s", answer);
  g_assert_true (g_str_has_prefix (answer, wanted));
}

void
server_assert_answered (const char *bytes, size_t n, unsigned status)
{
  P2pStream *strm = server_dial ();
  g_autofree char *answer = NULL;

  server_send (strm, bytes, n);
  answer = server_receive (strm);
  server_assert_status (answer, status);
  p2p_stream_close (strm);
}
