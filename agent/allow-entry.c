/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Reading one entry of AGENT_ALLOW or AGENT_DENY, see allow.h. Pure functions; any thread. */
#include "agent/allow-priv.h"

#include <glib.h>

#define NAME_MAX_LEN 253
#define LABEL_MAX_LEN 63

static const char no_destination[]
    = "must be a host name, *.domain or a network such as 10.0.0.0/8, then perhaps :port or "
      ":port-port";
static const char no_ports[] = "the port must be 1 to 65535, or two of them, the lower one first";

static bool
parse_port (P2pSpan text, uint16_t *ret_port)
{
  uint64_t port;

  if (text.n > 5 || !p2p_span_to_u64 (text, &port) || port < 1 || port > 65535)
    return false;
  *ret_port = (uint16_t) port;
  return true;
}

static bool
parse_ports (P2pSpan text, AllowEntry *entry)
{
  P2pSpan last = text, first = p2p_span_split (&last, '-');

  if (!parse_port (first, &entry->first))
    return false;
  entry->last = entry->first;
  return !last.p || (parse_port (last, &entry->last) && entry->first <= entry->last);
}

static bool
is_label (P2pSpan label)
{
  if (label.n == 0 || label.n > LABEL_MAX_LEN)
    return false;
  for (size_t i = 0; i < label.n; i++)
    if (!g_ascii_isalnum (label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
      return false;
  return true;
}

/* "10.1" and "0x7f.1" are addresses to the system's resolver, not names. */
static bool
is_number (P2pSpan label)
{
  size_t i = 0;

  if (label.n >= 2 && label.p[0] == '0' && (label.p[1] | 0x20) == 'x')
    return true;
  while (i < label.n && g_ascii_isdigit (label.p[i]))
    i++;
  return i == label.n;
}

static bool
parse_name (P2pSpan text, AllowEntry *entry)
{
  P2pSpan rest, label = P2P_SPAN_NONE;

  if (p2p_span_has_prefix (text, P2P_SPAN ("*.")))
    {
      entry->below = true;
      text = (P2pSpan){ text.p + 2, text.n - 2 };
    }
  if (text.n > 0 && text.p[text.n - 1] == '.')
    text.n--;
  if (text.n == 0 || text.n > NAME_MAX_LEN)
    return false;
  for (rest = text; rest.p;)
    {
      label = p2p_span_split (&rest, '.');
      if (!is_label (label))
        return false;
    }
  if (is_number (label))
    return false;
  entry->name = g_ascii_strdown (text.p, (gssize) text.n);
  return true;
}

/* The part before the ports. */
static bool
parse_destination (P2pSpan text, AllowEntry *entry)
{
  if (p2p_cidr_parse (text, &entry->cidr))
    return true;
  return parse_name (text, entry);
}

/* "[fd00::/8]:443" */
static const char *
parse_bracketed (P2pSpan text, AllowEntry *entry)
{
  P2pSpan rest = { text.p + 1, text.n - 1 }, network = p2p_span_split (&rest, ']');

  if (!rest.p || !memchr (network.p, ':', network.n) || !p2p_cidr_parse (network, &entry->cidr))
    return no_destination;
  if (rest.n == 0)
    return NULL;
  if (rest.p[0] != ':')
    return no_destination;
  return parse_ports ((P2pSpan){ rest.p + 1, rest.n - 1 }, entry) ? NULL : no_ports;
}

const char *
allow_entry_parse (const char *text, AllowEntry *ret_entry)
{
  P2pSpan all = p2p_span_from_string (text);
  const char *colon = strrchr (text, ':');

  *ret_entry = (AllowEntry){ .first = 0, .last = 65535 };
  if (*text == '[')
    return parse_bracketed (all, ret_entry);
  /* "fd00::1" has colons and no port */
  if (parse_destination (all, ret_entry))
    return NULL;
  *ret_entry = (AllowEntry){ 0 };
  if (!colon || !parse_destination ((P2pSpan){ text, (size_t) (colon - text) }, ret_entry))
    return no_destination;
  return parse_ports (p2p_span_from_string (colon + 1), ret_entry) ? NULL : no_ports;
}

void
allow_entry_clear (AllowEntry *entry)
{
  g_clear_pointer (&entry->name, g_free);
}
