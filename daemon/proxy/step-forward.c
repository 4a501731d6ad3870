/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: an answer from the origin. Targets are tried in turn until one can be reached; once a byte of the request is out, it
 * is not sent again, but for one case: a kept connection that died before the first byte of an answer (RFC 9112 section 9.3.1), while
 * the whole request is still here. */
#include "daemon/proxy/flight.h"

#include <glib.h>

static Step
answer_unreachable (Request *req, UpstreamResult result)
{
  switch (result)
    {
    case UPSTREAM_NO_AGENT:
      return answer_error (req, 503, "the agent of this site is not connected");
    case UPSTREAM_OVERLOADED:
      return answer_error (req, 503, "too many connections to the origin are open");
    case UPSTREAM_BUSY:
      return answer_error (req, 503, "the site has as many requests under way as it may have");
    case UPSTREAM_TIMEOUT:
      return answer_error (req, 504, "the origin could not be reached in time");
    case UPSTREAM_REFUSED:
      return answer_error (req, 502, "the origin refused the connection");
    case UPSTREAM_DENIED:
      return answer_error (req, 502, "the agent does not allow this origin (denied)");
    case UPSTREAM_TLS:
      return answer_error (req, 502, "TLS with the origin failed");
    case UPSTREAM_OK:
    case UPSTREAM_FAILED:
      break;
    }
  return answer_error (req, 502, "the origin cannot be reached");
}

static unsigned
index_of_target (const Request *req)
{
  unsigned i = 0;

  while (req->route->targets[i] != req->target)
    i++;
  return i;
}

/* The others of its priority group come after the first one, then the groups behind it. */
static ConfigTarget *
nth_choice (const ConfigRoute *route, unsigned first, unsigned i)
{
  unsigned group = route->targets[first]->priority_group, start = first, end = first + 1;

  while (start > 0 && route->targets[start - 1]->priority_group == group)
    start--;
  while (end < route->n_targets && route->targets[end]->priority_group == group)
    end++;
  if (i < end - start)
    return route->targets[start + (first - start + i) % (end - start)];
  return route->targets[(start + i) % route->n_targets];
}

/* From req->target on; leaves req->target at the one that was reached or that answers statically. */
static UpstreamResult
reach (Request *req, bool fresh, Upstream *up)
{
  const ConfigRoute *route = req->route;
  unsigned first = index_of_target (req);
  UpstreamResult result = UPSTREAM_FAILED;

  for (unsigned i = 0; i < route->n_targets; i++)
    {
      req->target = nth_choice (route, first, i);
      if (req->target->type == CONFIG_TARGET_STATIC)
        return UPSTREAM_OK;
      result = UPSTREAM_BUSY;
      if (!request_count_target (req)) /* from here on, so that others see it while it connects */
        continue;
      result = upstream_take (req, fresh, p2p_deadline_ms (req->target->connect_timeout_ms), up);
      if (result == UPSTREAM_OK)
        return result;
    }
  return result;
}

/* RFC 9110 section 9.2.2: sent twice it does what it does once. The exchange knows whether its body is still here. */
static bool
is_idempotent (const P2pRequestHead *head)
{
  switch (head->method_id)
    {
    case P2P_METHOD_GET:
    case P2P_METHOD_HEAD:
    case P2P_METHOD_OPTIONS:
    case P2P_METHOD_TRACE:
    case P2P_METHOD_PUT:
    case P2P_METHOD_DELETE:
      return true;
    case P2P_METHOD_OTHER:
    case P2P_METHOD_POST:
    case P2P_METHOD_PATCH:
    case P2P_METHOD_CONNECT:
      break;
    }
  return false;
}

static Step forward (Request *req, bool fresh);

static Step
finish (Request *req, ExchangeResult result)
{
  switch (result)
    {
    case EXCHANGE_DONE:
      return STEP_DONE;
    case EXCHANGE_PARK:
      return STEP_PARK;
    case EXCHANGE_STALE:
      break;
    }
  return forward (req, true);
}

/* fresh: a kept connection was dead, once. */
static Step
forward (Request *req, bool fresh)
{
  Flight *flight = flight_of (req);
  Upstream *up = &flight->up;
  UpstreamResult result;

  *up = (Upstream){ 0 };
  result = reach (req, fresh, up);
  if (result != UPSTREAM_OK)
    return answer_unreachable (req, result);
  if (req->target->type == CONFIG_TARGET_STATIC)
    return step_static (req);
  return finish (req, exchange_run (&flight->ex, req, up, up->reused && is_idempotent (req->head)));
}

Step
step_forward (Request *req)
{
  if (!request_enter (req))
    return answer_error (req, 503, "the server has as many requests under way as it may have");
  return forward (req, false);
}

Step
step_forward_resume (Request *req, P2pWake wake)
{
  return finish (req, exchange_resume (&flight_of (req)->ex, wake));
}
