/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See refusals.h. */
#include "daemon/proxy/refusals.h"

#include "lib/draw.h"
#include "lib/log.h"

#include <glib.h>

#define OPEN_MS 10000  /* tunnel.md: further opens wait so long */
#define PAUSE_US 10000 /* the first, half as long to half as long again */
#define DOUBLINGS 5

void
refusals_note (Refusals *refusals, const Request *req, int64_t agent_id, int64_t since_us)
{
  if (refusals->deadline_us == 0)
    refusals->deadline_us = since_us + MIN (OPEN_MS, req->target->connect_timeout_ms) * 1000;
  if (refusals->n < REFUSALS_MAX)
    refusals->agents[refusals->n++] = agent_id;
}

/* Those who were refused together must not come back together. */
static int64_t
draw_pause_us (const Refusals *refusals)
{
  int64_t mean_us = PAUSE_US << MIN (refusals->n_rounds, DOUBLINGS);

  return mean_us / 2 + (int64_t) p2p_draw ((uint64_t) mean_us);
}

/* Reads ahead what the client sends meanwhile, as far as there is room. False: it left. */
static bool
client_is_there (Request *req)
{
  Workspace *ws = req->ws;
  P2pIo io = P2P_IO_OK;

  while (io == P2P_IO_OK && req->n_in < sizeof ws->in)
    {
      size_t n;

      io = p2p_stream_read (req->conn->strm, ws->in + req->n_in, sizeof ws->in - req->n_in, &n,
                            P2P_TRY);
      if (io == P2P_IO_OK)
        req->n_in += n;
    }
  return io == P2P_IO_OK || io == P2P_IO_AGAIN;
}

/* As for an exchange: those above the limit keep their thread. */
static bool
may_park (void)
{
  return atomic_load_explicit (&proxy.n_exchanges, memory_order_relaxed)
         <= proxy.options.workers_max;
}

static Step
spend_pause (Refusals *refusals, Request *req, bool must_stay)
{
  while (p2p_now_us () < refusals->resume_us)
    {
      P2pWait item = { .want = P2P_READABLE };

      if (!client_is_there (req))
        {
          req->after = AFTER_RESET;
          return STEP_DONE;
        }
      if (req->n_in < sizeof req->ws->in)
        item.strm = req->conn->strm;
      if (!must_stay && may_park ())
        {
          req->wait[0] = item;
          req->wait[1] = (P2pWait){ 0 };
          req->wait_until_us = refusals->resume_us;
          return STEP_PARK;
        }
      (void) p2p_stream_wait (&item, 1, refusals->resume_us); /* the loop looks at both */
    }
  refusals->resume_us = 0;
  return STEP_MORE;
}

static Step
give_up (const Refusals *refusals, Request *req)
{
  p2p_log (P2P_LOG_WARNING, "proxy",
           "request %s: agents refused its stream in %u rounds (overloaded), answering 503",
           request_id (req), refusals->n_rounds + 1);
  return answer_error (req, 503, REFUSED_TEXT);
}

Step
refusals_pause (Refusals *refusals, Request *req)
{
  int64_t now_us = p2p_now_us ();

  if (now_us >= refusals->deadline_us)
    return give_up (refusals, req);
  refusals->resume_us = MIN (now_us + draw_pause_us (refusals), refusals->deadline_us);
  refusals->n = 0;
  refusals->n_rounds++;
  return spend_pause (refusals, req, false);
}

Step
refusals_resume (Refusals *refusals, Request *req, P2pWake wake)
{
  return spend_pause (refusals, req, wake == P2P_WAKE_STOP);
}
