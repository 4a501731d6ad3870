/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the API asks of the proxy and of the agents' room, played for its tests: listeners are what
 * they were told to be last, agents are offline. */
#include "daemon/agents/agents.h"
#include "daemon/proxy/explain.h"
#include "daemon/proxy/proxy.h"
#include "tests/unit/api-fixture.h"

#include <string.h>

char api_fake_heard[256];
AgentReportPoint api_fake_reports[4];
unsigned api_fake_n_reports;
AgentStatus api_fake_status = { .state = AGENT_OFFLINE, .round_trip_ms = -1 };
static int64_t running_id;

G_DEFINE_QUARK (proxy-error-quark, proxy_error)

bool
proxy_listener_get_status (int64_t id, ProxyListenerStatus *ret_status)
{
  *ret_status = (ProxyListenerStatus){
    .state = id == running_id ? PROXY_LISTENER_RUNNING : PROXY_LISTENER_STOPPED,
    .bound_port = id == running_id ? 4711 : 0,
  };
  return true;
}

bool
proxy_listener_start (int64_t id, GError **error)
{
  if (id == 2)
    {
      g_set_error_literal (error, PROXY_ERROR, PROXY_ERROR_BIND,
                           "listener: port 80: address in use");
      return false;
    }
  running_id = id;
  g_snprintf (api_fake_heard, sizeof api_fake_heard, "start %" G_GINT64_FORMAT, id);
  return true;
}

bool
proxy_listener_stop (int64_t id, GError **error)
{
  (void) error;
  running_id = 0;
  g_snprintf (api_fake_heard, sizeof api_fake_heard, "stop %" G_GINT64_FORMAT, id);
  return true;
}

/* Every request is sent to the first route's first target; the head is noted. */
bool
proxy_explain (int64_t listener_id,
               P2pSpan head,
               const char *address,
               ProxyExplanation *ret_explanation)
{
  g_auto (ProxyExplanation) explanation
      = { .cfg = config_get_current (), .outcome = PROXY_WOULD_FORWARD, .n_steps = 1 };

  g_snprintf (api_fake_heard, sizeof api_fake_heard, "%s %.*s", address, P2P_SPAN_ARG (head));
  explanation.listener = config_find_listener (explanation.cfg, listener_id);
  if (!explanation.listener)
    return false;
  explanation.steps[0] = (ProxyExplainedStep){ .name = "forward", .outcome = PROXY_STEP_FORWARDS };
  g_strlcpy (explanation.address, address, sizeof explanation.address);
  explanation.host = g_strdup ("a.test");
  explanation.path = g_strdup ("/");
  if (explanation.listener->n_routes > 0)
    {
      explanation.route = explanation.listener->routes[0];
      explanation.target = explanation.route->targets[0];
    }
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

void
agents_get_status (int64_t id, AgentStatus *ret_status)
{
  (void) id;
  *ret_status = api_fake_status;
}

bool
agents_is_connected (int64_t id)
{
  (void) id;
  return false;
}

void
agents_disconnect (int64_t id, const char *why)
{
  g_snprintf (api_fake_heard, sizeof api_fake_heard, "disconnect %" G_GINT64_FORMAT " %s", id, why);
}

int64_t
agents_authenticate (P2pSpan public_id, P2pSpan token)
{
  return p2p_span_equal (public_id, P2P_SPAN (FAKE_AGENT_ID))
                 && p2p_span_equal (token, P2P_SPAN (FAKE_AGENT_TOKEN))
             ? 7
             : 0;
}

bool api_fake_certificates;

bool
agents_want_certificate (void)
{
  return api_fake_certificates;
}

void
agents_report (int64_t id, const AgentReport *report)
{
  g_snprintf (api_fake_heard, sizeof api_fake_heard,
              "report %" G_GINT64_FORMAT " memory %" G_GINT64_FORMAT " version %s", id,
              report->memory_bytes, report->version);
}

GArray *
agents_copy_reports (int64_t id, int64_t since_ms)
{
  GArray *points = g_array_new (false, false, sizeof (AgentReportPoint));

  (void) id;
  for (unsigned i = 0; i < api_fake_n_reports; i++)
    if (api_fake_reports[i].at_ms >= since_ms)
      g_array_append_val (points, api_fake_reports[i]);
  return points;
}

void
agents_handle_tunnel (P2pStream *take_strm,
                      const P2pRequestHead *head,
                      P2pSpan early,
                      const struct sockaddr *peer,
                      bool certified)
{
  static const char answer[]
      = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  struct iovec iov = { (char *) answer, strlen (answer) };

  (void) peer;
  (void) certified;
  g_snprintf (api_fake_heard, sizeof api_fake_heard, "tunnel %.*s early %zu",
              P2P_SPAN_ARG (head->path), early.n);
  (void) p2p_stream_write_all (take_strm, &iov, 1, NULL, p2p_deadline_ms (20000));
  p2p_stream_close (take_strm);
}
