/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Acceptance of tunnels: judges GET /agent/tunnel in the order of tunnel.md, so that only the owner
 * of a token learns more than "401", and starts the session. Runs on workers of the management
 * pool. */
#include "daemon/agents/agents-priv.h"

#include "lib/log.h"
#include "lib/peer.h"
#include "lib/tunnel.h"

#include <glib.h>
#include <gnutls/crypto.h>
#include <stdio.h>

#define ANSWER_MS 10000

/* --- who -------------------------------------------------------------------------------------- */

/* No branch depends on where two digests differ. */
static bool
digests_equal (const uint8_t a[static 32], const uint8_t b[static 32])
{
  volatile uint8_t difference = 0;

  for (unsigned i = 0; i < 32; i++)
    difference |= a[i] ^ b[i];
  return difference == 0;
}

static const ConfigAgent *
authenticate (const Config *cfg, P2pSpan public_id, P2pSpan token)
{
  static const uint8_t nobody[32];
  const ConfigAgent *agent = config_find_agent (cfg, public_id);
  uint8_t digest[32];

  if (gnutls_hash_fast (GNUTLS_DIG_SHA256, token.p ? token.p : "", token.n, digest) < 0)
    return NULL;
  return digests_equal (digest, agent ? agent->token_sha256 : nobody) ? agent : NULL;
}

int64_t
agents_authenticate (P2pSpan public_id, P2pSpan token)
{
  g_autoptr (Config) cfg = config_get_current ();
  const ConfigAgent *agent = authenticate (cfg, public_id, token);

  return agent && agent->enabled ? agent->id : 0;
}

static P2pSpan
field_value (const P2pRequestHead *head, P2pSpan name)
{
  const P2pField *field = p2p_message_field_by_name (&head->msg, name);

  return field ? field->value : P2P_SPAN_NONE;
}

static P2pSpan
bearer_token (const P2pRequestHead *head)
{
  const P2pField *field = p2p_message_field (&head->msg, P2P_FIELD_AUTHORIZATION);
  P2pSpan rest = field ? field->value : P2P_SPAN_NONE;
  P2pSpan scheme = p2p_span_split (&rest, ' ');

  return p2p_span_equal_nocase (scheme, P2P_SPAN ("bearer")) ? p2p_span_trim (rest) : P2P_SPAN_NONE;
}

/* --- what ------------------------------------------------------------------------------------- */

typedef struct
{
  unsigned status; /* 101: go on */
  const char *detail;
} Verdict;

/* X-P2PStream-Tunnel-Features: names, comma separated. */
static bool
lists_feature (const P2pRequestHead *head, P2pSpan wanted)
{
  P2pSpan rest = field_value (head, P2P_SPAN ("x-p2pstream-tunnel-features"));

  while (rest.n > 0)
    if (p2p_span_equal_nocase (p2p_span_trim (p2p_span_split (&rest, ',')), wanted))
      return true;
  return false;
}

bool
agents_want_certificate (void)
{
  return registry.options.client_certificates;
}

static Verdict
judge (const ConfigAgent *agent, const P2pRequestHead *head, P2pSpan early, bool certified)
{
  const P2pField *upgrade = p2p_message_field (&head->msg, P2P_FIELD_UPGRADE);
  uint64_t version;

  if (!agent)
    return (Verdict){ 401, "unknown agent or wrong token" };
  if (!agent->enabled)
    return (Verdict){ 403, "this agent is disabled" };
  if (agents_want_certificate () && !certified)
    return (Verdict){ 403, "a client certificate of the agents' CA is needed" };
  if (head->method_id != P2P_METHOD_GET || !head->msg.upgrade || !upgrade
      || !p2p_span_equal_nocase (upgrade->value, P2P_SPAN (P2P_TUNNEL_PROTOCOL))
      || head->msg.body != P2P_BODY_NONE || early.n > 0)
    return (Verdict){ 400, "this is not an upgrade to " P2P_TUNNEL_PROTOCOL };
  if (!p2p_span_to_u64 (field_value (head, P2P_SPAN ("x-p2pstream-tunnel-version")), &version)
      || version != P2P_TUNNEL_VERSION)
    return (Verdict){ 426, "this daemon speaks tunnel version 1" };
  return (Verdict){ 101, NULL };
}

static const char *
reason_of (unsigned status)
{
  switch (status)
    {
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 400:
      return "Bad Request";
    case 426:
      return "Upgrade Required";
    default:
      return "Service Unavailable";
    }
}

static void
refuse (P2pStream *take_strm, Verdict verdict)
{
  char text[512];
  int n = snprintf (text, sizeof text,
                    "HTTP/1.1 %u %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
                    "Content-Length: %zu\r\n%s%sConnection: close\r\n\r\n%s\n",
                    verdict.status, reason_of (verdict.status), strlen (verdict.detail) + 1,
                    verdict.status == 401 ? "WWW-Authenticate: Bearer\r\n" : "",
                    verdict.status == 426 ? "Upgrade: " P2P_TUNNEL_PROTOCOL "\r\n"
                                            "X-P2PStream-Tunnel-Version: 1\r\n"
                                          : "",
                    verdict.detail);
  struct iovec iov = { .iov_base = text, .iov_len = (size_t) n };

  /* Whether it arrives is the agent's business. */
  (void) p2p_stream_write_all (take_strm, &iov, 1, NULL, p2p_deadline_ms (ANSWER_MS));
  (void) p2p_stream_shutdown (take_strm, p2p_deadline_ms (ANSWER_MS));
  p2p_stream_close (take_strm);
}

static bool
welcome (P2pStream *strm)
{
  static const char text[] = "HTTP/1.1 101 Switching Protocols\r\n"
                             "Connection: Upgrade\r\n"
                             "Upgrade: " P2P_TUNNEL_PROTOCOL "\r\n"
                             "X-P2PStream-Tunnel-Version: 1\r\n\r\n";
  struct iovec iov = { .iov_base = (void *) text, .iov_len = sizeof text - 1 };

  return p2p_stream_write_all (strm, &iov, 1, NULL, p2p_deadline_ms (ANSWER_MS)) == P2P_IO_OK;
}

/* --- the session ------------------------------------------------------------------------------ */

static void
copy_text (char *buf, size_t size, P2pSpan text)
{
  size_t n = MIN (text.n, size - 1);
  const char *valid;

  if (n > 0)
    memcpy (buf, text.p, n);
  buf[n] = '\0';
  if (!g_utf8_validate (buf, -1, &valid))
    buf[n < text.n && g_utf8_get_char_validated (valid, -1) == (gunichar) -2 ? valid - buf : 0]
        = '\0'; /* a character that was cut goes, other nonsense with all of it */
}

static void
copy_address (char *buf, size_t size, const struct sockaddr *peer)
{
  char text[INET6_ADDRSTRLEN];
  uint16_t port;

  p2p_peer_format (peer, text, &port);
  (void) snprintf (buf, size, strchr (text, ':') ? "[%s]:%u" : "%s:%u", text, port); /* fits */
}

static bool
is_room (int64_t agent_id)
{
  P2P_LOCKED (&registry.lock);
  const Known *known = g_hash_table_lookup (registry.known, &agent_id);

  return !registry.stopping
         && ((known && known->live) || registry.n_live < registry.options.agents_max);
}

static void
start_session (P2pStream *take_strm,
               const ConfigAgent *agent,
               const P2pRequestHead *head,
               const struct sockaddr *peer)
{
  g_autoptr (GError) error = NULL;
  bool half_close = lists_feature (head, P2P_SPAN (P2P_TUNNEL_HALF_CLOSE));
  Session *session = session_new (take_strm, agent, half_close, &error);

  if (!session)
    {
      p2p_log (P2P_LOG_ERROR, "agents", "agent '%s': %s", agent->name, error->message);
      return;
    }
  copy_text (session->instance, sizeof session->instance,
             field_value (head, P2P_SPAN ("x-p2pstream-agent-instance")));
  copy_text (session->reported_name, sizeof session->reported_name,
             field_value (head, P2P_SPAN ("x-p2pstream-agent-name")));
  copy_text (session->version, sizeof session->version,
             field_value (head, P2P_SPAN ("x-p2pstream-agent-version")));
  copy_address (session->address, sizeof session->address, peer);
  if (registry_add (session))
    p2p_log (P2P_LOG_INFO, "agents", "agent '%s': connected from %s", agent->name,
             session->address);
}

void
agents_handle_tunnel (P2pStream *take_strm,
                      const P2pRequestHead *head,
                      P2pSpan early,
                      const struct sockaddr *peer,
                      bool certified)
{
  g_autoptr (Config) cfg = config_get_current ();
  const ConfigAgent *agent = authenticate (
      cfg, field_value (head, P2P_SPAN ("x-p2pstream-agent-id")), bearer_token (head));
  Verdict verdict = judge (agent, head, early, certified);

  if (verdict.status == 101 && !is_room (agent->id))
    verdict = (Verdict){ 503, "too many agents" };
  if (verdict.status != 101)
    {
      refuse (take_strm, verdict);
      return;
    }
  if (!welcome (take_strm))
    {
      p2p_stream_close (take_strm);
      return;
    }
  start_session (take_strm, agent, head, peer);
}
