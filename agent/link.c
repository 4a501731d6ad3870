/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The tunnel, held up for ever: dial, wait until it ends, wait a little, dial again. The main
 * thread alone decides; dialling runs on a worker, the session's callbacks on its reader thread,
 * and both only ring the eventfd. */
#include "agent/agent.h"

#include "agent/backoff.h"
#include "agent/dial.h"
#include "agent/network.h"
#include "agent/report.h"
#include "lib/fd.h"
#include "lib/lock.h"
#include "lib/log.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ACCEPT_BACKLOG 256
#define TICK_MS 2000 /* how often a resume from suspend is looked for */

typedef enum
{
  LINK_WAITING, /* for the next try */
  LINK_DIALLING,
  LINK_UP,
} LinkState;

static struct
{
  /* the main thread's: */
  LinkState state;
  P2pYamux *yamux; /* (owned) (nullable) */
  int64_t up_since_us, next_try_us;
  Backoff backoff;
  char *last_why; /* (owned) (nullable) not said again while it stays the same */
  int network_fd;
  int bell_fd; /* constant */
  P2pTask dial_task;

  P2pMutex lock;
  bool dialled;      /* (lock) the task is done */
  DialResult result; /* (lock) */
  P2pStream *strm;   /* (lock) (owned) (nullable) DIAL_OK */
  char *why;         /* (lock) (owned) (nullable) */
  bool ended;        /* (lock) the session is over */
  bool going_away;   /* (lock) the daemon ends it */
} link_;

static void
ring (void)
{
  uint64_t one = 1;

  if (write (link_.bell_fd, &one, sizeof one) < 0)
    g_assert (errno == EAGAIN); /* full: rung already */
}

/* --- from other threads ----------------------------------------------------------------------- */

static void
dial_run (P2pTask *task)
{
  P2pStream *strm = NULL;
  char *why = NULL;
  DialResult result = dial_tunnel (&strm, &why);

  (void) task;
  p2p_mutex_lock (&link_.lock);
  link_.dialled = true;
  link_.result = result;
  link_.strm = strm;
  link_.why = why;
  p2p_mutex_unlock (&link_.lock);
  ring ();
}

static void
ended_cb (P2pYamux *yamux, const char *why, bool ours, void *data)
{
  (void) yamux;
  (void) data;
  p2p_log (P2P_LOG_DEBUG, "agent", "session over: %s (%s)", why, ours ? "by us" : "by the daemon");
  p2p_mutex_lock (&link_.lock);
  link_.ended = true;
  p2p_mutex_unlock (&link_.lock);
  ring ();
}

static void
going_away_cb (P2pYamux *yamux, uint32_t code, void *data)
{
  (void) yamux;
  (void) code;
  (void) data;
  p2p_mutex_lock (&link_.lock);
  link_.going_away = true;
  p2p_mutex_unlock (&link_.lock);
  ring ();
}

/* --- states (the main thread) ----------------------------------------------------------------- */

static void
start_dial (void)
{
  link_.state = LINK_DIALLING;
  link_.dial_task.run = dial_run;
  p2p_pool_submit (agent.pool, &link_.dial_task);
}

static void
wait_for_next_try (int64_t pause_ms)
{
  link_.state = LINK_WAITING;
  link_.next_try_us = p2p_deadline_ms (pause_ms);
}

static void
say_failure (char *take_why, int64_t pause_ms)
{
  if (g_strcmp0 (take_why, link_.last_why) != 0)
    p2p_log (P2P_LOG_WARNING, "agent", "%s, trying again in %.1f s and then for ever", take_why,
             (double) pause_ms / 1000);
  g_free (link_.last_why);
  link_.last_why = take_why;
}

static void
start_session (P2pStream *take_strm)
{
  g_autoptr (GError) error = NULL;
  P2pYamuxOptions options
      = { .role = P2P_YAMUX_CLIENT,
          .name = "tunnel",
          .max_streams = (unsigned) agent.settings.agent_max_streams,
          .accept_backlog = ACCEPT_BACKLOG,
          /* An origin's end is the end of an answer: no daemon stops sending at it. */
          .peer_half_close = true,
          .budget = agent.budget,
          .accepted = forward_accepted_cb,
          .ended = ended_cb,
          .going_away = going_away_cb };

  link_.yamux = p2p_yamux_new (take_strm, &options, &error);
  if (!link_.yamux)
    {
      int64_t pause_ms = backoff_after_failure (&link_.backoff, p2p_now_us ());

      say_failure (g_strdup (error->message), pause_ms);
      wait_for_next_try (pause_ms);
      return;
    }
  link_.state = LINK_UP;
  link_.up_since_us = p2p_now_us ();
  g_clear_pointer (&link_.last_why, g_free);
  p2p_log_fields (P2P_LOG_INFO, "agent", "connected", "daemon", agent.settings.management_url,
                  NULL);
}

static void
dial_is_done (DialResult result, P2pStream *take_strm, char *take_why)
{
  int64_t pause_ms;

  if (result == DIAL_OK)
    {
      start_session (take_strm);
      return;
    }
  pause_ms = backoff_after_failure (&link_.backoff, p2p_now_us ());
  say_failure (take_why, pause_ms);
  wait_for_next_try (pause_ms);
}

static void
drop_session (const char *why)
{
  if (!link_.yamux)
    return;
  p2p_yamux_close (link_.yamux, why);
  p2p_yamux_join (link_.yamux);
  g_clear_pointer (&link_.yamux, p2p_yamux_unref);
}

static void
session_is_over (void)
{
  int64_t now_us = p2p_now_us ();
  int64_t lived_ms = (now_us - link_.up_since_us) / 1000;
  int64_t pause_ms = backoff_after_session (&link_.backoff, lived_ms, now_us);

  drop_session ("over");
  p2p_log (P2P_LOG_WARNING, "agent", "the tunnel ended after %.1f s, coming back in %.1f s",
           (double) lived_ms / 1000, (double) pause_ms / 1000);
  wait_for_next_try (pause_ms);
}

/* What other threads left. */
static void
look_at_news (void)
{
  DialResult result = DIAL_FAILED;
  P2pStream *strm = NULL;
  char *why = NULL;
  bool dialled, ended;

  p2p_mutex_lock (&link_.lock);
  dialled = link_.dialled;
  ended = link_.ended;
  link_.dialled = link_.ended = false;
  if (dialled)
    {
      result = link_.result;
      strm = g_steal_pointer (&link_.strm);
      why = g_steal_pointer (&link_.why);
    }
  p2p_mutex_unlock (&link_.lock);
  if (dialled)
    dial_is_done (result, strm, why);
  if (ended && link_.state == LINK_UP)
    session_is_over ();
}

static void
look_at_network (void)
{
  if (!network_changed (link_.network_fd))
    return;
  p2p_log (P2P_LOG_INFO, "agent", "the network changed");
  if (link_.state == LINK_WAITING)
    link_.next_try_us = 0;
  else if (link_.state == LINK_UP)
    p2p_yamux_check (link_.yamux, 3000);
}

static void
look_at_report (void)
{
  P2pYamuxStats stats;

  if (link_.state != LINK_UP)
    return;
  stats = p2p_yamux_get_stats (link_.yamux);
  report_when_due (&stats);
}

/* --- the loop --------------------------------------------------------------------------------- */

static bool
wait_for_anything (int signal_fd)
{
  struct pollfd fds[3] = { { .fd = signal_fd, .events = POLLIN },
                           { .fd = link_.bell_fd, .events = POLLIN },
                           { .fd = link_.network_fd, .events = POLLIN } };
  int64_t until_us = p2p_deadline_ms (TICK_MS);
  uint64_t count;

  if (link_.state == LINK_WAITING)
    until_us = MIN (until_us, MAX (link_.next_try_us, 1));
  (void) poll (fds, G_N_ELEMENTS (fds),
               p2p_deadline_poll_ms (until_us)); /* a hint: all is looked at */
  if (read (link_.bell_fd, &count, sizeof count) < 0)
    g_assert (errno == EAGAIN);
  return (fds[0].revents & POLLIN) == 0;
}

static bool
has_ended (void)
{
  P2P_LOCKED (&link_.lock);
  return link_.ended;
}

/* GOAWAY 0: the daemon opens nothing more here; what runs may end. */
static void
drain (void)
{
  int64_t deadline_us = p2p_deadline_ms (agent.settings.shutdown_drain_ms);

  if (!link_.yamux)
    return;
  p2p_log (P2P_LOG_INFO, "agent", "ending: %u streams are open",
           p2p_yamux_get_stats (link_.yamux).streams);
  p2p_yamux_go_away (link_.yamux);
  while (p2p_yamux_get_stats (link_.yamux).streams > 0 && p2p_now_us () < deadline_us
         && !has_ended ())
    {
      struct pollfd bell = { .fd = link_.bell_fd, .events = POLLIN };
      uint64_t count;

      /* It rings for the daemon's own GOAWAY as well. */
      if (poll (&bell, 1, 50) > 0 && read (link_.bell_fd, &count, sizeof count) < 0)
        g_assert (errno == EAGAIN);
    }
  drop_session ("the agent is ending");
}

static void
end_dial (void)
{
  while (link_.state == LINK_DIALLING)
    {
      struct pollfd bell = { .fd = link_.bell_fd, .events = POLLIN };

      (void) poll (&bell, 1, 1000); /* the dial has a deadline of its own */
      p2p_mutex_lock (&link_.lock);
      if (link_.dialled)
        link_.state = LINK_WAITING;
      p2p_mutex_unlock (&link_.lock);
    }
  p2p_stream_close (g_steal_pointer (&link_.strm));
  g_clear_pointer (&link_.why, g_free);
}

int
link_run (int signal_fd)
{
  p2p_mutex_init (&link_.lock, P2P_LOCK_LEAF);
  link_.network_fd = network_open ();
  link_.bell_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  g_assert (link_.bell_fd >= 0); /* the first descriptors of a process that just started */
  link_.state = LINK_WAITING;
  while (wait_for_anything (signal_fd))
    {
      look_at_news ();
      look_at_network ();
      look_at_report ();
      if (link_.state == LINK_WAITING && p2p_now_us () >= link_.next_try_us)
        start_dial ();
    }
  end_dial ();
  drain ();
  p2p_fd_close (&link_.network_fd);
  p2p_fd_close (&link_.bell_fd);
  g_clear_pointer (&link_.last_why, g_free);
  p2p_mutex_done (&link_.lock);
  return 0;
}
