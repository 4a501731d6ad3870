/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: an answer from the origin. Targets are tried in turn until one can be reached; once a byte
 * of the request is out, it is not sent again, but for two cases, while the whole request is still
 * here: a kept connection that died before the first byte of an answer (RFC 9112 section 9.3.1),
 * and an agent that refused the stream without having seen it. */
#include "daemon/agents/agents.h"
#include "daemon/proxy/flight.h"
#include "daemon/proxy/passive.h"

#include <glib.h>

#define AGENT_TRIES 4 /* agents of one target, for one request */

typedef struct
{
  unsigned status;
  bool is_failure; /* speaks against the target, or the target through its agent */
  const char *text;
} Answer;

static const Answer answers[] = {
  [UPSTREAM_NO_AGENT] = { 503, false, NO_AGENT },
  [UPSTREAM_UNUSABLE] = { 503, false, NO_USABLE_TARGET },
  [UPSTREAM_OVERLOADED] = { 503, false, "too many connections to the origin are open" },
  [UPSTREAM_UNSEEN] = { 503, false, REFUSED_TEXT },
  [UPSTREAM_BUSY] = { 503, false, "the site has as many requests under way as it may have" },
  [UPSTREAM_FULL] = { 503, false, "the site has as many connections to its origin as it may have" },
  [UPSTREAM_STOPPED] = { 503, false, "the server is ending" },
  [UPSTREAM_TIMEOUT] = { 504, true, "the origin could not be reached in time" },
  [UPSTREAM_AGENT_TIMEOUT] = { 504, true, "the agent did not take the stream in time" },
  [UPSTREAM_REFUSED] = { 502, true, "the origin refused the connection" },
  [UPSTREAM_DENIED] = { 502, false, "the agent does not allow this origin (denied)" },
  [UPSTREAM_TLS] = { 502, true, "TLS with the origin failed" },
  [UPSTREAM_AGENT] = { 502, false, "the connection to the agent broke" },
  [UPSTREAM_FAILED] = { 502, true, "the origin cannot be reached" },
};

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

static UpstreamResult
take (Request *req, int64_t agent_id, bool fresh, int64_t since_us, Upstream *up)
{
  UpstreamResult result;

  if (!request_count_target (req,
                             agent_id)) /* from here on, so that others see it while it connects */
    return UPSTREAM_BUSY;
  result = upstream_take (req, agent_id, fresh, up);
  if (result == UPSTREAM_UNSEEN)
    refusals_note (&flight_of (req)->refusals, req, agent_id, since_us);
  if (result != UPSTREAM_OK && answers[result].is_failure)
    passive_note_failure (req, agent_id, answers[result].text, since_us);
  return result;
}

static UpstreamResult
take_through_agents (Request *req, bool fresh, Upstream *up)
{
  const Refusals *refusals = &flight_of (req)->refusals;
  int64_t tried[REFUSALS_MAX + AGENT_TRIES];
  AgentQuestion question
      = { .cfg = req->cfg, .target = req->target, .except = tried, .n_except = refusals->n };
  UpstreamResult result = UPSTREAM_NO_AGENT;

  memcpy (tried, refusals->agents, refusals->n * sizeof *tried);
  for (unsigned i = 0; i < AGENT_TRIES; i++)
    {
      int64_t agent_id;
      AgentChoice choice;

      question.now_us = p2p_now_us ();
      choice = agents_choose (&question, &agent_id);
      if (choice != AGENT_CHOICE_OK)
        return choice == AGENT_CHOICE_UNUSABLE && question.n_except == 0 ? UPSTREAM_UNUSABLE
                                                                         : result;
      result = take (req, agent_id, fresh, question.now_us, up);
      if (result == UPSTREAM_OK || result == UPSTREAM_BUSY || result == UPSTREAM_FULL)
        return result;
      tried[question.n_except++] = agent_id;
    }
  return result;
}

static UpstreamResult
reach_target (Request *req, bool fresh, Upstream *up)
{
  int64_t now_us;

  if (req->target->type == CONFIG_TARGET_STATIC)
    return UPSTREAM_OK;
  if (req->target->transport == CONFIG_TRANSPORT_AGENT)
    return take_through_agents (req, fresh, up);
  now_us = p2p_now_us ();
  if (!config_target_state_is_usable (req->target->state, 0, now_us))
    return UPSTREAM_UNUSABLE;
  return take (req, 0, fresh, now_us, up);
}

/* req->target cools down, perhaps, and there is no other. */
static UpstreamResult
reach_on_trial (Request *req, bool fresh, Upstream *up)
{
  AgentQuestion question = { .cfg = req->cfg, .target = req->target, .now_us = p2p_now_us () };
  int64_t interval_us = proxy.options.cool_down.trial_ms * 1000, agent_id = 0;
  bool may_try
      = req->target->transport == CONFIG_TRANSPORT_AGENT
            ? agents_choose_trial (&question, interval_us, &agent_id)
            : config_target_state_may_try (req->target->state, 0, question.now_us, interval_us);

  return may_try ? take (req, agent_id, fresh, question.now_us, up) : UPSTREAM_UNUSABLE;
}

/* How much a result says about what went wrong: who was passed over says nothing, unless all were.
 */
static unsigned
rank (UpstreamResult result)
{
  return result == UPSTREAM_NO_AGENT ? 0 : result == UPSTREAM_UNUSABLE ? 1 : 2;
}

static UpstreamResult
reach_any (Request *req,
           UpstreamResult (*reach_one) (Request *req, bool fresh, Upstream *up),
           bool fresh,
           Upstream *up)
{
  const ConfigRoute *route = req->route;
  unsigned first = index_of_target (req);
  UpstreamResult result = UPSTREAM_NO_AGENT;

  for (unsigned i = 0; i < route->n_targets; i++)
    {
      UpstreamResult tried;

      req->target = nth_choice (route, first, i);
      tried = reach_one (req, fresh, up);
      if (tried == UPSTREAM_OK)
        return tried;
      if (rank (tried) >= rank (result))
        result = tried;
    }
  return result;
}

/* From req->target on; leaves req->target at the one that was reached or that answers statically.
 */
static UpstreamResult
reach (Request *req, bool fresh, Upstream *up)
{
  UpstreamResult result = reach_any (req, reach_target, fresh, up);

  return result == UPSTREAM_UNUSABLE ? reach_any (req, reach_on_trial, fresh, up) : result;
}

/* RFC 9110 section 9.2.2: sent twice it does what it does once. The exchange knows whether its body
 * is still here. */
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

/* STEP_MORE: to be tried again. */
static Step
finish (Flight *flight, ExchangeResult result)
{
  int64_t asked_us = flight->ex.start_us;

  switch (result)
    {
    case EXCHANGE_DONE:
      return STEP_DONE;
    case EXCHANGE_PARK:
      return STEP_PARK;
    case EXCHANGE_STALE:
      flight->fresh = true;
      break;
    case EXCHANGE_UNSEEN:
      refusals_note (&flight->refusals, &flight->req, flight->ex.refused_by,
                     asked_us > 0 ? asked_us : p2p_now_us ());
      break;
    }
  return STEP_MORE;
}

static Step
try_once (Flight *flight)
{
  Request *req = &flight->req;
  Upstream *up = &flight->up;
  UpstreamResult result;

  if (flight->refusals.n == REFUSALS_MAX)
    return refusals_pause (&flight->refusals, req);
  *up = (Upstream){ 0 };
  result = reach (req, flight->fresh, up);
  if (result != UPSTREAM_OK && flight->refusals.n > 0)
    return refusals_pause (&flight->refusals, req);
  if (result != UPSTREAM_OK)
    return answer_error (req, answers[result].status, answers[result].text);
  if (req->target->type == CONFIG_TARGET_STATIC)
    return step_static (req);
  return finish (flight,
                 exchange_run (&flight->ex, req, up, up->reused && is_idempotent (req->head)));
}

/* step: how it stands. */
static Step
forward (Flight *flight, Step step)
{
  while (step == STEP_MORE)
    step = try_once (flight);
  return step;
}

Step
step_forward (Request *req)
{
  Flight *flight = flight_of (req);

  if (!request_enter (req))
    return answer_error (req, 503, "the server has as many requests under way as it may have");
  flight->fresh = false;
  flight->refusals = (Refusals){ 0 };
  return forward (flight, STEP_MORE);
}

Step
step_forward_resume (Request *req, P2pWake wake)
{
  Flight *flight = flight_of (req);
  Step step = flight->refusals.resume_us > 0 ? refusals_resume (&flight->refusals, req, wake)
                                             : finish (flight, exchange_resume (&flight->ex, wake));

  return forward (flight, step);
}
