/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One health check: the request that the target's origin is asked with, on a connection of its own,
 * and what its answer means. Any thread that may block to the check's time-out. Redirects are
 * answers like others and never followed. */
#include "daemon/agents/agents.h"
#include "daemon/health/health-priv.h"
#include "daemon/proxy/upstream-dial.h"
#include "lib/http1.h"

#define HEAD_MAX ((size_t) 16 * 1024)
#define BODY_MAX                                                                                   \
  ((size_t) 64                                                                                     \
   * 1024) /* read to its end when it is not longer, so that the origin can close in peace */
#define BODY_MS 1000
#define SLICE_MS 200 /* of waiting between two looks at stop */

typedef struct
{
  const HealthQuestion *question; /* (borrowed) */
  HealthAnswer *answer;           /* (borrowed) */
  Upstream up;
  int64_t deadline_us;
  P2pResponseHead head;
  size_t n, scanned;
  char buf[HEAD_MAX];
} Ask;

/* --- the request ------------------------------------------------------------------------------ */

/* host: a name, or an address without brackets. */
static void
append_name (GString *out, const char *host)
{
  g_string_append_printf (out, strchr (host, ':') ? "[%s]" : "%s", host);
}

/* What the clients of the route ask for, when they all ask for one and the same; else what the URL
 * says. */
static void
append_host (GString *out, const ConfigRoute *route, const ConfigTarget *target)
{
  bool usual = target->port == (target->https ? 443 : 80);

  if (target->host_value)
    g_string_append (out, target->host_value);
  else if (*route->host_pattern && *route->host_pattern != '*')
    append_name (out, route->host_pattern);
  else if (g_str_has_prefix (target->host, "unix:"))
    g_string_append (out, "localhost");
  else
    {
      append_name (out, target->host);
      if (!usual)
        g_string_append_printf (out, ":%u", target->port);
    }
}

static GString *
write_request (const HealthQuestion *question)
{
  const ConfigTarget *target = question->target;
  GString *out = g_string_new (NULL);

  g_string_append_printf (out, "%s %s HTTP/1.1\r\nHost: ", target->health.method,
                          target->health.path);
  append_host (out, question->route, target);
  g_string_append (out, "\r\nConnection: close\r\n");
  if (!g_strv_contains ((const char *const *) target->request_field_names, "user-agent"))
    g_string_append (out, "User-Agent: p2pstream-health/" PACKAGE_VERSION "\r\n");
  if (!g_strv_contains ((const char *const *) target->request_field_names, "accept"))
    g_string_append (out, "Accept: */*\r\n");
  g_string_append_len (out, target->request_fields.p, (gssize) target->request_fields.n);
  g_string_append (out, "\r\n");
  return out;
}

/* --- what went wrong -------------------------------------------------------------------------- */

static void
say (Ask *ask, const char *error)
{
  g_strlcpy (ask->answer->error, error, sizeof ask->answer->error);
}

/* why: (nullable) more than the result says. */
static void
say_result (Ask *ask, UpstreamResult result, const char *why)
{
  /* What is full is ours, and an agent that left is no fault of the origin's. */
  ask->answer->verdict = result != UPSTREAM_OVERLOADED && result != UPSTREAM_UNSEEN
                         && result != UPSTREAM_NO_AGENT && result != UPSTREAM_AGENT
                         && result != UPSTREAM_STOPPED;
  switch (result)
    {
    case UPSTREAM_NO_AGENT:
      say (ask, "the agent is not connected");
      return;
    case UPSTREAM_OVERLOADED:
    case UPSTREAM_BUSY:
      say (ask, "too many connections to the origin are open");
      return;
    case UPSTREAM_UNSEEN:
      say (ask, "the agent takes no more connections now");
      return;
    case UPSTREAM_AGENT:
      say (ask, "the connection to the agent broke");
      return;
    case UPSTREAM_TIMEOUT:
      say (ask, "the origin could not be reached in time");
      return;
    case UPSTREAM_AGENT_TIMEOUT:
      say (ask, "the agent did not take the stream in time");
      return;
    case UPSTREAM_REFUSED:
      say (ask, "the origin refused the connection");
      return;
    case UPSTREAM_DENIED:
      say (ask, "the agent does not allow this origin (denied)");
      return;
    case UPSTREAM_TLS:
      g_snprintf (ask->answer->error, sizeof ask->answer->error, "TLS with the origin failed%s%s",
                  why ? ": " : "", why ? why : "");
      return;
    case UPSTREAM_OK:
    case UPSTREAM_STOPPED:
    case UPSTREAM_UNUSABLE:
    case UPSTREAM_FULL:
    case UPSTREAM_FAILED:
      break;
    }
  say (ask, "the origin cannot be reached");
}

static void
say_io (Ask *ask, P2pIo io)
{
  const char *refusal = ask->up.tunnel ? agents_stream_error (ask->up.tunnel) : NULL;

  if (atomic_load (ask->question->stop)
      || (ask->up.tunnel && !agents_is_connected (ask->question->agent_id)))
    ask->answer->verdict = false;
  else if (io != P2P_IO_TIMEOUT && ask->up.tunnel && agents_stream_is_unseen (ask->up.tunnel))
    say_result (ask, UPSTREAM_UNSEEN, NULL);
  else if (refusal)
    say_result (ask, upstream_judge_refusal (refusal), NULL);
  else if (io == P2P_IO_TIMEOUT || io == P2P_IO_AGAIN)
    g_snprintf (ask->answer->error, sizeof ask->answer->error,
                "no answer within %" G_GINT64_FORMAT " ms",
                ask->question->target->health.timeout_ms);
  else
    say (ask, "the origin closed the connection without an answer");
}

/* --- the answer ------------------------------------------------------------------------------- */

/* Reads what comes, in slices of waiting. */
static P2pIo
read_some (Ask *ask, char *buf, size_t size, size_t *ret_n, int64_t deadline_us)
{
  for (;;)
    {
      P2pIo io = p2p_stream_read (ask->up.strm, buf, size, ret_n,
                                  MIN (deadline_us, p2p_deadline_ms (SLICE_MS)));

      if (io != P2P_IO_TIMEOUT || p2p_now_us () >= deadline_us || atomic_load (ask->question->stop))
        return io;
    }
}

static P2pMethod
method_of (const ConfigHealthCheck *check)
{
  if (strcmp (check->method, "HEAD") == 0)
    return P2P_METHOD_HEAD;
  return strcmp (check->method, "OPTIONS") == 0 ? P2P_METHOD_OPTIONS : P2P_METHOD_GET;
}

/* True: the head of a final answer, of *ret_size bytes, is there. */
static bool
read_head (Ask *ask, size_t *ret_size)
{
  for (;;)
    {
      P2pHttp1 http = p2p_http1_find_end (ask->buf, ask->n, &ask->scanned, ret_size);
      size_t n;
      P2pIo io;

      if (http == P2P_HTTP1_OK)
        http = p2p_http1_parse_response (ask->buf, *ret_size,
                                         method_of (&ask->question->target->health), &ask->head);
      if (http == P2P_HTTP1_OK && (ask->head.status >= 200 || ask->head.status == 101))
        return true;
      if (http == P2P_HTTP1_OK)
        {
          ask->n -= *ret_size;
          memmove (ask->buf, ask->buf + *ret_size, ask->n);
          ask->scanned = 0;
          continue;
        }
      if (http != P2P_HTTP1_MORE || ask->n == sizeof ask->buf)
        {
          say (ask, http == P2P_HTTP1_MORE ? "the answer has too large a head"
                                           : "the answer is not HTTP, or malformed");
          return false;
        }
      io = read_some (ask, ask->buf + ask->n, sizeof ask->buf - ask->n, &n, ask->deadline_us);
      if (io != P2P_IO_OK)
        {
          say_io (ask, io);
          return false;
        }
      ask->n += n;
    }
}

static void
judge_status (Ask *ask)
{
  const ConfigHealthCheck *check = &ask->question->target->health;
  HealthAnswer *answer = ask->answer;

  answer->status_code = ask->head.status;
  answer->good
      = answer->status_code >= check->status_min && answer->status_code <= check->status_max;
  if (!answer->good)
    g_snprintf (answer->error, sizeof answer->error, "the origin answered %u, not %u to %u",
                answer->status_code, check->status_min, check->status_max);
}

/* A close while the origin still writes would be an error in its log. n: bytes of the body that are
 * here. */
static void
drain (Ask *ask, size_t n)
{
  const P2pMessage *msg = &ask->head.msg;
  int64_t deadline_us = MIN (ask->deadline_us, p2p_deadline_ms (BODY_MS));
  size_t got;

  if (msg->body == P2P_BODY_NONE)
    return;
  while (n < BODY_MAX && !(msg->body == P2P_BODY_LENGTH && n >= msg->content_length)
         && !atomic_load (ask->question->stop)
         && read_some (ask, ask->buf, sizeof ask->buf, &got, deadline_us) == P2P_IO_OK)
    n += got;
}

static bool
send_request (Ask *ask)
{
  g_autoptr (GString) request = write_request (ask->question);
  struct iovec iov = { .iov_base = request->str, .iov_len = request->len };
  P2pIo io = p2p_stream_write_all (ask->up.strm, &iov, 1, NULL, ask->deadline_us);

  explicit_bzero (request->str, request->len); /* it may have a password in it */
  if (io == P2P_IO_OK)
    return true;
  say_io (ask, io);
  return false;
}

static int64_t
since_ms (int64_t start_us)
{
  return (p2p_now_us () - start_us + 500) / 1000;
}

static void
converse (Ask *ask, int64_t start_us)
{
  size_t size;
  bool answered = send_request (ask) && read_head (ask, &size);

  ask->answer->duration_ms = since_ms (start_us);
  if (!answered)
    return;
  judge_status (ask);
  drain (ask, ask->n - size);
}

void
health_ask (const HealthQuestion *question, HealthAnswer *ret_answer)
{
  const ConfigTarget *target = question->target;
  int64_t start_us = p2p_now_us ();
  g_autofree Ask *ask = g_new0 (Ask, 1);
  g_autofree char *why = NULL;
  UpstreamDial dial = { .cfg = question->cfg,
                        .target = target,
                        .agent_id = question->agent_id,
                        .request_id = "health",
                        .ret_why = &why };
  UpstreamResult result;

  *ret_answer = (HealthAnswer){ .verdict = true };
  ask->question = question;
  ask->answer = ret_answer;
  ask->deadline_us = start_us + target->health.timeout_ms * 1000;
  result = upstream_dial (
      &dial, MIN (ask->deadline_us, start_us + target->connect_timeout_ms * 1000), &ask->up);
  if (result == UPSTREAM_OK)
    {
      converse (ask, start_us);
      upstream_close (&ask->up);
      return;
    }
  ret_answer->duration_ms = since_ms (start_us);
  say_result (ask, result, why);
}
