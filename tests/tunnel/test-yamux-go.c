/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Our Yamux against hashicorp's, in both roles: go-peer/main.go says what the Go side does. Skips
 * without Go or its package. */
#include "tests/unit/yamux-pair.h"

#include "lib/fd.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GO_PACKAGE "/usr/share/gocode/src/github.com/hashicorp/yamux"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)                                  \
    || __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define LARGE ((size_t) 8 << 20)
#else
#define LARGE ((size_t) 64 << 20)
#endif
#define BIG_FRAME ((size_t) 8 << 20)
#define SAID_WITHIN_MS 60000 /* far more than anything here takes */

static char *binary; /* (owned) (nullable: can't be built here) */

typedef struct
{
  End end;
  GPid pid;
  int output; /* what it prints */
} Peer;

/* Builds the peer into the build directory, with a cache of its own there: nothing is fetched. */
static char *
build_peer (void)
{
  g_autofree char *go = g_find_program_in_path ("go");
  g_autofree char *source
      = g_test_build_filename (G_TEST_DIST, "tunnel", "go-peer", "main.go", NULL);
  g_autofree char *wire = g_test_build_filename (G_TEST_DIST, "tunnel", "go-peer", "wire.go", NULL);
  g_autofree char *folder = g_build_filename (
      g_getenv ("G_TEST_BUILDDIR") ? g_getenv ("G_TEST_BUILDDIR") : ".", "tests", "tunnel", NULL);
  g_autofree char *path = g_build_filename (folder, "go-peer-yamux", NULL);
  g_autofree char *cache = g_strconcat (path, "-cache", NULL);
  g_autofree char *absolute_cache = g_canonicalize_filename (cache, NULL);
  g_auto (GStrv) env = g_get_environ ();
  char *argv[] = { go, (char *) "build", (char *) "-o", path, source, wire, NULL };
  g_autoptr (GError) error = NULL;
  int status;

  if (!go || !g_file_test (GO_PACKAGE, G_FILE_TEST_IS_DIR))
    return NULL;
  env = g_environ_setenv (env, "GO111MODULE", "off", true);
  env = g_environ_setenv (env, "GOPATH", "/usr/share/gocode", true);
  env = g_environ_setenv (env, "GOCACHE", absolute_cache, true);
  env = g_environ_setenv (env, "GOFLAGS", "", true);
  (void) g_spawn_sync (NULL, argv, env, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  (void) g_spawn_check_wait_status (status, &error);
  g_assert_no_error (error);
  return g_steal_pointer (&path);
}

/* role: its arguments, with blanks between. With serve it opens, else it accepts. */
static bool
peer_start_with (Peer *peer,
                 const char *role,
                 void (*serve) (P2pStream *take_strm),
                 P2pYamuxOptions options)
{
  const int target = 3;
  g_autofree char *line = g_strconcat ("- ", role, NULL);
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) error = NULL;
  int fds[2];

  if (!binary)
    {
      g_test_skip ("go or golang-github-hashicorp-yamux-dev is not installed");
      return false;
    }
  argv = g_strsplit (line, " ", -1);
  g_free (argv[0]);
  argv[0] = g_strdup (binary);
  memset (peer, 0, sizeof *peer);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  (void) g_spawn_async_with_pipes_and_fds (
      NULL, (const char *const *) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, -1, -1,
      &fds[1], &target, 1, &peer->pid, NULL, &peer->output, NULL, &error);
  g_assert_no_error (error);
  p2p_fd_close (&fds[1]);
  peer->end.serve = serve;
  options.role = serve ? P2P_YAMUX_CLIENT : P2P_YAMUX_SERVER;
  options.accept_backlog = serve ? MAX (options.accept_backlog, 256) : 0;
  end_start (&peer->end, p2p_stream_tcp_new (fds[0]), options);
  return true;
}

static bool
peer_start (Peer *peer, const char *role, void (*serve) (P2pStream *take_strm))
{
  return peer_start_with (peer, role, serve, (P2pYamuxOptions){ 0 });
}

/* The next line that it prints. */
static void
must_say (Peer *peer, const char *wanted)
{
  struct pollfd pfd = { .fd = peer->output, .events = POLLIN };
  char line[200];
  size_t n = 0;

  do
    {
      g_assert_cmpuint (n, <, sizeof line - 1);
      g_assert_cmpint (poll (&pfd, 1, SAID_WITHIN_MS), ==, 1);
      g_assert_cmpint (read (peer->output, &line[n], 1), ==, 1);
    }
  while (line[n++] != '\n');
  line[n - 1] = '\0';
  g_assert_cmpstr (line, ==, wanted);
}

static void
await_no_streams (Peer *peer)
{
  int64_t deadline_us = WITHIN;

  while (p2p_yamux_get_stats (peer->end.yamux).streams > 0)
    {
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      g_usleep (1000);
    }
}

static void
peer_stop (Peer *peer)
{
  end_stop (&peer->end);
  p2p_fd_close (&peer->output);
  g_assert_cmpint (waitpid (peer->pid, NULL, 0), ==, peer->pid); /* it ends with its transport */
}

static void
must_echo (P2pStream *strm, size_t total)
{
  g_autofree unsigned char *sent = g_malloc (60000), *seen = g_malloc (60000);
  size_t n;

  for (size_t done = 0; done < total; done += n)
    {
      n = MIN (total - done, 60000);
      fill_pattern (sent, n, total, done);
      must_write (strm, sent, n);
      must_read (strm, seen, n);
      g_assert_cmpmem (seen, n, sent, n);
    }
}

/* The smallest, sizes that are no multiple of anything, a large one; each to its end: our half-close, then its FIN. */
static void
test_echo (void)
{
  const size_t sizes[] = { 1, 60001, 6000000, LARGE };
  Peer peer;

  if (!peer_start_with (&peer, "client", NULL, (P2pYamuxOptions){ .peer_half_close = true }))
    return;
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      P2pStream *strm = must_open (&peer.end);

      must_write (strm, "e", 1);
      must_echo (strm, sizes[i]);
      g_assert_cmpint (p2p_stream_shutdown (strm, WITHIN), ==, P2P_IO_OK);
      must_read_eof (strm);
      p2p_stream_close (strm);
    }
  g_assert_cmpint (p2p_yamux_get_stats (peer.end.yamux).round_trip_us, >=, 0);
  await_no_streams (&peer);
  peer_stop (&peer);
}

/* All it got before our FIN, and an answer after it. */
static void
test_half_close (void)
{
  static const char bytes[100000];
  Peer peer;
  P2pStream *strm;
  uint64_t count;

  if (!peer_start_with (&peer, "client", NULL, (P2pYamuxOptions){ .peer_half_close = true }))
    return;
  strm = must_open (&peer.end);
  must_write (strm, "n", 1);
  for (unsigned i = 0; i < 30; i++)
    must_write (strm, bytes, sizeof bytes);
  g_assert_cmpint (p2p_stream_shutdown (strm, WITHIN), ==, P2P_IO_OK);
  must_read (strm, &count, sizeof count);
  g_assert_cmpuint (GUINT64_FROM_BE (count), ==, 30 * sizeof bytes);
  must_read_eof (strm);
  p2p_stream_close (strm);
  await_no_streams (&peer);
  peer_stop (&peer);
}

/* It writes frames of the whole window in one go. */
static void
test_large_frames (void)
{
  Peer peer;
  P2pStream *strm;
  g_autofree unsigned char *seen = g_malloc (4 << 20), *wanted = g_malloc (4 << 20);

  if (!peer_start (&peer, "client", NULL))
    return;
  strm = must_open (&peer.end);
  must_write (strm, "w", 1);
  must_read (strm, seen, 4 << 20);
  must_read_eof (strm);
  for (size_t i = 0; i < 4 << 20; i++)
    wanted[i] = (unsigned char) (i * 131 + (i >> 8) * 17);
  g_assert_cmpmem (seen, 4 << 20, wanted, 4 << 20);
  p2p_stream_close (strm);
  await_no_streams (&peer);
  peer_stop (&peer);
}

/* Streams that end in every way, many at once, beside one that goes on. */
static void
test_many (void)
{
  Peer peer;
  P2pStream *live, *strms[200];

  if (!peer_start (&peer, "client", NULL))
    return;
  live = must_open (&peer.end);
  must_write (live, "e", 1);
  for (unsigned round = 0; round < 5; round++)
    {
      for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
        {
          strms[i] = must_open (&peer.end);
          must_write (strms[i], i % 3 == 0 ? "c" : i % 3 == 1 ? "e" : "w", 1);
        }
      must_echo (live, 120000);
      for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
        {
          if (i % 3 == 0)
            must_read_eof (strms[i]);
          if (i % 3 == 1)
            (void) p2p_stream_shutdown (strms[i],
                                        WITHIN); /* FIN waits for the close: it ends both ways */
          if (i % 2)
            p2p_stream_reset (strms[i]);
          p2p_stream_close (strms[i]);
        }
    }
  must_echo (live, 120000);
  p2p_stream_close (live);
  g_assert_true (p2p_yamux_is_open (peer.end.yamux));
  await_no_streams (&peer);
  peer_stop (&peer);
}

/* Our reset is one there, no end, and it alone ends. */
static void
test_reset (void)
{
  Peer peer;
  P2pStream *live, *strm;
  char byte;

  if (!peer_start (&peer, "client", NULL))
    return;
  live = must_open (&peer.end);
  must_write (live, "e", 1);
  must_echo (live, 1000);
  strm = must_open (&peer.end);
  must_write (strm, "r", 1);
  must_read (strm, &byte, 1);
  p2p_stream_reset (strm);
  p2p_stream_close (strm);
  must_say (&peer, "reset");
  must_echo (live, 1000);
  p2p_stream_close (live);
  await_no_streams (&peer);
  peer_stop (&peer);
}

/* What its backlog of two does not take it resets; the two are served when it comes to them. */
static void
test_refused (void)
{
  Peer peer;
  P2pStream *live, *strms[5];
  char byte;

  if (!peer_start (&peer, "narrow", NULL))
    return;
  live = must_open (&peer.end);
  must_write (live, "x", 1);
  must_read (live, &byte, 1); /* it has taken this one */
  for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
    strms[i] = must_open (&peer.end);
  for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
    {
      P2pIo io
          = p2p_stream_write_all (strms[i], &(struct iovec){ (void *) "e", 1 }, 1, NULL, WITHIN);

      g_assert_true (io == P2P_IO_OK || (io == P2P_IO_REFUSED && i >= 2)); /* refused already */
    }
  for (size_t i = 2; i < G_N_ELEMENTS (strms); i++)
    {
      size_t n;

      g_assert_cmpint (p2p_stream_read (strms[i], &byte, 1, &n, WITHIN), ==, P2P_IO_REFUSED);
      g_assert_true (p2p_yamux_stream_unseen (strms[i]));
      p2p_stream_close (strms[i]);
    }
  must_write (live, "xe", 2);
  must_echo (live, 1000);
  for (size_t i = 0; i < 2; i++)
    {
      must_echo (strms[i], 1000);
      p2p_stream_close (strms[i]);
    }
  p2p_stream_close (live);
  await_no_streams (&peer);
  peer_stop (&peer);
}

/* A thousand open at once. It takes none before 256 wait, which is all that it bears: one more
 * would be reset. */
static void
test_crowd (void)
{
  Peer peer;
  P2pStream *strms[1000];

  if (!peer_start (&peer, "crowd", NULL))
    return;
  for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
    {
      strms[i] = must_open (&peer.end);
      must_write (strms[i], "e", 1);
    }
  must_say (&peer, "256");
  g_assert_cmpuint (p2p_yamux_get_stats (peer.end.yamux).streams, ==, G_N_ELEMENTS (strms));
  for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
    must_echo (strms[i], 1000 + i);
  for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
    p2p_stream_close (strms[i]);
  await_no_streams (&peer);
  peer_stop (&peer);
}

/* Over a long way its window grows until 8 MiB are free at once, and it fills them with one frame:
 * the last bytes before its FIN. */
static void
test_big_frame (void)
{
  P2pYamuxBudget *budget = p2p_yamux_budget_new (256 << 20);
  g_autofree unsigned char *seen = g_malloc (BIG_FRAME);
  size_t at = 0, n;
  Peer peer;
  P2pStream *strm;
  P2pIo io;

  if (!peer_start_with (&peer, "far", NULL, (P2pYamuxOptions){ .budget = budget }))
    {
      p2p_yamux_budget_unref (budget);
      return;
    }
  strm = must_open (&peer.end);
  while ((io = p2p_stream_read (strm, seen + at, BIG_FRAME - at, &n, WITHIN)) == P2P_IO_OK)
    at = (at + n) % BIG_FRAME;
  g_assert_cmpint (io, ==, P2P_IO_EOF);
  for (size_t i = 0; i < BIG_FRAME; i++)
    if (seen[(at + i) % BIG_FRAME] != (unsigned char) (i * 131 + (i >> 8) * 17))
      g_error ("byte %zu is another", i);
  must_say (&peer, "8388608");
  p2p_stream_close (strm);
  await_no_streams (&peer);
  peer_stop (&peer);
  p2p_yamux_budget_unref (budget);
}

/* It opens as many streams as role says, we accept, however long our threads take to begin; it has
 * seen every echo when it says so. */
static void
test_accept (const void *role)
{
  const char *number = strchr (role, ' ') + 1;
  Peer peer;

  if (!peer_start_with (&peer, role, serve_echo, (P2pYamuxOptions){ .accept_backlog = 1000 }))
    return;
  must_say (&peer, "good");
  end_await (&peer.end);
  g_assert_false (peer.end.ours); /* it closes the transport, perhaps with bytes of ours unread */
  g_assert_cmpint (peer.end.go_away_code, ==, 0);
  g_assert_cmpuint (peer.end.n_accepted, ==, strtoul (number, NULL, 10));
  peer_stop (&peer);
}

/* It opens until we send it away; what is open goes on. */
static void
test_go_away (void)
{
  Peer peer;

  if (!peer_start (&peer, "gone", serve_echo))
    return;
  end_await_accepted (&peer.end, 1);
  p2p_yamux_go_away (peer.end.yamux);
  must_say (&peer, "good");
  end_await (&peer.end);
  g_assert_false (peer.end.ours);
  peer_stop (&peer);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  binary = build_peer ();
  g_test_add_func ("/yamux-go/echo", test_echo);
  g_test_add_func ("/yamux-go/half-close", test_half_close);
  g_test_add_func ("/yamux-go/large-frames", test_large_frames);
  g_test_add_func ("/yamux-go/big-frame", test_big_frame);
  g_test_add_func ("/yamux-go/many", test_many);
  g_test_add_func ("/yamux-go/crowd", test_crowd);
  g_test_add_func ("/yamux-go/reset", test_reset);
  g_test_add_func ("/yamux-go/refused", test_refused);
  g_test_add_data_func ("/yamux-go/accept", "server 200 100000", test_accept);
  g_test_add_data_func ("/yamux-go/accept-thousand", "server 1000 1000", test_accept);
  g_test_add_data_func ("/yamux-go/shuffled", "shuffled 250", test_accept);
  g_test_add_func ("/yamux-go/go-away", test_go_away);
  return g_test_run ();
}
