/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The tunnel, held up for ever: try, wait until it ends, wait a little, try again. The main thread
 * alone decides and owns all this; tries and sessions, on threads of their own, only ring. */
#include "agent/agent.h"

#include "agent/backoff.h"
#include "agent/dials.h"
#include "agent/network.h"
#include "agent/report.h"
#include "agent/session.h"
#include "lib/fd.h"
#include "lib/log.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CHECK_MS 3000   /* for a session to show that it lives, when the network changed */
#define OVERLAP_MS 3000 /* the next try begins beside one that has not come further by then */
#define SPACING_MS 250  /* between tries, however often the network changes */
#define QUIET_MS 10000  /* without a change: then the next one is worth a line again */
#define OLD_MAX 3       /* tunnels that drain; the daemon, which bounds their time, has its own */

static struct
{
  Session *session;      /* (owned) (nullable: tries are made) */
  Session *old[OLD_MAX]; /* (owned) (nullable) the daemon ends them when their streams have ended */
  int64_t tried_at_us, next_try_us;
  int64_t changed_at_us; /* when the network did last; 0: no session has ended since for it */
  int64_t pause_ms; /* behind the last try, if it fails */
  bool anew;        /* tries under way began on a network that was another */
  int64_t anew_at_us; /* when they were stopped for that last */
  Backoff backoff;
  Backoff before; /* the last try, which may not fail */
  char *last_why; /* (owned) (nullable) not said again while it stays the same */
  int network_fd, timer_fd;
  int bell_fd; /* constant; any thread */
} link_;

static void
ring (void)
{
  uint64_t one = 1;

  if (write (link_.bell_fd, &one, sizeof one) < 0)
    g_assert (errno == EAGAIN); /* full: rung already */
}

static void
hear_bell (void)
{
  uint64_t count;

  if (read (link_.bell_fd, &count, sizeof count) < 0)
    g_assert (errno == EAGAIN);
}

/* --- tries ------------------------------------------------------------------------------------ */

/* Only ever sooner. */
static void
try_within (int64_t pause_ms)
{
  link_.next_try_us = MIN (link_.next_try_us, p2p_deadline_ms (pause_ms));
}

static void
try_failed (char *take_why)
{
  try_within (link_.pause_ms);
  if (g_strcmp0 (take_why, link_.last_why) != 0)
    p2p_log (P2P_LOG_WARNING, "agent", "%s, trying again in %.1f s and then for ever", take_why,
             (double) MAX (link_.next_try_us - p2p_now_us (), 0) / 1e6);
  g_free (link_.last_why);
  link_.last_why = take_why;
}

/* At once; but where the network changes without end, with containers that come and go or routes of
 * others, a try has some time to get through before the next change stops it. */
static int64_t
anew_due_us (void)
{
  int64_t spaced_us = link_.tried_at_us + SPACING_MS * 1000;

  return dials_are_under_way () ? MAX (spaced_us, link_.anew_at_us + OVERLAP_MS * 1000) : spaced_us;
}

static void
start_try (void)
{
  int64_t now_us = p2p_now_us ();

  if (link_.anew && now_us >= anew_due_us ())
    {
      dials_stop ();
      link_.anew = false;
      link_.anew_at_us = now_us;
    }
  link_.tried_at_us = now_us;
  if (!dials_start ())
    {
      link_.next_try_us = p2p_deadline_ms (SPACING_MS);
      try_failed (g_strdup ("no further try can be made now"));
      return;
    }
  link_.before = link_.backoff;
  link_.pause_ms = backoff_after_failure (&link_.backoff, now_us);
  link_.next_try_us = now_us + MAX (link_.pause_ms, OVERLAP_MS) * 1000;
}

static void
start_session (P2pStream *take_strm)
{
  g_autoptr (GError) error = NULL;

  link_.session = session_new (take_strm, ring, &error);
  if (!link_.session)
    {
      try_failed (g_strdup (error->message));
      return;
    }
  link_.backoff = link_.before;
  if (link_.anew)
    session_check (link_.session, CHECK_MS); /* of the network that was */
  link_.anew = false;
  g_clear_pointer (&link_.last_why, g_free);
  p2p_log_fields (P2P_LOG_INFO, "agent", "connected", "daemon", agent.settings.management_url,
                  NULL);
}

static void
look_at_tries (void)
{
  DialOutcome outcome;

  while (dials_take (&outcome))
    if (outcome.result == DIAL_OK)
      start_session (outcome.strm);
    else
      try_failed (outcome.why);
}

/* --- sessions --------------------------------------------------------------------------------- */

/* What ended because the network changed is no sign of trouble at the daemon: at once. */
static int64_t
plan_return (int64_t lived_ms)
{
  int64_t now_us = p2p_now_us ();
  int64_t pause_ms = backoff_after_session (&link_.backoff, lived_ms, now_us);

  if (link_.changed_at_us > 0 && now_us < link_.changed_at_us + 2 * CHECK_MS * 1000)
    pause_ms = 0;
  link_.changed_at_us = 0; /* once for each change */
  link_.next_try_us = MAX (p2p_deadline_ms (pause_ms), link_.tried_at_us + SPACING_MS * 1000);
  return pause_ms;
}

static void
session_is_over (void)
{
  int64_t lived_ms = session_lived_ms (link_.session);
  int64_t pause_ms = plan_return (lived_ms);

  p2p_log (P2P_LOG_WARNING, "agent", "the tunnel ended after %.1f s: %s, coming back in %.1f s",
           (double) lived_ms / 1000, session_why_ended (link_.session), (double) pause_ms / 1000);
  session_free (g_steal_pointer (&link_.session), "over");
}

/* Its streams go on beside the next tunnel. */
static void
session_is_leaving (void)
{
  int64_t lived_ms = session_lived_ms (link_.session);
  int64_t pause_ms = plan_return (lived_ms);

  p2p_log (P2P_LOG_WARNING, "agent",
           "the daemon ends the tunnel after %.1f s, %u streams go on, coming back in %.1f s",
           (double) lived_ms / 1000, session_get_stats (link_.session).streams,
           (double) pause_ms / 1000);
  session_free (link_.old[OLD_MAX - 1], "too many tunnels that end");
  memmove (&link_.old[1], &link_.old[0], sizeof link_.old - sizeof link_.old[0]);
  link_.old[0] = g_steal_pointer (&link_.session);
}

static void
look_at_sessions (void)
{
  for (unsigned i = 0; i < OLD_MAX; i++)
    if (link_.old[i] && session_has_ended (link_.old[i]))
      session_free (g_steal_pointer (&link_.old[i]), "over");
  if (link_.session && session_has_ended (link_.session))
    session_is_over ();
  else if (link_.session && session_is_going_away (link_.session))
    session_is_leaving ();
}

static void
look_at_network (void)
{
  int64_t now_us = p2p_now_us ();

  if (!network_changed (link_.network_fd, link_.timer_fd))
    return;
  p2p_log (now_us >= link_.changed_at_us + QUIET_MS * 1000 ? P2P_LOG_INFO : P2P_LOG_DEBUG, "agent",
           "the network changed");
  link_.changed_at_us = now_us;
  if (link_.session)
    {
      session_check (link_.session, CHECK_MS);
      return;
    }
  link_.anew = true;
}

/* Makes the tries that are due while there is no session. */
static void
keep_trying (void)
{
  if (link_.session)
    return;
  if (link_.anew)
    link_.next_try_us = MIN (link_.next_try_us, anew_due_us ());
  if (p2p_now_us () >= link_.next_try_us)
    start_try ();
}

static void
look_at_report (void)
{
  P2pYamuxStats stats;

  if (!link_.session)
    return;
  stats = session_get_stats (link_.session);
  report_when_due (&stats);
}

/* --- the loop --------------------------------------------------------------------------------- */

static bool
wait_for_anything (int signal_fd)
{
  struct pollfd fds[4] = { { .fd = signal_fd, .events = POLLIN },
                           { .fd = link_.bell_fd, .events = POLLIN },
                           { .fd = link_.network_fd, .events = POLLIN },
                           { .fd = link_.timer_fd, .events = POLLIN } };
  int64_t until_us = link_.timer_fd >= 0 ? P2P_FOREVER : p2p_deadline_ms (NETWORK_TICK_MS);

  if (!link_.session)
    until_us = MIN (until_us, MAX (link_.next_try_us, 1));
  (void) poll (fds, G_N_ELEMENTS (fds),
               p2p_deadline_poll_ms (until_us)); /* a hint: all is looked at */
  hear_bell ();
  return (fds[0].revents & POLLIN) == 0;
}

static unsigned
count_streams (void)
{
  unsigned n = 0;

  if (link_.session && !session_has_ended (link_.session))
    n += session_get_stats (link_.session).streams;
  for (unsigned i = 0; i < OLD_MAX; i++)
    if (link_.old[i] && !session_has_ended (link_.old[i]))
      n += session_get_stats (link_.old[i]).streams;
  return n;
}

/* GOAWAY 0: the daemon opens nothing more here; what runs may end. */
static void
drain (void)
{
  int64_t deadline_us = p2p_deadline_ms (agent.settings.shutdown_drain_ms);

  if (link_.session)
    {
      p2p_log (P2P_LOG_INFO, "agent", "ending: %u streams are open", count_streams ());
      session_go_away (link_.session);
    }
  while (count_streams () > 0 && p2p_now_us () < deadline_us)
    {
      struct pollfd bell = { .fd = link_.bell_fd, .events = POLLIN };

      (void) poll (&bell, 1, 50); /* no bell for the end of a stream */
      hear_bell ();
    }
  session_free (g_steal_pointer (&link_.session), "the agent is ending");
  for (unsigned i = 0; i < OLD_MAX; i++)
    session_free (g_steal_pointer (&link_.old[i]), "the agent is ending");
}

int
link_run (int signal_fd)
{
  memset (&link_, 0, sizeof link_); /* tests run it several times */
  link_.network_fd = network_open ();
  link_.timer_fd = network_open_timer ();
  link_.bell_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  g_assert (link_.bell_fd >= 0); /* the first descriptors of a process that just started */
  dials_init (ring);
  while (wait_for_anything (signal_fd))
    {
      look_at_sessions ();
      look_at_tries ();
      look_at_network ();
      look_at_report ();
      keep_trying ();
    }
  p2p_resolver_stop (agent.daemon_resolver); /* whoever dials waits for nothing any more */
  dials_done ();
  drain ();
  p2p_fd_close (&link_.network_fd);
  p2p_fd_close (&link_.timer_fd);
  p2p_fd_close (&link_.bell_fd);
  g_clear_pointer (&link_.last_why, g_free);
  return 0;
}
