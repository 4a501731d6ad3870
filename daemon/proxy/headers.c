/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Heads that we write. Fields are copied in the order they came, without the hop-by-hop ones (RFC
 * 9110 section 7.6.1) and without those that only we may set. */
#include "daemon/proxy/headers.h"

#include "daemon/proxy/upgrade.h"
#include "lib/date.h"

#include <glib.h>

static const P2pSpan via_name = { "p2pstream", 9 };

/* Fields by which a client could pretend to be somebody else. Other spellings ("_" for "-") are
 * hop-by-hop by the parser's word already. */
static bool
is_ours (const P2pField *field)
{
  static const P2pSpan prefix = { "x-forwarded-", 12 };

  switch (field->id)
    {
    case P2P_FIELD_FORWARDED:
    case P2P_FIELD_X_FORWARDED_FOR:
    case P2P_FIELD_X_FORWARDED_PROTO:
    case P2P_FIELD_X_FORWARDED_HOST:
    case P2P_FIELD_X_REAL_IP:
      return true;
    case P2P_FIELD_OTHER:
      return field->name.n > prefix.n && (field->name.p[0] | 0x20) == 'x'
             && p2p_span_equal_nocase ((P2pSpan){ field->name.p, prefix.n }, prefix);
    default:
      return false;
    }
}

/* Not copied from the client: hop-by-hop, written by us below, or forged. */
static bool
skip_request_field (const P2pField *field)
{
  if (field->hop_by_hop)
    return true;
  switch (field->id)
    {
    case P2P_FIELD_HOST:
    case P2P_FIELD_CONTENT_LENGTH:
    case P2P_FIELD_VIA:
      return true;
    default:
      return is_ours (field);
    }
}

/* Some origins take "_" and "." for "-". */
static char
fold (char c)
{
  if (c >= 'A' && c <= 'Z')
    return (char) (c | 0x20);
  return c == '_' || c == '.' ? '-' : c;
}

/* Whether the target sets a field of this name itself: then nobody else's is forwarded, whatever it
 * is spelled like. */
static bool
is_replaced (const ConfigTarget *target, P2pSpan name)
{
  for (char **own = target->request_field_names; *own; own++)
    {
      size_t i = 0;

      while (i < name.n && (*own)[i] != '\0' && fold (name.p[i]) == fold ((*own)[i]))
        i++;
      if (i == name.n && (*own)[i] == '\0')
        return true;
    }
  return false;
}

/* An address as RFC 7239 section 6 writes it: IPv6 in brackets and quotes. */
static void
put_forwarded_for (Writer *out, const char *client)
{
  bool ipv6 = strchr (client, ':') != NULL;

  if (strcmp (client, "unix") == 0)
    {
      WRITER_PUT (out, "for=_unix");
      return;
    }
  writer_put (out, ipv6 ? P2P_SPAN ("for=\"[") : P2P_SPAN ("for="));
  writer_put (out, p2p_span_from_string (client));
  if (ipv6)
    WRITER_PUT (out, "]\"");
}

/* The host as the client wrote it: with its port, if it named one. */
static void
put_client_host (Writer *out, const P2pRequestHead *head)
{
  bool ipv6 = head->host.n > 0 && memchr (head->host.p, ':', head->host.n) != NULL;

  if (ipv6)
    WRITER_PUT (out, "[");
  writer_put (out, head->host);
  if (ipv6)
    WRITER_PUT (out, "]");
  if (head->port != 0)
    {
      WRITER_PUT (out, ":");
      writer_put_u64 (out, head->port);
    }
}

static void
put_forwarded (Writer *out, const Request *req)
{
  P2pSpan proto = req->https ? P2P_SPAN ("https") : P2P_SPAN ("http");

  /* The client first, then the proxies behind it as far as they are trusted, the peer last. */
  WRITER_PUT (out, "X-Forwarded-For: ");
  writer_put (out, (P2pSpan){ req->ws->chain + req->chain_start,
                              sizeof req->ws->chain - req->chain_start });
  writer_put (out, p2p_span_from_string (req->conn->address));
  WRITER_PUT (out, "\r\n");
  writer_put_field (out, P2P_SPAN ("X-Forwarded-Proto"), proto);
  if (req->head->host.n > 0)
    {
      WRITER_PUT (out, "X-Forwarded-Host: ");
      put_client_host (out, req->head);
      WRITER_PUT (out, "\r\n");
    }
  WRITER_PUT (out, "Forwarded: ");
  put_forwarded_for (out, req->client);
  if (req->head->host.n > 0)
    {
      WRITER_PUT (out, ";host=\"");
      put_client_host (out, req->head);
      WRITER_PUT (out, "\"");
    }
  WRITER_PUT (out, ";proto=");
  writer_put (out, proto);
  WRITER_PUT (out, "\r\n");
}

/* RFC 9110 section 7.6.3: appended to what is there. */
static void
put_via (Writer *out, const P2pMessage *msg)
{
  WRITER_PUT (out, "Via: ");
  for (unsigned i = 0; i < msg->n_fields; i++)
    if (msg->fields[i].id == P2P_FIELD_VIA)
      {
        writer_put (out, msg->fields[i].value);
        WRITER_PUT (out, ", ");
      }
  writer_put (out, msg->minor == 0 ? P2P_SPAN ("1.0 ") : P2P_SPAN ("1.1 "));
  writer_put (out, via_name);
  WRITER_PUT (out, "\r\n");
}

static void
put_request_line (Writer *out, const Request *req)
{
  const P2pRequestHead *head = req->head;

  writer_put (out, head->method);
  WRITER_PUT (out, " ");
  writer_put (out, p2p_span_from_string (req->target->base_path));
  writer_put (out, head->path);
  if (head->has_query)
    {
      WRITER_PUT (out, "?");
      writer_put (out, head->query);
    }
  WRITER_PUT (out, " HTTP/1.1\r\nHost: ");
  if (req->target->host_value)
    writer_put (out, p2p_span_from_string (req->target->host_value));
  else
    put_client_host (out, head);
  WRITER_PUT (out, "\r\n");
}

static void
put_request_framing (Writer *out, const Request *req, bool upgrade)
{
  const P2pMessage *msg = &req->head->msg;

  if (msg->body == P2P_BODY_CHUNKED)
    WRITER_PUT (out, "Transfer-Encoding: chunked\r\n");
  else if (msg->has_content_length)
    {
      WRITER_PUT (out, "Content-Length: ");
      writer_put_u64 (out, msg->content_length);
      WRITER_PUT (out, "\r\n");
    }
  if (upgrade)
    {
      WRITER_PUT (out, "Connection: Upgrade\r\n");
      upgrade_put (out, msg, req->target);
    }
  else if (p2p_message_has_token (msg, P2P_FIELD_TE, P2P_SPAN ("trailers")))
    WRITER_PUT (out, "Connection: TE\r\nTE: trailers\r\n");
}

bool
headers_write_request (Request *req, bool upgrade, Writer *out)
{
  const P2pMessage *msg = &req->head->msg;

  put_request_line (out, req);
  for (unsigned i = 0; i < msg->n_fields; i++)
    if (!skip_request_field (&msg->fields[i]) && !is_replaced (req->target, msg->fields[i].name))
      writer_put_field (out, msg->fields[i].name, msg->fields[i].value);
  writer_put (out, req->target->request_fields);
  put_forwarded (out, req);
  put_via (out, msg);
  put_request_framing (out, req, upgrade);
  WRITER_PUT (out, "\r\n");
  return !out->overflow;
}

static void
put_status_line (Writer *out, unsigned status, P2pSpan reason)
{
  WRITER_PUT (out, "HTTP/1.1 ");
  writer_put_u64 (out, status);
  WRITER_PUT (out, " ");
  writer_put (out, reason);
  WRITER_PUT (out, "\r\n");
}

static void
put_response_framing (const Request *req,
                      const P2pResponseHead *resp,
                      Frame frame,
                      bool close,
                      Writer *out)
{
  /* RFC 9110 section 8.6: no length in a 204, not even the 0 that some origins send. */
  if (frame == FRAME_CHUNKED)
    WRITER_PUT (out, "Transfer-Encoding: chunked\r\n");
  else if (frame != FRAME_CLOSE && resp->msg.has_content_length && resp->status != 204)
    {
      WRITER_PUT (out, "Content-Length: ");
      writer_put_u64 (out, resp->msg.content_length);
      WRITER_PUT (out, "\r\n");
    }
  /* RFC 9110 section 15.5.22: 426 says what to ask for. */
  if (resp->status == 101
      || (resp->status == 426 && req->head->msg.minor > 0
          && upgrade_is_offered (&resp->msg, req->target)))
    {
      if (close)
        WRITER_PUT (out, "Connection: Upgrade, close\r\n");
      else
        WRITER_PUT (out, "Connection: Upgrade\r\n");
      upgrade_put (out, &resp->msg, req->target);
    }
  else if (resp->status >= 200 && close)
    WRITER_PUT (out, "Connection: close\r\n");
  else if (resp->status >= 200 && req->head->msg.minor == 0)
    WRITER_PUT (out, "Connection: keep-alive\r\n");
}

bool
headers_write_response (const Request *req,
                        const P2pResponseHead *resp,
                        Frame frame,
                        bool close,
                        Writer *out)
{
  const P2pMessage *msg = &resp->msg;

  put_status_line (out, resp->status, resp->reason);
  for (unsigned i = 0; i < msg->n_fields; i++)
    {
      const P2pField *field = &msg->fields[i];

      if (!field->hop_by_hop && field->id != P2P_FIELD_CONTENT_LENGTH && field->id != P2P_FIELD_VIA)
        writer_put_field (out, field->name, field->value);
    }
  put_via (out, msg);
  if (resp->status >= 200 && !p2p_message_field (msg, P2P_FIELD_DATE))
    writer_put_field (out, P2P_SPAN ("Date"), p2p_date_now ());
  put_response_framing (req, resp, frame, close, out);
  WRITER_PUT (out, "\r\n");
  return !out->overflow;
}
