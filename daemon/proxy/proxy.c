/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The public side's start and end. The main thread starts and stops; the room's state is constant
 * in between but for its atomics. */
#include "daemon/proxy/proxy-priv.h"
#include "daemon/proxy/upstream.h"
#include "lib/listen.h"
#include "lib/log.h"

#include <glib.h>
#include <malloc.h>
#include <limits.h>
#include <sys/resource.h>

#define QUEUE_MAX 4096 /* requests that wait for a worker, beyond WORKERS_MAX busy ones */
#define THREAD_IDLE_MS 30000
#define FD_RESERVE_SHARE 16 /* of the limit on descriptors, but not more than */
#define FD_RESERVE_MAX 256
#define TIDY_AFTER 1000 /* connections */
#define TIDY_EACH_MS 10000
#define CUT_MS 2000 /* for the workers to notice that their client is gone */

Proxy proxy;

G_DEFINE_QUARK (proxy-error, proxy_error)

/* A client that takes the last descriptor takes it from the requests of others. */
static int
get_fd_ceiling (void)
{
  struct rlimit limit;
  rlim_t n;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
    return INT_MAX;
  n = limit.rlim_cur;
  return (int) (n - MIN (n / FD_RESERVE_SHARE, FD_RESERVE_MAX));
}

bool
proxy_start (const ProxyOptions *options, GError **error)
{
  P2pPoolOptions pool_options = { .name = "public",
                                  .threads_min = options->workers_min,
                                  .threads_max = options->workers_max,
                                  .queue_max = QUEUE_MAX,
                                  .idle_ms = THREAD_IDLE_MS };

  /* Made before the first thread that may fail: the first call races otherwise. */
  (void) proxy_error_quark ();
  (void) p2p_listen_error_quark ();
  proxy.options = *options;
  proxy.fd_ceiling = get_fd_ceiling ();
  atomic_store (&proxy.stopping, false);
  atomic_store (&proxy.cutting, false);
  workspace_setup ();
  upstreams_setup ();
  address_counts_setup ();
  p2p_roster_init (&proxy.roster);
  proxy.lanes = p2p_lanes_new (&pool_options, error);
  if (proxy.lanes && listeners_start (error))
    return true;
  if (proxy.lanes)
    {
      (void) p2p_lanes_stop (proxy.lanes, p2p_deadline_ms (CUT_MS)); /* nothing runs there yet */
      g_clear_pointer (&proxy.lanes, p2p_lanes_free);
    }
  return false;
}

void
proxy_stop (int64_t deadline_us)
{
  if (!proxy.lanes)
    return;
  atomic_store (&proxy.stopping, true);
  listeners_stop ();
  if (!p2p_lanes_stop (proxy.lanes, deadline_us))
    {
      p2p_log (P2P_LOG_WARNING, "proxy",
               "requests still ran at the end of the drain, cutting them");
      atomic_store (&proxy.cutting, true);
      p2p_roster_cut (&proxy.roster);
      while (!p2p_lanes_stop (proxy.lanes, p2p_deadline_ms (CUT_MS)))
        p2p_roster_cut (&proxy.roster);
    }
  g_clear_pointer (&proxy.lanes, p2p_lanes_free);
  upstreams_teardown ();
  address_counts_teardown ();
  p2p_roster_done (&proxy.roster);
  workspace_teardown ();
}

/* Memory of connections that have ended is malloc's until somebody asks for it: a hundred megabytes
 * behind a few thousand with TLS. It takes some milliseconds, so it is done when many have ended,
 * half of them at least, and now and then only. */
void
proxy_tidy (void)
{
  static unsigned most; /* since the last time; both are the acceptor's alone */
  static int64_t not_before_us;
  unsigned now = atomic_load (&proxy.n_conns);

  most = MAX (most, now);
  if (most - now < TIDY_AFTER || now > most / 2 || p2p_now_us () < not_before_us)
    return;
  most = now;
  not_before_us = p2p_deadline_ms (TIDY_EACH_MS);
#ifdef __GLIBC__
  (void) malloc_trim (0);
#endif
}

ProxyStats
proxy_get_stats (void)
{
  return (ProxyStats){ .connections = atomic_load (&proxy.n_conns),
                       .requests = atomic_load (&proxy.n_requests) };
}

unsigned
proxy_list_pools (P2pPool *pools[P2P_LANES_MAX])
{
  return p2p_lanes_list (proxy.lanes, pools);
}
