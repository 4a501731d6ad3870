/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Who the client of a request is: the peer, or, when the peer is a proxy that the listener trusts,
 * whom it names. The one answer that logs, limits and forwarded fields use. The worker of the
 * request; nothing here allocates. */
#include "daemon/proxy/proxy-priv.h"

#include "lib/peer.h"

#include <arpa/inet.h>
#include <glib.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool
is_trusted (const ConfigListener *listener, const uint8_t address[16])
{
  for (unsigned i = 0; i < listener->n_trusted_proxies; i++)
    if (p2p_cidr_contains (&listener->trusted_proxies[i], address))
      return true;
  return false;
}

static bool
parse_address (P2pSpan text, uint8_t ret_address[16])
{
  P2pCidr cidr;

  if (text.n == 0 || memchr (text.p, '/', text.n) || !p2p_cidr_parse (text, &cidr))
    return false;
  memcpy (ret_address, cidr.address, 16);
  return true;
}

bool
client_is_trusted_peer (int64_t listener_id, const struct sockaddr *peer)
{
  g_autoptr (Config) cfg = config_get_current ();
  const ConfigListener *listener = config_find_listener (cfg, listener_id);
  char text[INET6_ADDRSTRLEN];
  uint8_t address[16];
  uint16_t port;

  p2p_peer_format (peer, text, &port);
  return listener && parse_address (p2p_span_from_string (text), address)
         && is_trusted (listener, address);
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80" (RFC 7239 section
 * 6). */
static bool
parse_node (P2pSpan text, uint8_t ret_address[16])
{
  const char *colon = text.n > 0 ? memchr (text.p, ':', text.n) : NULL;
  const char *end = text.p + text.n;
  P2pSpan port = P2P_SPAN_NONE;
  uint64_t number;

  if (text.n > 0 && text.p[0] == '[')
    {
      const char *close = memchr (text.p, ']', text.n);

      if (!close || (close + 1 < end && close[1] != ':'))
        return false;
      if (close + 1 < end)
        port = (P2pSpan){ close + 2, (size_t) (end - close - 2) };
      text = (P2pSpan){ text.p + 1, (size_t) (close - text.p - 1) };
    }
  else if (colon && !memchr (colon + 1, ':', (size_t) (end - colon - 1)))
    {
      port = (P2pSpan){ colon + 1, (size_t) (end - colon - 1) };
      text.n = (size_t) (colon - text.p);
    }
  if (port.p && port.n > 1 && port.p[0] == '_')
    port = P2P_SPAN_NONE; /* somebody keeps it to himself */
  if (port.p && (port.n > 5 || !p2p_span_to_u64 (port, &number) || number > 65535))
    return false;
  return parse_address (text, ret_address);
}

/* Where the quoted string that ends at text.p[at] begins; 0 when nothing begins it. A quote behind
 * an odd number of backslashes is a part of it (RFC 9110 section 5.6.4). */
static size_t
find_opening_quote (P2pSpan text, size_t at)
{
  while (at-- > 0)
    {
      size_t n = 0;

      if (text.p[at] != '"')
        continue;
      while (n < at && text.p[at - n - 1] == '\\')
        n++;
      if (n % 2 == 0)
        return at;
    }
  return 0;
}

/* Cuts the last element off a list. quotes: separators in quoted strings are none. Looks from the
 * right, where those stand who are trusted: what somebody wrote before them, a quote that never
 * ends, changes nothing of it. */
static P2pSpan
split_last (P2pSpan *list, char separator, bool quotes)
{
  P2pSpan last = *list;
  size_t at = list->n;

  while (at > 0 && list->p[at - 1] != separator)
    {
      at--;
      if (quotes && list->p[at] == '"')
        at = find_opening_quote (*list, at);
    }
  if (at > 0)
    {
      last = (P2pSpan){ list->p + at, list->n - at };
      list->n = at - 1;
    }
  else
    *list = P2P_SPAN_NONE;
  return p2p_span_trim (last);
}

/* A parameter of one element of Forwarded (RFC 7239 section 4), without its quotes. One that stands
 * twice, which nobody may write, is none. */
static P2pSpan
find_parameter (P2pSpan element, P2pSpan name)
{
  P2pSpan found = P2P_SPAN_NONE;

  while (element.n > 0)
    {
      P2pSpan value = split_last (&element, ';', true);
      P2pSpan key = p2p_span_split (&value, '=');

      if (!p2p_span_equal_nocase (key, name))
        continue;
      if (found.p)
        return P2P_SPAN_NONE;
      if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
        value = (P2pSpan){ value.p + 1, value.n - 2 };
      found = value;
    }
  return found;
}

/* The address stands before the chain so far, and is the client until another one does. */
static bool
put_before (Request *req, const uint8_t address[16])
{
  bool v4 = memcmp (address, mapped, sizeof mapped) == 0;
  char text[INET6_ADDRSTRLEN];
  size_t n;

  if (!inet_ntop (v4 ? AF_INET : AF_INET6, v4 ? address + 12 : address, text, sizeof text))
    return false;
  n = strlen (text);
  if (req->chain_start < n + 2)
    return false; /* more proxies than anybody has */
  req->chain_start -= n + 2;
  memcpy (req->ws->chain + req->chain_start, text, n);
  memcpy (req->ws->chain + req->chain_start + n, ", ", 2);
  memcpy (req->client, text, n + 1);
  return true;
}

/* Right to left, as far as those who wrote it are trusted; what is no address ends it, and the last
 * one stands. False: there is no such field. */
static bool
walk_fields (Request *req, P2pFieldId id)
{
  const P2pMessage *msg = &req->head->msg;
  bool found = false;

  for (unsigned i = msg->n_fields; i > 0; i--)
    {
      P2pSpan list = msg->fields[i - 1].value;

      if (msg->fields[i - 1].id != id)
        continue;
      found = true;
      while (list.n > 0)
        {
          P2pSpan node = split_last (&list, ',', id == P2P_FIELD_FORWARDED);
          uint8_t address[16];

          if (id == P2P_FIELD_FORWARDED)
            node = find_parameter (node, P2P_SPAN ("for"));
          if (!parse_node (node, address) || !put_before (req, address)
              || !is_trusted (req->listener, address))
            return true;
        }
    }
  return found;
}

/* The last element of the last of these fields, or nothing. */
static P2pSpan
last_element (const P2pMessage *msg, P2pFieldId id)
{
  for (unsigned i = msg->n_fields; i > 0; i--)
    if (msg->fields[i - 1].id == id)
      {
        P2pSpan list = msg->fields[i - 1].value;

        return split_last (&list, ',', id == P2P_FIELD_FORWARDED);
      }
  return P2P_SPAN_NONE;
}

/* How the client reached the outermost trusted proxy is known to the innermost only by what it was
 * told: its own word, the last one, counts. forwarded: so does that of Forwarded, which a proxy
 * that writes the other fields may pass on from anybody. */
static void
resolve_scheme (Request *req, bool forwarded)
{
  const P2pMessage *msg = &req->head->msg;
  P2pSpan scheme = last_element (msg, P2P_FIELD_X_FORWARDED_PROTO);

  if (!scheme.p && forwarded)
    scheme = find_parameter (last_element (msg, P2P_FIELD_FORWARDED), P2P_SPAN ("proto"));
  if (p2p_span_equal_nocase (scheme, P2P_SPAN ("https")))
    req->https = true;
  else if (p2p_span_equal_nocase (scheme, P2P_SPAN ("http")))
    req->https = false;
}

void
request_resolve_client (Request *req)
{
  uint8_t peer[16];
  bool forwarded;

  g_strlcpy (req->client, req->conn->address, sizeof req->client);
  /* A connection keeps what it began with, when the listener has changed since. */
  req->https = req->explanation ? req->listener->protocol == CONFIG_PROTOCOL_HTTPS
                                : req->conn->listener->tls != NULL;
  req->chain_start = sizeof req->ws->chain;
  if (req->listener->n_trusted_proxies == 0
      || !parse_address (p2p_span_from_string (req->conn->address), peer)
      || !is_trusted (req->listener, peer))
    return;
  forwarded = !walk_fields (req, P2P_FIELD_X_FORWARDED_FOR);
  if (forwarded)
    (void) walk_fields (req, P2P_FIELD_FORWARDED); /* neither: the peer it is */
  resolve_scheme (req, forwarded);
}
