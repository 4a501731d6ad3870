/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What would happen to a request, see explain.h. The request has a connection without a stream;
 * what would be answered is caught in answer.c and noted in the explanation. */
#include "daemon/proxy/explain.h"

#include "daemon/proxy/proxy-priv.h"

#include <glib.h>

static ProxyExplainedStep *
add_step (ProxyExplanation *explanation, const char *name, ProxyStepOutcome outcome)
{
  ProxyExplainedStep *step = &explanation->steps[explanation->n_steps++];

  g_assert (explanation->n_steps <= PROXY_EXPLAINED_STEPS_MAX);
  step->name = name;
  step->outcome = outcome;
  return step;
}

static void
set_detail (char *detail, size_t size, P2pSpan text)
{
  size_t n = MIN (text.n, size - 1);

  memcpy (detail, text.p ? text.p : "", n);
  detail[n] = '\0';
}

void
explanation_note_answer (ProxyExplanation *explanation, unsigned status, P2pSpan fields)
{
  P2pSpan location = P2P_SPAN ("Location: ");

  explanation->status = status;
  explanation->outcome = PROXY_WOULD_ANSWER;
  if (!p2p_span_has_prefix (fields, location))
    return;
  fields = (P2pSpan){ fields.p + location.n, fields.n - location.n };
  explanation->outcome = PROXY_WOULD_REDIRECT;
  explanation->location = p2p_span_dup (p2p_span_split (&fields, '\r'));
}

void
explanation_note_error (ProxyExplanation *explanation, unsigned status, const char *detail)
{
  explanation->status = status;
  explanation->outcome = PROXY_WOULD_REFUSE;
  g_strlcpy (explanation->detail, detail, sizeof explanation->detail);
}

/* What the step found out, for a person. */
static void
describe (const Request *req, const RequestStep *row, ProxyExplainedStep *step)
{
  const ProxyExplanation *explanation = req->explanation;

  if (step->outcome == PROXY_STEP_ANSWERED && explanation->outcome == PROXY_WOULD_REFUSE)
    g_strlcpy (step->detail, explanation->detail, sizeof step->detail);
  else if (step->outcome == PROXY_STEP_ANSWERED)
    g_snprintf (step->detail, sizeof step->detail, "answers %u", explanation->status);
  else if (row->run == step_route && req->route)
    g_snprintf (step->detail, sizeof step->detail, "route '%s' (%s%s%s)", req->route->name,
                req->route->is_default ? "default, " : "",
                req->route->host_pattern[0] ? req->route->host_pattern : "any host",
                req->route->path_prefix);
  else if (row->run == step_target && req->target)
    g_snprintf (step->detail, sizeof step->detail, "target '%s'", req->target->name);
}

static void
walk (Request *req)
{
  size_t n;
  const RequestStep *rows = request_get_steps (&n);

  for (size_t i = 0; i < n; i++)
    {
      ProxyStepOutcome outcome = PROXY_STEP_FORWARDS;
      ProxyExplainedStep *step;

      if (!rows[i].asks)
        outcome = rows[i].run (req) == STEP_DONE ? PROXY_STEP_ANSWERED : PROXY_STEP_PASSED;
      step = add_step (req->explanation, rows[i].name, outcome);
      describe (req, &rows[i], step);
      if (outcome != PROXY_STEP_PASSED)
        break;
    }
  if (req->explanation->status == 0)
    req->explanation->outcome = PROXY_WOULD_FORWARD;
}

/* False: what came is no request, and the explanation says why. */
static bool
parse (ProxyExplanation *explanation, Workspace *ws, P2pSpan head, size_t *ret_size)
{
  P2pHttp1 http = P2P_HTTP1_TOO_LARGE;
  ProxyExplainedStep *step;
  HeadRefusal refusal;
  size_t scanned = 0;

  ws->req.msg.reason_bad = P2P_SPAN_NONE;
  if (head.n <= WORKSPACE_HEAD_MAX)
    {
      memcpy (ws->in, head.p, head.n);
      http = request_parse_head (ws, head.n, &scanned, ret_size);
    }
  step = add_step (explanation, "parse",
                   http == P2P_HTTP1_OK ? PROXY_STEP_PASSED : PROXY_STEP_ANSWERED);
  if (http == P2P_HTTP1_OK)
    return true;
  refusal = answer_judge_head (http, ws->req.msg.reason_bad);
  set_detail (step->detail, sizeof step->detail, refusal.detail);
  explanation_note_error (explanation, refusal.status, step->detail);
  return false;
}

/* Which certificate a client sees that asks for this host by SNI, as all but very old ones do. */
static void
add_certificate (ProxyExplanation *explanation, P2pSpan host)
{
  ProxyExplainedStep *step = add_step (explanation, "certificate", PROXY_STEP_PASSED);

  if (config_has_cert (explanation->listener, host))
    g_snprintf (step->detail, sizeof step->detail, "the host has a certificate");
  else
    g_snprintf (step->detail, sizeof step->detail,
                "the host has no certificate: clients see the self-signed fallback");
}

static void
explain (ProxyExplanation *explanation, Workspace *ws, P2pSpan head)
{
  ListenerRef listener = { .id = explanation->listener->id };
  Conn conn = { .listener = &listener };
  Request req = { .conn = &conn,
                  .ws = ws,
                  .head = &ws->req,
                  .n_in = head.n,
                  .cfg = explanation->cfg,
                  .listener = explanation->listener,
                  .explanation = explanation };

  g_strlcpy (conn.address, explanation->address, sizeof conn.address);
  if (!parse (explanation, ws, head, &req.head_size))
    return;
  request_resolve_client (&req);
  g_strlcpy (explanation->address, req.client, sizeof explanation->address);
  explanation->host = p2p_span_dup (req.head->host);
  explanation->path = p2p_span_dup (req.head->path);
  if (explanation->listener->protocol == CONFIG_PROTOCOL_HTTPS)
    add_certificate (explanation, req.head->host);
  walk (&req);
  explanation->route = req.route;
  explanation->target = req.target;
}

bool
proxy_explain (int64_t listener_id,
               P2pSpan head,
               const char *address,
               ProxyExplanation *ret_explanation)
{
  g_auto (ProxyExplanation) explanation = { .cfg = config_get_current () };
  Workspace *ws;

  explanation.listener = config_find_listener (explanation.cfg, listener_id);
  if (!explanation.listener)
    return false;
  g_strlcpy (explanation.address, address, sizeof explanation.address);
  ws = workspace_take ();
  explain (&explanation, ws, head);
  workspace_give (ws);
  *ret_explanation = explanation;
  explanation = (ProxyExplanation){ 0 };
  return true;
}

void
proxy_explanation_clear (ProxyExplanation *explanation)
{
  g_clear_pointer (&explanation->location, g_free);
  g_clear_pointer (&explanation->host, g_free);
  g_clear_pointer (&explanation->path, g_free);
  g_clear_pointer (&explanation->cfg, config_unref);
}
