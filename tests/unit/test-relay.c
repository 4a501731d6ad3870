/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A relay between a client and an origin, for all pairs of back ends: both directions run at once,
 * whatever the origin does. */
#include "lib/tls.h"
#include "tests/unit/relay-scene.h"

#include <string.h>

/* A client that writes n bytes and reads at the same time, on one thread, as a worker does. */
typedef struct
{
  P2pStream *strm;
  size_t n_to_write, n_written, n_read;
  bool shut, eof;
  bool verify;      /* what comes back is what was sent */
  char text[100];   /* the first bytes that came back */
  P2pIo write_end;  /* not OK: writing failed */
} Duplex;

static void
duplex_write (Duplex *duplex)
{
  char buf[30000];
  size_t n = MIN (sizeof buf, duplex->n_to_write - duplex->n_written);
  struct iovec iov = { buf, n };
  P2pIo io;

  if (n == 0)
    {
      io = p2p_stream_shutdown (duplex->strm, P2P_TRY);
      duplex->shut = io == P2P_IO_OK;
    }
  else
    {
      for (size_t i = 0; i < n; i++)
        buf[i] = (char) relay_pattern (duplex->n_written + i);
      n = 0;
      io = p2p_stream_write_all (duplex->strm, &iov, 1, &n, P2P_TRY);
      duplex->n_written += n;
    }
  if (io != P2P_IO_OK && io != P2P_IO_AGAIN)
    duplex->write_end = io;
}

static void
duplex_read (Duplex *duplex)
{
  unsigned char buf[40000];
  size_t n = 0;
  P2pIo io = p2p_stream_read (duplex->strm, buf, sizeof buf, &n, P2P_TRY);

  if (io == P2P_IO_EOF)
    duplex->eof = true;
  if (io == P2P_IO_EOF || io == P2P_IO_AGAIN)
    return;
  g_assert_cmpint (io, ==, P2P_IO_OK);
  for (size_t i = 0; i < n; i++)
    {
      if (duplex->verify && buf[i] != relay_pattern (duplex->n_read + i))
        g_error ("byte %zu differs", duplex->n_read + i);
      if (duplex->n_read + i < sizeof duplex->text - 1)
        duplex->text[duplex->n_read + i] = (char) buf[i];
    }
  duplex->n_read += n;
}

/* Until the answer's end. */
static void
duplex_run (Duplex *duplex)
{
  while (!duplex->eof)
    {
      P2pWait item = { .strm = duplex->strm, .want = P2P_READABLE };

      if (!duplex->shut && duplex->write_end == P2P_IO_OK)
        item.want |= P2P_WRITABLE;
      g_assert_cmpint (p2p_stream_wait (&item, 1, SOON), ==, P2P_IO_OK);
      if (item.ready & P2P_READABLE)
        duplex_read (duplex);
      if (item.ready & item.want & P2P_WRITABLE)
        duplex_write (duplex);
    }
}

/* An origin that echoes as it reads -------------------------------------------------------------
 */

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define ECHO_BYTES                                                                                 \
  ((size_t) 8 << 20) /* sixteen pairs; instrumented, each takes ten times as long */
#else
#define ECHO_BYTES ((size_t) 64 << 20)
#endif

static void *
echo_main (void *data)
{
  RelayScene *scene = data;
  g_autofree char *buf = g_malloc (65536);
  size_t n;
  P2pIo io;

  while ((io = p2p_stream_read (scene->origin, buf, 65536, &n, SOON)) == P2P_IO_OK)
    g_assert_cmpint (
        p2p_stream_write_all (scene->origin, &(struct iovec){ buf, n }, 1, NULL, SOON), ==,
        P2P_IO_OK);
  g_assert_cmpint (io, ==, P2P_IO_EOF);
  g_assert_cmpint (p2p_stream_shutdown (scene->origin, SOON), ==, P2P_IO_OK);
  p2p_stream_close (scene->origin);
  return NULL;
}

static void
test_echo (const void *data)
{
  RelayScene scene;
  Duplex duplex = { .n_to_write = ECHO_BYTES, .verify = true };

  relay_scene_start (&scene, GPOINTER_TO_UINT (data), echo_main);
  duplex.strm = scene.client;
  duplex_run (&duplex);
  g_assert_cmpuint (duplex.n_read, ==, ECHO_BYTES);
  relay_scene_stop (&scene);
  g_assert_cmpint (scene.result.end, ==, P2P_IO_EOF);
  g_assert_cmpuint (scene.result.a_to_b_bytes, ==, ECHO_BYTES);
  g_assert_cmpuint (scene.result.b_to_a_bytes, ==, ECHO_BYTES);
}

/* An origin that answers after the first byte and reads no more ---------------------------------
 */

#define REFUSAL "HTTP/1.1 413 Content Too Large\r\n\r\n"

static void *
refuse_main (void *data)
{
  RelayScene *scene = data;
  struct iovec iov = { REFUSAL, strlen (REFUSAL) };
  P2pWait item = { .strm = scene->origin };
  char byte;
  size_t n;

  g_assert_cmpint (p2p_stream_read (scene->origin, &byte, 1, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_write_all (scene->origin, &iov, 1, NULL, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_shutdown (scene->origin, SOON), ==, P2P_IO_OK);
  /* It stays until the other end is gone: the body is stuck on its way, the answer must not be. */
  g_assert_cmpint (p2p_stream_wait (&item, 1, SOON), ==, P2P_IO_OK);
  p2p_stream_close (scene->origin);
  return NULL;
}

static void
test_early_answer (const void *data)
{
  RelayScene scene;
  Duplex duplex = { .n_to_write = 256 << 20 };

  relay_scene_start (&scene, GPOINTER_TO_UINT (data), refuse_main);
  duplex.strm = scene.client;
  duplex_run (&duplex);
  g_assert_cmpstr (duplex.text, ==, REFUSAL);
  g_assert_cmpuint (duplex.n_written, <, duplex.n_to_write);
  p2p_stream_reset (scene.client);
  relay_scene_stop (&scene);
  g_assert_cmpint (scene.result.end, ==, P2P_IO_RESET);
}

/* An origin that answers only when the body is over ---------------------------------------------
 */

#define BODY_BYTES ((size_t) 5 << 20)

static void *
late_main (void *data)
{
  RelayScene *scene = data;
  g_autofree unsigned char *buf = g_malloc (65536);
  struct iovec iov = { "thanks", 6 };
  size_t at = 0, n;
  P2pIo io;

  while ((io = p2p_stream_read (scene->origin, buf, 65536, &n, SOON)) == P2P_IO_OK)
    for (size_t i = 0; i < n; i++, at++)
      if (buf[i] != relay_pattern (at))
        g_error ("byte %zu differs", at);
  g_assert_cmpint (io, ==, P2P_IO_EOF);
  g_assert_cmpuint (at, ==, BODY_BYTES);
  g_assert_cmpint (p2p_stream_write_all (scene->origin, &iov, 1, NULL, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_shutdown (scene->origin, SOON), ==, P2P_IO_OK);
  p2p_stream_close (scene->origin);
  return NULL;
}

static void
test_late_answer (const void *data)
{
  RelayScene scene;
  Duplex duplex = { .n_to_write = BODY_BYTES };

  relay_scene_start (&scene, GPOINTER_TO_UINT (data), late_main);
  duplex.strm = scene.client;
  duplex_run (&duplex);
  g_assert_cmpstr (duplex.text, ==, "thanks");
  relay_scene_stop (&scene);
  g_assert_cmpint (scene.result.end, ==, P2P_IO_EOF);
}

/* A client that leaves while the origin is silent -----------------------------------------------
 */

static void *
silent_main (void *data)
{
  RelayScene *scene = data;
  char buf[100];
  size_t n;
  P2pIo io;

  /* Says nothing until the client's end has come through, in whatever form. */
  do
    io = p2p_stream_read (scene->origin, buf, sizeof buf, &n, SOON);
  while (io == P2P_IO_OK);
  g_assert_true (io == P2P_IO_EOF || io == P2P_IO_RESET);
  p2p_stream_close (scene->origin);
  return NULL;
}

static void
test_client_leaves (const void *data)
{
  for (unsigned abort = 0; abort < 2; abort++)
    {
      RelayScene scene;
      struct iovec iov = { "GET / HTTP/1.1\r\n\r\n", 18 };

      relay_scene_start (&scene, GPOINTER_TO_UINT (data), silent_main);
      g_assert_cmpint (p2p_stream_write_all (scene.client, &iov, 1, NULL, SOON), ==, P2P_IO_OK);
      if (abort)
        p2p_stream_reset (scene.client);
      else
        {
          char byte;
          size_t n;

          g_assert_cmpint (p2p_stream_shutdown (scene.client, SOON), ==, P2P_IO_OK);
          g_assert_cmpint (p2p_stream_read (scene.client, &byte, 1, &n, SOON), ==, P2P_IO_EOF);
        }
      relay_scene_stop (&scene);
      if (!abort)
        g_assert_cmpint (scene.result.end, ==, P2P_IO_EOF);
    }
}

/* What a worker that awaits an answer does: it waits for both, and a client's FIN then means that
 * it left. */
static void
test_left_while_waiting (const void *data)
{
  unsigned pair = GPOINTER_TO_UINT (data);
  P2pStream *client, *near, *far, *origin;
  P2pWait items[2];
  char byte;
  size_t n;

  relay_kinds[pair / N_RELAY_KINDS].make (&client, &near);
  relay_kinds[pair % N_RELAY_KINDS].make (&far, &origin);
  p2p_stream_close (client);
  items[0] = (P2pWait){ near, P2P_READABLE, 0 };
  items[1] = (P2pWait){ far, P2P_READABLE, 0 };
  for (P2pIo io = P2P_IO_AGAIN; io == P2P_IO_AGAIN;)
    {
      g_assert_cmpint (p2p_stream_wait (items, 2, SOON), ==, P2P_IO_OK);
      g_assert_cmpuint (items[1].ready, ==, 0);
      g_assert_cmpuint (items[0].ready & P2P_READABLE, !=, 0);
      io = p2p_stream_read (near, &byte, 1, &n, P2P_TRY);
      g_assert_true (io == P2P_IO_AGAIN || io == P2P_IO_EOF);
    }
  p2p_stream_close (near);
  p2p_stream_close (far);
  p2p_stream_close (origin);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  p2p_tls_setup ();
  relay_add_tests ("echo", test_echo, false);
  relay_add_tests ("early-answer", test_early_answer, false);
  relay_add_tests ("late-answer", test_late_answer, false);
  relay_add_tests ("client-leaves", test_client_leaves, false);
  relay_add_tests ("left-while-waiting", test_left_while_waiting, false);
  return g_test_run ();
}
