/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* p2pstream-agent: start order, one line a module, and the way back. The main thread blocks all
 * signals and holds the link. */
#include "agent/agent.h"
#include "agent/denials.h"
#include "agent/judge.h"
#include "agent/report.h"
#include "agent/setup.h"

#include "lib/fd.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/notify.h"
#include "lib/watchdog.h"

#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define QUEUE_MAX 4096
#define RESOLVER_THREADS 2
#define RESOLVER_CACHE 1024
/* A look-up hangs for 30 s where three name servers are silent, and a try comes every 4. */
#define DAEMON_RESOLVER_THREADS 12
#define DAEMON_NAMES 4
#define MEMORY_MAX ((uint64_t) 256 * 1024 * 1024) /* of all streams' buffers */
#define POOL_STOP_MS 2000

/* Signals come through a descriptor; SIGPIPE is never of use. -1 on failure. */
static int
open_signals (void)
{
  sigset_t set;

  sigemptyset (&set);
  sigaddset (&set, SIGTERM);
  sigaddset (&set, SIGINT);
  sigaddset (&set, SIGPIPE);
  sigaddset (&set, SIGHUP);
  P2P_PTHREAD (pthread_sigmask (SIG_BLOCK, &set, NULL));
  sigdelset (&set, SIGPIPE);
  sigdelset (&set, SIGHUP);
  return signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool
start (GError **error)
{
  P2pPoolOptions pool_options = { .name = "agent",
                                  .threads_min = 2,
                                  .threads_max = (unsigned) agent.settings.workers_max,
                                  .queue_max = QUEUE_MAX,
                                  .idle_ms = 30000 };

  denials_setup ();
  agent.resolver = p2p_resolver_new (RESOLVER_THREADS, RESOLVER_CACHE, error);
  if (!agent.resolver)
    return false;
  agent.daemon_resolver = p2p_resolver_new (DAEMON_RESOLVER_THREADS, DAEMON_NAMES, error);
  if (!agent.daemon_resolver)
    return false;
  agent.budget = p2p_yamux_budget_new (MEMORY_MAX);
  if (!judge_setup (error) || !report_setup (error))
    return false;
  agent.pool = p2p_pool_new (&pool_options, error);
  return agent.pool != NULL;
}

static void
stop (void)
{
  if (agent.pool)
    {
      judge_stop ();
      report_stop ();
      while (!p2p_pool_stop (agent.pool, p2p_deadline_ms (POOL_STOP_MS)))
        ; /* every task has a deadline of its own */
      p2p_pool_free (agent.pool);
      report_teardown ();
      judge_teardown ();
    }
  g_clear_pointer (&agent.budget, p2p_yamux_budget_unref);
  g_clear_pointer (&agent.daemon_resolver, p2p_resolver_free);
  g_clear_pointer (&agent.resolver, p2p_resolver_free);
  denials_teardown ();
}

static void
tell_limits (void)
{
  g_autofree char *text = allow_describe (agent.allow);

  p2p_log (P2P_LOG_INFO, "agent", "%s", text);
}

static int
run (int signal_fd)
{
  g_autoptr (GError) error = NULL;
  P2pWatchdog *watchdog = NULL;
  int status = EXIT_FAILURE;

  p2p_tls_setup ();
  if (setup_agent (&error))
    {
      p2p_log_start (agent.settings.log_level, agent.settings.log_format);
      tell_limits ();
      if (start (&error))
        watchdog
            = p2p_watchdog_new (&agent.pool, 1, P2P_WATCHDOG_TICK_MS, P2P_WATCHDOG_TICKS, &error);
      if (watchdog)
        {
          (void) p2p_notify ("READY=1"); /* up is not needed for that: it comes back for ever */
          status = link_run (signal_fd);
          (void) p2p_notify ("STOPPING=1"); /* nobody else to tell */
          p2p_watchdog_free (watchdog);
        }
      stop ();
      p2p_log_stop ();
    }
  if (error)
    (void) fprintf (stderr, "p2pstream-agent: %s\n", error->message);
  setup_clear ();
  return status;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  p2p_autofd signal_fd = open_signals ();
  int status = EXIT_FAILURE;

  p2p_lock_setup ();
  p2p_fd_raise_limit ();
  switch (agent_settings_load (&agent.settings, argc, argv, environ, &error))
    {
    case P2P_SETTINGS_GO:
      status = run (signal_fd);
      agent_settings_clear (&agent.settings);
      break;
    case P2P_SETTINGS_EXIT:
      status = EXIT_SUCCESS;
      break;
    case P2P_SETTINGS_FAILED:
      (void) fprintf (stderr, "p2pstream-agent: %s\n", error->message);
    }
  return status;
}
