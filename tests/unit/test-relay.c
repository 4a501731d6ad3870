/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A relay between a client and an origin, for all pairs of back ends: both directions run at once,
 * whatever the origin does. */
#include "lib/lock.h"
#include "lib/relay.h"
#include "lib/stream-tcp.h"
#include "lib/tls.h"
#include "tests/unit/stream-pairs.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOON p2p_deadline_ms (60000)

/* By row and column; the last is a stand-in without TLS below. */
static const StreamPairs kinds[] = {
  { "tcp", stream_pair_tcp, true },
  { "tls", stream_pair_tls, true },
  { "yamux", stream_pair_yamux, false },
  { "memory", stream_pair_memory, false },
};
#define N_KINDS G_N_ELEMENTS (kinds)

static unsigned char
pattern (size_t at)
{
  return (unsigned char) (at * 131 + (at >> 8) * 17 + (at >> 16));
}

/* client -- near | relay | far -- origin, the relay and the origin each on a thread of their own.
 */
typedef struct
{
  P2pStream *client, *near, *far, *origin;
  P2pRelayOptions options;
  P2pRelayResult result;
  unsigned n_done;
  pthread_t relay_thread, origin_thread;
} Scene;

static void
done_cb (const P2pRelayResult *result, void *data)
{
  Scene *scene = data;

  scene->result = *result;
  scene->n_done++;
}

static void *
relay_main (void *data)
{
  Scene *scene = data;

  p2p_relay_run (scene->near, P2P_SPAN_NONE, scene->far, P2P_SPAN_NONE, &scene->options);
  return NULL;
}

static void
scene_start (Scene *scene, unsigned pair, void *(*origin_main) (void *data))
{
  memset (scene, 0, sizeof *scene);
  kinds[pair / N_KINDS].make (&scene->client, &scene->near);
  kinds[pair % N_KINDS].make (&scene->far, &scene->origin);
  scene->options = (P2pRelayOptions){ .write_stall_ms = 60000, .done = done_cb, .data = scene };
  P2P_PTHREAD (pthread_create (&scene->relay_thread, NULL, relay_main, scene));
  P2P_PTHREAD (pthread_create (&scene->origin_thread, NULL, origin_main, scene));
}

static void
scene_stop (Scene *scene)
{
  p2p_stream_close (scene->client);
  P2P_PTHREAD (pthread_join (scene->relay_thread, NULL));
  P2P_PTHREAD (pthread_join (scene->origin_thread, NULL));
  g_assert_cmpuint (scene->n_done, ==, 1);
}

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
        buf[i] = (char) pattern (duplex->n_written + i);
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
      if (duplex->verify && buf[i] != pattern (duplex->n_read + i))
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
  Scene *scene = data;
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
  Scene scene;
  Duplex duplex = { .n_to_write = ECHO_BYTES, .verify = true };

  scene_start (&scene, GPOINTER_TO_UINT (data), echo_main);
  duplex.strm = scene.client;
  duplex_run (&duplex);
  g_assert_cmpuint (duplex.n_read, ==, ECHO_BYTES);
  scene_stop (&scene);
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
  Scene *scene = data;
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
  Scene scene;
  Duplex duplex = { .n_to_write = 256 << 20 };

  scene_start (&scene, GPOINTER_TO_UINT (data), refuse_main);
  duplex.strm = scene.client;
  duplex_run (&duplex);
  g_assert_cmpstr (duplex.text, ==, REFUSAL);
  g_assert_cmpuint (duplex.n_written, <, duplex.n_to_write);
  p2p_stream_reset (scene.client);
  scene_stop (&scene);
  g_assert_cmpint (scene.result.end, ==, P2P_IO_RESET);
}

/* An origin that answers only when the body is over ---------------------------------------------
 */

#define BODY_BYTES ((size_t) 5 << 20)

static void *
late_main (void *data)
{
  Scene *scene = data;
  g_autofree unsigned char *buf = g_malloc (65536);
  struct iovec iov = { "thanks", 6 };
  size_t at = 0, n;
  P2pIo io;

  while ((io = p2p_stream_read (scene->origin, buf, 65536, &n, SOON)) == P2P_IO_OK)
    for (size_t i = 0; i < n; i++, at++)
      if (buf[i] != pattern (at))
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
  Scene scene;
  Duplex duplex = { .n_to_write = BODY_BYTES };

  scene_start (&scene, GPOINTER_TO_UINT (data), late_main);
  duplex.strm = scene.client;
  duplex_run (&duplex);
  g_assert_cmpstr (duplex.text, ==, "thanks");
  scene_stop (&scene);
  g_assert_cmpint (scene.result.end, ==, P2P_IO_EOF);
}

/* A client that leaves while the origin is silent -----------------------------------------------
 */

static void *
silent_main (void *data)
{
  Scene *scene = data;
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
      Scene scene;
      struct iovec iov = { "GET / HTTP/1.1\r\n\r\n", 18 };

      scene_start (&scene, GPOINTER_TO_UINT (data), silent_main);
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
      scene_stop (&scene);
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

  kinds[pair / N_KINDS].make (&client, &near);
  kinds[pair % N_KINDS].make (&far, &origin);
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

/* Time-outs, early bytes ------------------------------------------------------------------------
 */

static void
test_idle_and_early (void)
{
  Scene scene = { .n_done = 0 };
  P2pRelayOptions options = { .idle_ms = 30, .done = done_cb, .data = &scene };
  char buf[10];
  size_t n;

  stream_pair_tcp (&scene.client, &scene.near);
  stream_pair_tcp (&scene.far, &scene.origin);
  p2p_relay_run (scene.near, P2P_SPAN ("to b"), scene.far, P2P_SPAN ("to a"), &options);
  g_assert_cmpuint (scene.n_done, ==, 1);
  g_assert_cmpint (scene.result.end, ==, P2P_IO_TIMEOUT);
  g_assert_cmpint (p2p_stream_read (scene.origin, buf, sizeof buf, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpmem (buf, n, "to b", 4);
  g_assert_cmpint (p2p_stream_read (scene.client, buf, sizeof buf, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpmem (buf, n, "to a", 4);
  g_assert_cmpint (p2p_stream_read (scene.client, buf, sizeof buf, &n, SOON), ==, P2P_IO_EOF);
  p2p_stream_close (scene.client);
  p2p_stream_close (scene.origin);
}

static void *
fill_main (void *data)
{
  Scene *scene = data;
  g_autofree char *bytes = g_malloc0 (64 << 20);
  struct iovec iov = { bytes, 64 << 20 };

  g_assert_cmpint (p2p_stream_write_all (scene->client, &iov, 1, NULL, SOON), ==, P2P_IO_RESET);
  return NULL;
}

static void
test_write_stall (void)
{
  Scene scene = { .n_done = 0 };
  P2pRelayOptions options = { .write_stall_ms = 30, .done = done_cb, .data = &scene };
  pthread_t thread;

  stream_pair_tcp (&scene.client, &scene.near);
  stream_pair_tcp (&scene.far, &scene.origin);
  P2P_PTHREAD (pthread_create (&thread, NULL, fill_main, &scene));
  p2p_relay_run (scene.near, P2P_SPAN_NONE, scene.far, P2P_SPAN_NONE, &options);
  g_assert_cmpint (scene.result.end, ==, P2P_IO_TIMEOUT);
  P2P_PTHREAD (pthread_join (thread, NULL));
  p2p_stream_close (scene.client);
  p2p_stream_close (scene.origin);
}

/* The origin reads nothing when the client's stream is reset: nobody waits for it. */
static void
test_a_aborts (void)
{
  static const char piece[16384];
  Scene scene = { .options = { .a_aborts = true, .done = done_cb, .data = &scene } };
  struct iovec iov = { (void *) piece, sizeof piece };
  size_t n;

  stream_pair_yamux (&scene.client, &scene.near);
  stream_pair_tcp (&scene.far, &scene.origin);
  P2P_PTHREAD (pthread_create (&scene.relay_thread, NULL, relay_main, &scene));
  while (p2p_stream_writev (scene.client, &iov, 1, &n, p2p_deadline_ms (200)) == P2P_IO_OK)
    ;
  p2p_stream_reset (scene.client);
  P2P_PTHREAD (pthread_join (scene.relay_thread, NULL));
  g_assert_cmpint (scene.result.end, ==, P2P_IO_RESET);
  p2p_stream_close (scene.client);
  p2p_stream_close (scene.origin);
}

/* Parking ---------------------------------------------------------------------------------------
 */

typedef struct
{
  P2pTask task;
  P2pStream *near, *far;
  P2pRelayOptions options;
  P2pMutex lock;
  pthread_cond_t changed;
  bool done;             /* (lock: lock) */
  P2pRelayResult result; /* (lock: lock) */
} Start;

static void
start_cb (P2pTask *task)
{
  Start *start = (Start *) task;

  p2p_relay_run (start->near, P2P_SPAN_NONE, start->far, P2P_SPAN_NONE, &start->options);
}

static void
parked_done_cb (const P2pRelayResult *result, void *data)
{
  Start *start = data;
  P2P_LOCKED (&start->lock);

  g_assert_false (start->done);
  start->done = true;
  start->result = *result;
  p2p_cond_broadcast (&start->changed);
}

static void
await_parked (P2pPool *pool)
{
  int64_t deadline = SOON;

  while (p2p_pool_get_stats (pool).parked == 0)
    {
      g_assert_cmpint (p2p_now_us (), <, deadline);
      g_thread_yield ();
    }
}

static void
say (P2pStream *from, P2pStream *to, const char *text)
{
  struct iovec iov = { (char *) text, strlen (text) };
  char buf[100];
  size_t have = 0;

  g_assert_cmpint (p2p_stream_write_all (from, &iov, 1, NULL, SOON), ==, P2P_IO_OK);
  while (have < strlen (text))
    {
      size_t n = 0;

      g_assert_cmpint (p2p_stream_read (to, buf + have, sizeof buf - have, &n, SOON), ==,
                       P2P_IO_OK);
      have += n;
    }
  g_assert_cmpmem (buf, have, text, strlen (text));
}

static void *
stop_main (void *data)
{
  g_assert_true (p2p_pool_stop (data, SOON));
  return NULL;
}

/* Who has just been busy goes on while the pool ends, until it is silent. */
static void
stop_while_busy (P2pPool *pool, P2pStream *client, P2pStream *origin)
{
  pthread_t thread;
  char byte;
  size_t n;

  P2P_PTHREAD (pthread_create (&thread, NULL, stop_main, pool));
  say (client, origin, "not yet");
  say (origin, client, "no");
  g_assert_cmpint (p2p_stream_read (client, &byte, 1, &n, SOON), ==, P2P_IO_EOF);
  P2P_PTHREAD (pthread_join (thread, NULL));
}

/* Parks, wakes from either side, parks again; then ends in order, or with the pool. */
static void
relay_parks (unsigned pair, bool stop)
{
  g_autoptr (GError) error = NULL;
  P2pPool *pool = p2p_pool_new (&(P2pPoolOptions){ .name = "relay",
                                                   .threads_min = 1,
                                                   .threads_max = 2,
                                                   .queue_max = 10,
                                                   .idle_ms = 30000 },
                                &error);
  Start start = { .task.run = start_cb,
                  .options = { .pool = pool, .done = parked_done_cb, .data = &start } };
  P2pStream *client, *origin;

  g_assert_no_error (error);
  p2p_mutex_init (&start.lock, P2P_LOCK_LEAF);
  p2p_cond_init (&start.changed);
  kinds[pair / N_KINDS].make (&client, &start.near);
  kinds[pair % N_KINDS].make (&start.far, &origin);
  p2p_pool_submit (pool, &start.task);
  say (client, origin, "hello");
  for (unsigned i = 0; i < 2; i++)
    {
      await_parked (pool);
      say (origin, client, "awake");
      say (client, origin, "so am I");
    }
  if (stop)
    await_parked (pool);
  else
    p2p_stream_close (g_steal_pointer (&client));
  if (stop)
    stop_while_busy (pool, client, origin);
  else
    p2p_stream_close (g_steal_pointer (&origin));
  p2p_mutex_lock (&start.lock);
  while (!start.done)
    g_assert_true (p2p_cond_wait (&start.changed, &start.lock, SOON));
  if (stop)
    g_assert_cmpint (start.result.end, ==, P2P_IO_STOPPED);
  p2p_mutex_unlock (&start.lock);
  if (!stop)
    g_assert_true (p2p_pool_stop (pool, SOON));
  p2p_stream_close (client);
  p2p_stream_close (origin);
  p2p_pool_free (pool);
  p2p_cond_done (&start.changed);
  p2p_mutex_done (&start.lock);
}

static void
test_park (const void *data)
{
  relay_parks (GPOINTER_TO_UINT (data), false);
}

static void
test_park_stop (void)
{
  relay_parks (0, true);
}

/* Many at once: who has passed on its bytes leaves the worker to the next, instead of waiting for
 * more 200 ms each, which would take 400 x 0.2 s / 4. */
#define MANY 400

static void
count_done_cb (const P2pRelayResult *result, void *data)
{
  g_assert_cmpint (result->end, ==, P2P_IO_EOF);
  atomic_fetch_add ((atomic_uint *) data, 1);
}

static void
test_many (void)
{
  g_autoptr (GError) error = NULL;
  atomic_uint n_done = 0;
  P2pPoolOptions pool_options = {
    .name = "relay", .threads_min = 4, .threads_max = 4, .queue_max = MANY, .idle_ms = 30000
  };
  P2pPool *pool = p2p_pool_new (&pool_options, &error);
  g_autofree Start *starts = g_new0 (Start, MANY);
  P2pStream *clients[MANY], *origins[MANY];
  struct iovec iov = { "x", 1 };
  int64_t begin_us;
  char byte;
  size_t n;

  g_assert_no_error (error);
  for (unsigned i = 0; i < MANY; i++)
    {
      stream_pair_tcp (&clients[i], &starts[i].near);
      stream_pair_tcp (&starts[i].far, &origins[i]);
      starts[i].task.run = start_cb;
      starts[i].options = (P2pRelayOptions){ .pool = pool, .done = count_done_cb, .data = &n_done };
      p2p_pool_submit (pool, &starts[i].task);
    }
  begin_us = p2p_now_us ();
  for (unsigned round = 0; round < 2; round++)
    {
      for (unsigned i = 0; i < MANY; i++)
        g_assert_cmpint (p2p_stream_write_all (clients[i], &iov, 1, NULL, SOON), ==, P2P_IO_OK);
      for (unsigned i = 0; i < MANY; i++)
        g_assert_cmpint (p2p_stream_read (origins[i], &byte, 1, &n, SOON), ==, P2P_IO_OK);
    }
  g_assert_cmpint (p2p_now_us () - begin_us, <, 15000000);
  for (unsigned i = 0; i < MANY; i++)
    {
      p2p_stream_close (clients[i]);
      p2p_stream_close (origins[i]);
    }
  for (int64_t deadline_us = SOON; atomic_load (&n_done) < MANY; g_thread_yield ())
    g_assert_cmpint (p2p_now_us (), <, deadline_us);
  g_assert_true (p2p_pool_stop (pool, SOON));
  p2p_pool_free (pool);
}

/* The kernel's own watch over peers that vanish, from the moment that was asked for. */
static bool
is_watched (P2pStream *strm)
{
  int on = 0;
  socklen_t len = sizeof on;

  g_assert_cmpint (getsockopt (p2p_stream_fd (strm), SOL_SOCKET, SO_KEEPALIVE, &on, &len), ==, 0);
  return on != 0;
}

static void
test_watch (void)
{
  for (unsigned late = 0; late < 2; late++)
    {
      Scene scene = { .n_done = 0 };
      P2pRelayOptions options = {
        .idle_ms = 50, .watch_after_ms = late ? 3600000 : 0, .done = done_cb, .data = &scene
      };
      P2pStream *kept[2];

      stream_pair_tcp (&scene.client, &scene.near);
      stream_pair_tcp (&scene.far, &scene.origin);
      /* The relay closes its ends: descriptors of the same sockets show what became of them. */
      kept[0] = p2p_stream_tcp_new (dup (p2p_stream_fd (scene.near)));
      kept[1] = p2p_stream_tcp_new (dup (p2p_stream_fd (scene.far)));
      p2p_relay_run (scene.near, P2P_SPAN_NONE, scene.far, P2P_SPAN_NONE, &options);
      for (unsigned i = 0; i < 2; i++)
        {
          g_assert_cmpint (is_watched (kept[i]), ==, !late);
          p2p_stream_close (kept[i]);
        }
      p2p_stream_close (scene.client);
      p2p_stream_close (scene.origin);
    }
}

static void
add_for_pairs (const char *name, void (*test) (const void *data), bool one_row)
{
  for (unsigned pair = 0; pair < N_KINDS * N_KINDS; pair++)
    {
      g_autofree char *path = g_strdup_printf ("/relay/%s/%s-%s", name, kinds[pair / N_KINDS].name,
                                               kinds[pair % N_KINDS].name);

      if (!one_row || pair % N_KINDS == pair / N_KINDS)
        g_test_add_data_func (path, GUINT_TO_POINTER (pair), test);
    }
}

/* More early bytes than a buffer holds, as an origin may send behind its 101; then the wish to
 * stop. */
#define LARGE_EARLY ((size_t) 300 * 1024)

static void *
large_early_main (void *data)
{
  Scene *scene = data;
  g_autofree char *early = g_malloc (LARGE_EARLY);

  for (size_t i = 0; i < LARGE_EARLY; i++)
    early[i] = (char) pattern (i);
  p2p_relay_run (scene->near, (P2pSpan){ early, LARGE_EARLY }, scene->far, P2P_SPAN_NONE,
                 &scene->options);
  return NULL;
}

static void
test_large_early_and_stop (void)
{
  atomic_bool stop = false;
  Scene scene = { .options = { .stop = &stop, .done = done_cb, .data = &scene } };
  struct iovec iov = { "x", 1 };
  unsigned char buf[4096];
  size_t n;

  stream_pair_tcp (&scene.client, &scene.near);
  stream_pair_tcp (&scene.far, &scene.origin);
  P2P_PTHREAD (pthread_create (&scene.relay_thread, NULL, large_early_main, &scene));
  for (size_t at = 0; at < LARGE_EARLY; at += n)
    {
      g_assert_cmpint (p2p_stream_read (scene.origin, buf, sizeof buf, &n, SOON), ==, P2P_IO_OK);
      for (size_t i = 0; i < n; i++)
        g_assert_cmpuint (buf[i], ==, pattern (at + i));
    }
  atomic_store (&stop, true);
  g_assert_cmpint (p2p_stream_write_all (scene.client, &iov, 1, NULL, SOON), ==, P2P_IO_OK);
  P2P_PTHREAD (pthread_join (scene.relay_thread, NULL));
  g_assert_cmpint (scene.result.end, ==, P2P_IO_STOPPED);
  g_assert_cmpuint (scene.n_done, ==, 1);
  p2p_stream_close (scene.client);
  p2p_stream_close (scene.origin);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  p2p_tls_setup ();
  add_for_pairs ("echo", test_echo, false);
  add_for_pairs ("early-answer", test_early_answer, false);
  add_for_pairs ("late-answer", test_late_answer, false);
  add_for_pairs ("client-leaves", test_client_leaves, false);
  add_for_pairs ("left-while-waiting", test_left_while_waiting, false);
  add_for_pairs ("park", test_park, true);
  g_test_add_func ("/relay/park-stop", test_park_stop);
  g_test_add_func ("/relay/many", test_many);
  g_test_add_func ("/relay/watch", test_watch);
  g_test_add_func ("/relay/idle-and-early", test_idle_and_early);
  g_test_add_func ("/relay/write-stall", test_write_stall);
  g_test_add_func ("/relay/a-aborts", test_a_aborts);
  g_test_add_func ("/relay/large-early-and-stop", test_large_early_and_stop);
  return g_test_run ();
}
