/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Who has how much time in an exchange. The origin has some for the head of its answer and some
 * between two bytes. The client has some between two bytes of a body, and a rate to keep up over
 * that time; it pays only for waits that are for it, so that neither a slow origin nor a quiet
 * stream of events nor the other side's back-pressure is its fault. One worker at a time. */
#include "daemon/agents/agents.h"
#include "daemon/proxy/exchange-priv.h"
#include "daemon/proxy/passive.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

/* It asked to be told before it sends its body (RFC 9110 section 10.1.1): that is the origin's to
 * do. */
static bool
awaits_continue (const Exchange *ex)
{
  return ex->req->head->expect_continue && ex->n_interim == 0 && ex->up_pipe.body.total == 0
         && ex->up_pipe.n_read == 0;
}

/* Once the answer runs beside the request's body the two talk, and how fast is theirs to say. */
static void
see_who_is_waited_for (Exchange *ex, unsigned client_want)
{
  ex->client_takes = (client_want & P2P_WRITABLE) != 0;
  ex->client_sends = (client_want & P2P_READABLE) && !ex->up_done && !ex->up_broken
                     && (!ex->answering || ex->answered) && !awaits_continue (ex);
}

static Outcome
client_is_slow (Exchange *ex)
{
  if (ex->interim.n > 0)
    return CLIENT_GONE; /* in the middle of a head */
  ex->close_after = true;
  return exchange_fail (ex, 408, "the request's body did not arrive in time");
}

/* What the client was waited for is over. */
static bool
keeps_pace (Exchange *ex, int64_t waited_us)
{
  int64_t rate = proxy.options.min_body_rate;
  int64_t window_us = proxy.options.body_idle_timeout_ms * 1000;
  bool keeps = true;

  if (ex->client_sends)
    keeps &= pace_advance (&ex->up_pace, ex->up_pipe.body.total, waited_us, rate, window_us);
  if (ex->client_takes && ex->answering)
    keeps &= pace_advance (&ex->down_pace, ex->down_pipe.n_written, waited_us, rate, window_us);
  return keeps;
}

Outcome
exchange_note_moves (Exchange *ex, unsigned client_want)
{
  /* A 1xx gives nobody more time, but that the first one asks the client for its body. */
  uint64_t moved = ex->up_pipe.n_read + ex->up_pipe.n_written + (ex->n_interim > 0);
  bool keeps = true;

  if (ex->answering) /* a head has its time as a whole: a byte now and then does not make it longer
                      */
    moved += ex->down_pipe.n_read + ex->down_pipe.n_written;
  if (moved != ex->last_moved || ex->last_move_us == 0)
    {
      int64_t now_us = p2p_now_us ();

      if (ex->last_move_us != 0)
        keeps = keeps_pace (ex, now_us - ex->last_move_us);
      else
        ex->start_us = now_us;
      ex->last_moved = moved;
      ex->last_move_us = now_us;
      ex->looked = false;
    }
  if (ex->up_done && ex->asked_us == 0)
    ex->asked_us = ex->last_move_us;
  see_who_is_waited_for (ex, client_want);
  return keeps ? GOES_ON : client_is_slow (ex);
}

/* The agent has not said yet whether it got through to the origin, which is a part of connecting.
 */
static bool
awaits_agent (const Exchange *ex)
{
  return ex->up->tunnel && !ex->answering && !agents_stream_is_answered (ex->up->tunnel);
}

static int64_t
deadline_of_bytes (const Exchange *ex)
{
  int64_t client_us = proxy.options.body_idle_timeout_ms * 1000;

  if (ex->up_done && !ex->answering)
    return ex->asked_us + ex->header_timeout_us;
  if (awaits_continue (ex))
    return ex->last_move_us + ex->header_timeout_us;
  if (ex->client_takes && !ex->looked)
    return ex->last_move_us + client_us / 2;
  return ex->last_move_us
         + (ex->client_sends || ex->client_takes ? client_us : ex->idle_timeout_us);
}

int64_t
exchange_deadline (const Exchange *ex)
{
  int64_t deadline_us = deadline_of_bytes (ex);

  return awaits_agent (ex) ? MIN (deadline_us, ex->start_us + ex->connect_timeout_us) : deadline_us;
}

/* The kernel takes much for a client and tells only when a third of it is free again. Whether a
 * slow one reads at all is asked of the kernel, in the middle of the time and at its end; no call
 * in vain for those who are quicker. */
static Outcome
look_at_reader (Exchange *ex)
{
  int64_t half_us = proxy.options.body_idle_timeout_ms * 1000 / 2;
  int unsent = 0;
  int64_t taken;

  if (ioctl (p2p_stream_fd (ex->req->conn->strm), SIOCOUTQ, &unsent) != 0)
    unsent = INT32_MAX; /* nobody knows: as if it took nothing */
  taken = ex->unsent - unsent;
  ex->unsent = unsent;
  if (!ex->looked)
    {
      ex->looked = true;
      return GOES_ON;
    }
  if (taken <= 0 || taken < proxy.options.min_body_rate * (half_us / 1000) / 1000)
    return client_is_slow (ex);
  ex->last_move_us = p2p_now_us ();
  ex->down_pace = (Pace){ .left_us = 2 * half_us, .seen = ex->down_pipe.n_written };
  ex->looked = false;
  return GOES_ON;
}

static Outcome
origin_is_late (Exchange *ex, const char *text)
{
  if (!ex->answering)
    passive_note_failure (ex->req, ex->up->agent_id, text, ex->last_move_us);
  return exchange_fail (ex, 504, text);
}

Outcome
exchange_timed_out (Exchange *ex)
{
  if (awaits_agent (ex) && p2p_now_us () >= ex->start_us + ex->connect_timeout_us)
    return origin_is_late (ex, "the origin could not be reached in time");
  if (ex->client_takes)
    return look_at_reader (ex);
  if (ex->client_sends)
    return client_is_slow (ex);
  return origin_is_late (ex, "the origin did not answer in time");
}
