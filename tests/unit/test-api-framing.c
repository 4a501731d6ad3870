/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Requests to the management port as bytes: framing, keep-alive, what is too large, pieces. */
#include "lib/lock.h"
#include "tests/unit/api-server-fixture.h"

#include <string.h>

/* What a connection of its own answers until its end. g_free (). */
static char *
converse (const char *requests)
{
  P2pStream *strm = server_dial ();
  char *all;

  server_send (strm, requests, strlen (requests));
  all = server_receive_all (strm);
  p2p_stream_close (strm);
  return all;
}

static void
test_keep_alive (ServerFixture *fixture, const void *data)
{
  static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  P2pStream *strm = server_dial ();

  (void) fixture;
  (void) data;
  for (unsigned i = 0; i < 3; i++)
    {
      g_autofree char *answer = NULL;

      server_send (strm, request, strlen (request));
      answer = server_receive (strm);
      server_assert_status (answer, 200);
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
  P2pStream *strm = server_dial ();
  g_autofree char *answer = NULL;

  (void) fixture;
  (void) data;
  for (size_t i = 0; i < strlen (request); i++)
    {
      server_send (strm, request + i, 1);
      if (i % 16 == 0)
        g_usleep (25000); /* longer than the worker waits: the connection parks in between */
    }
  answer = server_receive (strm);
  server_assert_status (answer, 422);
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
  g_autofree char *all = converse (requests);

  (void) fixture;
  (void) data;
  server_assert_status (all, 200);
  g_assert_nonnull (strstr (all, "HTTP/1.1 422 "));
  g_assert_nonnull (strstr (all, "HTTP/1.1 404 "));
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
      P2pStream *strm = server_dial ();
      g_autofree char *answer = NULL;

      g_test_message ("%s", rows[i].request);
      server_send (strm, rows[i].request, strlen (rows[i].request));
      answer = server_receive (strm);
      server_assert_status (answer, rows[i].status);
      g_assert_nonnull (strstr (answer, "Connection: close"));
      g_assert_nonnull (strstr (answer, "application/problem+json"));
      g_assert_true (server_has_closed (strm));
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
  server_assert_answered (head, strlen (head), 431);
  server_assert_answered (chunked, 1200000, 413);
  /* A body of exactly the limit is read, and judged. */
  body[1048576] = '\0';
  memcpy (body, "{}", 2);
  whole = g_strdup_printf (
      "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
      "Content-Length: 1048576\r\n\r\n%s",
      body);
  server_assert_answered (whole, strlen (whole), 422);
}

static void
test_continue (ServerFixture *fixture, const void *data)
{
  static const char head[]
      = "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  P2pStream *strm = server_dial ();
  g_autofree char *first = NULL;
  g_autofree char *answer = NULL;

  (void) fixture;
  (void) data;
  server_send (strm, head, strlen (head));
  first = server_receive (strm);
  g_assert_cmpstr (first, ==, "HTTP/1.1 100 Continue\r\n\r\n");
  server_send (strm, "{}", 2);
  answer = server_receive (strm);
  server_assert_status (answer, 422);
  p2p_stream_close (strm);
}

static void
test_head_and_bearer (ServerFixture *fixture, const void *data)
{
  static const char requests[] = "HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  g_autofree char *all = converse (requests);

  (void) fixture;
  (void) data;
  server_assert_status (all, 200);
  g_assert_true (g_str_has_suffix (all, "\r\n\r\n"));
  g_assert_nonnull (strstr (all, "Content-Length: 15\r\n"));
}

#define ADD(name, func)                                                                            \
  g_test_add ("/api/framing/" name, ServerFixture, NULL, server_fixture_init, func,                \
              server_fixture_done)

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
  ADD ("keep-alive", test_keep_alive);
  ADD ("slow-but-good", test_slow_but_good);
  ADD ("pipelined", test_pipelined);
  ADD ("bad-framing", test_bad_framing);
  ADD ("large", test_large);
  ADD ("continue", test_continue);
  ADD ("head", test_head_and_bearer);
  return g_test_run ();
}
