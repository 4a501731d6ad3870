/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A request: the table of steps that it walks. Each step is a file of its own and may answer and so
 * end the walk. One worker at a time; nothing here allocates. */
#include "daemon/proxy/proxy-priv.h"

#include <glib.h>
#include <gnutls/crypto.h>
#include <stdio.h>

static const RequestStep steps[] = {
  { "check", step_check, false },       /* what the grammar allows and we do not */
  { "misdirected", step_misdirected, false }, /* another host than the connection's */
  { "route", step_route, false },       /* which route; its mode of path security is needed next */
  { "path", step_path, false },         /* paths that origins may read in another way than we */
  { "redirect", step_redirect, false }, /* an answer that leads elsewhere */
  { "target", step_target, false },     /* which of the route's targets */
  { "static", step_static, false },     /* an answer from the configuration */
  { "forward", step_forward, true },    /* an answer from the origin */
};

const RequestStep *
request_get_steps (size_t *ret_n)
{
  *ret_n = G_N_ELEMENTS (steps);
  return steps;
}

void
target_place_leave (TargetPlace *place)
{
  if (!place->state)
    return;
  if (place->pair)
    atomic_fetch_sub_explicit (&place->pair->active, 1, memory_order_relaxed);
  atomic_fetch_sub_explicit (&place->state->active, 1, memory_order_relaxed);
  config_target_state_unref (place->state);
  *place = (TargetPlace){ 0 };
}

void
request_uncount_target (Request *req)
{
  target_place_leave (&req->place);
}

bool
request_count_target (Request *req, int64_t agent_id)
{
  unsigned limit = req->target->max_concurrent_requests;

  request_uncount_target (req);
  if (!config_counts_requests (req->route, req->target))
    return true; /* nobody asks: the counter would be a line that all workers write to */
  req->place.state = config_target_state_ref (req->target->state);
  if (config_counts_pairs (req->target))
    req->place.pair = config_target_state_count_pair (req->place.state, agent_id);
  if (atomic_fetch_add_explicit (&req->place.state->active, 1, memory_order_relaxed) < limit
      || limit == 0)
    return true;
  request_uncount_target (req);
  return false;
}

P2pHttp1
request_parse_head (Workspace *ws, size_t n_in, size_t *scanned, size_t *ret_size)
{
  const ProxyOptions *options = &proxy.options;
  P2pHttp1 http = p2p_http1_find_end (ws->in, n_in, scanned, ret_size);

  if (http == P2P_HTTP1_MORE && n_in >= options->max_head_bytes)
    return P2P_HTTP1_TOO_LARGE;
  if (http != P2P_HTTP1_OK)
    return http;
  if (*ret_size > options->max_head_bytes)
    return P2P_HTTP1_TOO_LARGE;
  http = p2p_http1_parse_request (ws->in, *ret_size, &ws->req);
  if (http == P2P_HTTP1_OK && ws->req.msg.n_fields > options->max_head_fields)
    return P2P_HTTP1_TOO_LARGE;
  return http;
}

bool
request_enter (Request *req)
{
  unsigned before = atomic_fetch_add_explicit (&proxy.n_exchanges, 1, memory_order_relaxed);

  req->entered = true;
  if (before < proxy.options.max_requests)
    return true;
  request_leave (req);
  return false;
}

void
request_leave (Request *req)
{
  if (req->entered)
    atomic_fetch_sub_explicit (&proxy.n_exchanges, 1, memory_order_relaxed);
  req->entered = false;
}

static Step
finish (Request *req, Step step)
{
  if (step != STEP_DONE)
    return step;
  if (req->after != AFTER_HANDED)
    request_uncount_target (req);
  request_leave (req);
  return step;
}

Step
request_run (Request *req)
{
  Step step = STEP_MORE;

  atomic_fetch_add_explicit (&proxy.n_requests, 1, memory_order_relaxed);
  for (size_t i = 0; step == STEP_MORE; i++)
    {
      g_assert (i < G_N_ELEMENTS (steps)); /* the last step answers */
      step = steps[i].run (req);
    }
  return finish (req, step);
}

Step
request_resume (Request *req, P2pWake wake)
{
  return finish (req, step_forward_resume (req, wake)); /* no other step parks */
}

const char *
request_id (Request *req)
{
  static _Thread_local uint64_t prefix;
  static _Thread_local uint64_t counter;

  if (req->id[0] != '\0')
    return req->id;
  if (prefix == 0)
    gnutls_rnd (GNUTLS_RND_NONCE, &prefix, sizeof prefix);
  (void) snprintf (req->id, sizeof req->id, "%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x",
                   prefix, ++counter); /* fits: 32 digits */
  return req->id;
}

void
request_release_config (Request *req)
{
  req->listener = NULL;
  req->route = NULL;
  req->target = NULL;
  g_clear_pointer (&req->cfg, config_unref);
}
