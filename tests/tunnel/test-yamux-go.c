/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Our Yamux against hashicorp's, in both roles: go-peer/main.go says what the Go side does. Skips
 * without Go or its package. */
#include "tests/unit/yamux-pair.h"

#include "lib/fd.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GO_PACKAGE "/usr/share/gocode/src/github.com/hashicorp/yamux"

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
  g_autofree char *folder = g_build_filename (
      g_getenv ("G_TEST_BUILDDIR") ? g_getenv ("G_TEST_BUILDDIR") : ".", "tests", "tunnel", NULL);
  g_autofree char *path = g_build_filename (folder, "go-peer-yamux", NULL);
  g_autofree char *cache = g_strconcat (path, "-cache", NULL);
  g_autofree char *absolute_cache = g_canonicalize_filename (cache, NULL);
  g_auto (GStrv) env = g_get_environ ();
  char *argv[] = { go, (char *) "build", (char *) "-o", path, source, NULL };
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

static bool
peer_start (Peer *peer, const char *role, void (*serve) (P2pStream *take_strm))
{
  const int target = 3;
  char *argv[] = { binary, (char *) role, NULL };
  g_autoptr (GError) error = NULL;
  int fds[2];

  if (!binary)
    {
      g_test_skip ("go or golang-github-hashicorp-yamux-dev is not installed");
      return false;
    }
  memset (peer, 0, sizeof *peer);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  (void) g_spawn_async_with_pipes_and_fds (
      NULL, (const char *const *) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, -1, -1,
      &fds[1], &target, 1, &peer->pid, NULL, &peer->output, NULL, &error);
  g_assert_no_error (error);
  p2p_fd_close (&fds[1]);
  peer->end.serve = serve;
  end_start (&peer->end, p2p_stream_tcp_new (fds[0]),
             (P2pYamuxOptions){ .role = serve ? P2P_YAMUX_CLIENT : P2P_YAMUX_SERVER,
                                .accept_backlog = serve ? 256 : 0 });
  return true;
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

  for (size_t done = 0; done < total; done += 60000)
    {
      fill_pattern (sent, 60000, total, done);
      must_write (strm, sent, 60000);
      must_read (strm, seen, 60000);
      g_assert_cmpmem (seen, 60000, sent, 60000);
    }
}

static void
test_echo (void)
{
  Peer peer;
  P2pStream *strm;

  if (!peer_start (&peer, "client", NULL))
    return;
  strm = must_open (&peer.end);
  must_write (strm, "e", 1);
  must_echo (strm, 6000000);
  g_assert_cmpint (p2p_yamux_get_stats (peer.end.yamux).round_trip_us, >=, 0);
  p2p_stream_close (strm);
  await_no_streams (&peer); /* its answer to our FIN has come */
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

/* It opens, we accept: ids in any order, all at the same time. */
static void
test_accept (void)
{
  Peer peer;
  char line[100] = "";
  ssize_t n;

  if (!peer_start (&peer, "server", serve_echo))
    return;
  n = read (peer.output, line, sizeof line - 1);
  g_assert_cmpint (n, >, 0);
  g_assert_cmpstr (line, ==, "good\n");
  end_await (&peer.end);
  g_assert_false (peer.end.ours); /* it closes the transport, perhaps with bytes of ours unread */
  g_assert_cmpint (peer.end.go_away_code, ==, 0);
  g_assert_cmpuint (peer.end.n_accepted, ==, 200);
  peer_stop (&peer);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  binary = build_peer ();
  g_test_add_func ("/yamux-go/echo", test_echo);
  g_test_add_func ("/yamux-go/large-frames", test_large_frames);
  g_test_add_func ("/yamux-go/many", test_many);
  g_test_add_func ("/yamux-go/accept", test_accept);
  return g_test_run ();
}
