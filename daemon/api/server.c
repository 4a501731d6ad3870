/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The management listener: its acceptor thread, its own worker pool, its limits. Start and stop
 * belong to the main thread; the counters by address are guarded by the lock, the budget of buffers
 * is atomic. */
#include "daemon/api/server-priv.h"

#include "lib/listen.h"
#include "lib/fd.h"
#include "lib/lock.h"
#include "lib/log.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PAUSE_MS 100 /* without descriptors or memory */
#define SAY_AGAIN_US (10 * G_USEC_PER_SEC)
#define CUT_MS 5000

static struct
{
  P2pPool *pool;          /* (owned) */
  int listen_fd, stop_fd; /* (owned) */
  pthread_t acceptor;
  P2pMutex lock;
  GHashTable *addresses; /* (owned) (lock) address to number of connections */
  unsigned n_conns;      /* (lock) */
  P2pTlsServer *tls;     /* (owned) (nullable) (lock) */
  atomic_size_t buffers;
} server = { .listen_fd = -1, .stop_fd = -1 };

P2pPool *
api_server_pool (void)
{
  return server.pool;
}

bool
api_server_admit (const char *address)
{
  const ApiOptions *options = &api_core ()->options;
  unsigned n;

  P2P_LOCKED (&server.lock);
  n = GPOINTER_TO_UINT (g_hash_table_lookup (server.addresses, address));
  if (server.n_conns >= options->connections_max || n >= options->connections_per_address_max)
    return false;
  server.n_conns++;
  g_hash_table_insert (server.addresses, g_strdup (address), GUINT_TO_POINTER (n + 1));
  return true;
}

void
api_server_dismiss (const char *address)
{
  unsigned n;

  P2P_LOCKED (&server.lock);
  n = GPOINTER_TO_UINT (g_hash_table_lookup (server.addresses, address));
  g_assert (n > 0 && server.n_conns > 0);
  server.n_conns--;
  if (n > 1)
    g_hash_table_insert (server.addresses, g_strdup (address), GUINT_TO_POINTER (n - 1));
  else
    g_hash_table_remove (server.addresses, address);
}

bool
api_server_reserve (size_t n_bytes)
{
  size_t before = atomic_fetch_add (&server.buffers, n_bytes);

  if (before + n_bytes <= API_BUFFERS_MAX)
    return true;
  atomic_fetch_sub (&server.buffers, n_bytes);
  return false;
}

void
api_server_release (size_t n_bytes)
{
  atomic_fetch_sub (&server.buffers, n_bytes);
}

static P2pTlsServer *
swap_tls (P2pTlsServer *take_tls)
{
  P2pTlsServer *old;

  P2P_LOCKED (&server.lock);
  old = server.tls;
  server.tls = take_tls;
  return old;
}

void
api_set_tls (P2pTlsServer *tls)
{
  p2p_tls_server_unref (swap_tls (p2p_tls_server_ref (tls)));
}

P2pTlsServer *
api_server_ref_tls (void)
{
  P2P_LOCKED (&server.lock);
  return server.tls ? p2p_tls_server_ref (server.tls) : NULL;
}

/* --- Accepting -------------------------------------------------------------------------------- */

/* Waits for what waits to be accepted; false when it is time to stop. */
static bool
wait_for_peers (void)
{
  struct pollfd fds[] = { { .fd = server.listen_fd, .events = POLLIN },
                          { .fd = server.stop_fd, .events = POLLIN } };

  while (poll (fds, G_N_ELEMENTS (fds), -1) < 0) /* the stop descriptor ends it */
    g_assert (errno == EINTR || errno == ENOMEM);
  return !fds[1].revents;
}

static void
pause_accepting (int error_number)
{
  static int64_t say_again_at_us; /* the acceptor's alone */
  struct pollfd fd = { .fd = server.stop_fd, .events = POLLIN };
  int64_t now_us = p2p_now_us ();

  if (now_us >= say_again_at_us)
    {
      p2p_log (P2P_LOG_ERROR, "api", "accept: %s, pausing for %d ms at a time",
               g_strerror (error_number), PAUSE_MS);
      say_again_at_us = now_us + SAY_AGAIN_US;
    }
  (void) poll (&fd, 1, PAUSE_MS); /* nothing rings when others close descriptors */
}

static void *
acceptor_main (void *data)
{
  (void) data;
  while (wait_for_peers ())
    {
      struct sockaddr_storage peer = { 0 };
      socklen_t len = sizeof peer;
      int fd = accept4 (server.listen_fd, (struct sockaddr *) &peer, &len, SOCK_CLOEXEC);

      if (fd >= 0 && p2p_pool_is_full (server.pool))
        p2p_fd_close (&fd);
      else if (fd >= 0)
        api_conn_new (fd, &peer);
      else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        pause_accepting (errno);
    }
  return NULL;
}

/* --- Start and stop --------------------------------------------------------------------------- */

static bool
open_listener (const ApiOptions *options, GError **error)
{
  uint16_t port;

  server.listen_fd = p2p_listen (options->bind_address, options->port, &port, error);
  if (server.listen_fd < 0)
    {
      g_prefix_error (error, "management: ");
      return false;
    }
  api_core_set_port (port);
  server.stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (server.stop_fd >= 0)
    return true;
  g_set_error (error, API_ERROR, API_PROBLEM_INTERNAL, "management: eventfd: %s",
               g_strerror (errno));
  return false;
}

static bool
open_pool (const ApiOptions *options, GError **error)
{
  P2pPoolOptions pool = {
    .name = "api",
    .threads_min = 2,
    .threads_max = options->workers_max,
    .queue_max = options->connections_max,
    .idle_ms = 30000,
  };

  server.pool = p2p_pool_new (&pool, error);
  return server.pool != NULL;
}

static void
close_all (void)
{
  p2p_fd_close (&server.listen_fd);
  p2p_fd_close (&server.stop_fd);
  g_clear_pointer (&server.pool, p2p_pool_free);
  g_clear_pointer (&server.addresses, g_hash_table_unref);
  g_clear_pointer (&server.tls, p2p_tls_server_unref);
  api_conns_teardown ();
  p2p_mutex_done (&server.lock);
}

bool
api_start (const ApiOptions *options, GError **error)
{
  if (!api_core_start (options, error))
    return false;
  p2p_mutex_init (&server.lock, P2P_LOCK_LEAF);
  server.listen_fd = server.stop_fd = -1;
  server.tls = options->tls ? p2p_tls_server_ref (options->tls) : NULL;
  api_conns_setup ();
  server.addresses = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  /* Bind first: it is what fails, and nothing must run by then. */
  if (!open_listener (options, error) || !open_pool (options, error))
    {
      close_all ();
      api_core_stop ();
      return false;
    }
  P2P_PTHREAD (pthread_create (&server.acceptor, NULL, acceptor_main, NULL));
  return true;
}

uint16_t
api_get_port (void)
{
  return api_core ()->port;
}

P2pPool *
api_get_pool (void)
{
  return server.pool;
}

void
api_stop (int64_t deadline_us)
{
  uint64_t one = 1;
  ssize_t n;

  if (!server.pool)
    return; /* it did not start, and has cleared up */
  api_set_ready (false);
  n = write (server.stop_fd, &one, sizeof one);
  g_assert (n == sizeof one); /* a fresh eventfd takes it */
  P2P_PTHREAD (pthread_join (server.acceptor, NULL));
  if (!p2p_pool_stop (server.pool, deadline_us))
    {
      p2p_log (P2P_LOG_WARNING, "api", "requests are still running, cutting their connections");
      do
        api_conns_cut ();
      while (!p2p_pool_stop (server.pool, p2p_deadline_ms (CUT_MS)));
    }
  close_all ();
  api_core_stop ();
}
